"""Bring a head to the template: affine from several starts, then a symmetric warp.

World coordinates are RAS in mm unless a name says ITK (LPS). A transform maps points of the
reference (fixed) image to points of the moving one, as resampling needs it.
"""

import tempfile
from dataclasses import dataclass
from itertools import product
from typing import Any

import lazy_loader
import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.imaging.space.itk import (
    composed,
    make_deterministic,
    matrix_of,
    to_ants,
    write_affine,
)
from npsle_app.imaging.space.registration import at_spacing
from npsle_app.imaging.space.volumes import crop, on_grid_of

ants = lazy_loader.load("ants")

_START_PITCHES_DEG = (15.0, -15.0, 0.0)
_START_DROPS_MM = (0.0, 20.0)
_AGREE_MM = 3.0
_BORDER = 2  # voxels: resampling and flowing blood spoil the outermost


@dataclass(frozen=True, slots=True)
class TemplateFit:
    """How a head lies in the template.

    `affine` maps template world to head world (4, 4); the fields are dense displacements
    (5-D NIfTI vectors, ITK convention), `to_template` on the template's grid, `to_native`
    over the head's field of view. `starts_agree_mm` is how far apart the two best of the
    independent affine starts put the template's points (median).
    """

    affine: Floats
    to_template: nib.Nifti1Image
    to_native: nib.Nifti1Image
    starts_agree_mm: float


def register_to_template(
    head: nib.Nifti1Image,
    *,
    template: nib.Nifti1Image,
    region: nib.Nifti1Image,
    seed: int,
    affine_sampling_mm: float,
    warp_sampling_mm: float,
    warp_iterations: tuple[int, ...],
    within_view: bool = False,
) -> TemplateFit:
    """Bring a head to the template: affine from several starts, then symmetric warp.

    Parameters
    ----------
    head, template : Nifti1Image
        Images of one contrast and like content: both with skull, or both without.
    region : Nifti1Image
        Where the template's warp is driven, on the template's grid (0 elsewhere): neck and
        face are left out of it.
    within_view : bool
        Whether the warp is driven by what the head's field of view shows alone. Else the border
        of a view that cuts the brain is drawn to the border of the template's brain.

    Notes
    -----
    SyN with the neighbourhood cross-correlation of [1]_ after Mattes mutual information.

    References
    ----------
    .. [1] Avants et al. (2008) Med Image Anal 12:26-41. doi:10.1016/j.media.2007.06.004
    """
    make_deterministic(seed)
    fits = _affine_fits(head, template=template, sampling_mm=affine_sampling_mm)
    grid, moving = to_ants(template), to_ants(at_spacing(head, spacing_mm=warp_sampling_mm))
    fixed, mask = (to_ants(crop(image, region)) for image in (template, region))
    with tempfile.TemporaryDirectory() as folder:
        start = write_affine(fits[0][1], f"{folder}/start.mat")
        affine = ants.registration(
            fixed, moving, type_of_transform="Affine", initial_transform=start, mask=mask,
            aff_iterations=(100, 50, 20), aff_shrink_factors=(4, 2, 1),
            aff_smoothing_sigmas=(2, 1, 0), outprefix=f"{folder}/affine_",
        )  # fmt: skip
        if within_view:
            mask = mask * _view(moving, fixed=fixed, transform=affine["fwdtransforms"][0])
        found = ants.registration(
            fixed, moving, type_of_transform="SyNOnly",
            initial_transform=affine["fwdtransforms"][0], mask=mask,
            syn_metric="CC", syn_sampling=2, reg_iterations=warp_iterations, flow_sigma=3,
            outprefix=f"{folder}/warp_",
        )  # fmt: skip
        matrix = matrix_of(ants.read_transform(affine["fwdtransforms"][0]))
        return TemplateFit(
            affine=matrix,
            to_template=composed(found["fwdtransforms"], [False, False], grid, moving),
            to_native=composed(found["invtransforms"], [True, False], moving, fixed),
            starts_agree_mm=_distance_mm(fits[0][1], fits[1][1], template),
        )


def _affine_fits(
    head: nib.Nifti1Image, *, template: nib.Nifti1Image, sampling_mm: float
) -> list[tuple[float, Floats]]:
    """Try starts until the two best agree; return (dissimilarity, matrix), the best first."""
    images = [at_spacing(image, spacing_mm=sampling_mm) for image in (template, head)]
    fixed, moving = (to_ants(_clipped(image)) for image in images)
    fits: list[tuple[float, Floats]] = []
    with tempfile.TemporaryDirectory() as folder:
        for drop, pitch in product(_START_DROPS_MM, _START_PITCHES_DEG):
            start = _start(images[1], images[0], pitch_deg=pitch, drop_mm=drop)
            found = ants.registration(
                fixed, moving, type_of_transform="Affine",
                initial_transform=write_affine(start, f"{folder}/start.mat"),
                aff_iterations=(60, 30), aff_shrink_factors=(2, 1), aff_smoothing_sigmas=(1, 0),
                outprefix=f"{folder}/fit_",
            )  # fmt: skip
            cost = ants.image_similarity(fixed, found["warpedmovout"], "MattesMutualInformation")
            matrix = matrix_of(ants.read_transform(found["fwdtransforms"][0]))
            fits = sorted([*fits, (float(cost), matrix)], key=lambda fit: fit[0])
            if len(fits) > 1 and _distance_mm(fits[0][1], fits[1][1], images[0]) < _AGREE_MM:
                break
    return fits


def _view(moving: Any, *, fixed: Any, transform: str) -> Any:
    """Mark on the fixed grid what the moving image shows, two voxels inside its border."""
    inner = np.pad(np.ones(np.subtract(moving.shape, 2 * _BORDER), np.float32), _BORDER)
    shown = ants.apply_transforms(
        fixed, moving.new_image_like(inner), [transform], interpolator="nearestNeighbor"
    )
    return shown.threshold_image(0.5)


def _start(
    head: nib.Nifti1Image, template: nib.Nifti1Image, *, pitch_deg: float, drop_mm: float
) -> Floats:
    """Lay the crowns of both heads on one another, then pitch about the brain's middle."""
    shift = np.eye(4)
    shift[:3, 3] = crown_mm(head) - crown_mm(template) + (0, 0, -drop_mm)
    angle = np.deg2rad(pitch_deg)
    pitch = np.eye(4)
    pitch[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    middle = np.eye(4)
    middle[:3, 3] = crown_mm(template) - (0, 0, 80)
    matrix: Floats = shift @ middle @ pitch @ np.linalg.inv(middle)
    return matrix


def crown_mm(head: nib.Nifti1Image) -> Floats:
    """Top of the head in z, its middle in x and y (world mm); the neck has no say."""
    data = head.get_fdata(dtype=np.float32)
    bright = np.argwhere(data > 0.3 * np.percentile(data[data > 0], 90))
    points = bright @ head.affine[:3, :3].T + head.affine[:3, 3]
    top = np.percentile(points[:, 2], 99.8)
    upper = points[points[:, 2] > top - 120]
    return np.array([*np.median(upper[:, :2], axis=0), top])


def _clipped(image: nib.Nifti1Image) -> nib.Nifti1Image:
    data = image.get_fdata(dtype=np.float32)
    return on_grid_of(image, np.clip(data, 0, np.percentile(data[data > 0], 99)))


def _distance_mm(first: Floats, second: Floats, template: nib.Nifti1Image) -> float:
    inside = np.argwhere(template.get_fdata(dtype=np.float32) > 0)[::97]
    points = nib.affines.apply_affine(template.affine, inside)
    gaps = nib.affines.apply_affine(first, points) - nib.affines.apply_affine(second, points)
    return float(np.median(np.linalg.norm(gaps, axis=1)))
