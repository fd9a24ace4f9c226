"""Bring images to one another: rigid between scans, affine and warp to the template.

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
from nibabel.processing import resample_from_to, resample_to_output, smooth_image
from numpy.typing import NDArray

from npsle_app.imaging.itk import (
    composed,
    from_ants,
    make_deterministic,
    matrix_of,
    to_ants,
    write_affine,
)
from npsle_app.imaging.volumes import crop, like

ants = lazy_loader.load("ants")

_INTERPOLATORS = {0: "nearestNeighbor", 1: "linear", 3: "bSpline"}
_START_PITCHES_DEG = (15.0, -15.0, 0.0)
_START_DROPS_MM = (0.0, 20.0)
_AGREE_MM = 3.0
_RIGID_MM = 1.5  # coarser, thick slices come out up to 1 mm off
_SAME_PLACE_MM = 20.0  # headers that put the scans nearer to one another are believed


@dataclass(frozen=True, slots=True)
class TemplateFit:
    """How a head lies in the template.

    `affine` maps template world to head world (4, 4); the fields are dense displacements
    (5-D NIfTI vectors, ITK convention), `to_template` on the template's grid, `to_native`
    over the head's field of view. `starts_agree_mm` is how far apart the two best of the
    independent affine starts put the template's points (median).
    """

    affine: NDArray[np.float64]
    to_template: nib.Nifti1Image
    to_native: nib.Nifti1Image
    starts_agree_mm: float


def at_spacing(image: nib.Nifti1Image, *, spacing_mm: float) -> nib.Nifti1Image:
    """Resample to cubes of `spacing_mm` on RAS axes, smoothed against aliasing.

    Axes that are already coarser than `spacing_mm` are not smoothed.
    """
    data = like(image, image.get_fdata(dtype=np.float32))
    zooms = np.asarray(data.header.get_zooms()[:3], dtype=float)
    fwhm = np.sqrt(np.maximum(spacing_mm**2 - zooms**2, 0))
    smoothed = smooth_image(data, fwhm) if fwhm.any() else data
    found: nib.Nifti1Image = resample_to_output(smoothed, [spacing_mm] * 3, order=1)
    return found


def resample(
    moving: nib.Nifti1Image,
    *,
    reference: nib.Nifti1Image,
    matrix: NDArray[np.floating],
    order: int = 3,
) -> nib.Nifti1Image:
    """Resample `moving` onto `reference`; `matrix` maps reference world to moving world."""
    data = moving.get_fdata(dtype=np.float32)
    moved = nib.Nifti1Image(data, np.linalg.inv(matrix) @ moving.affine)
    found = resample_from_to(moved, (reference.shape[:3], reference.affine), order=order)
    values = found.get_fdata(dtype=np.float32)
    return like(reference, np.clip(values, data.min(), data.max()))


def warp(
    moving: nib.Nifti1Image, *, reference: nib.Nifti1Image, field: nib.Nifti1Image, order: int = 1
) -> nib.Nifti1Image:
    """Resample `moving` onto `reference` through a dense displacement field.

    Parameters
    ----------
    moving : Nifti1Image
        What to resample; outside it is 0.
    reference : Nifti1Image
        The grid wanted; it lies in the space that `field` starts from.
    field : Nifti1Image
        Displacements as in `TemplateFit`.
    order : int
        0 for labels, 1 linear, 3 spline.
    """
    transform = ants.transform_from_displacement_field(ants.from_nibabel_nifti(field))
    moved = ants.apply_ants_transform_to_image(
        transform, to_ants(moving), to_ants(reference), interpolation=_INTERPOLATORS[order]
    )
    return from_ants(moved, reference)


def register_rigid(
    moving: nib.Nifti1Image,
    *,
    fixed: nib.Nifti1Image,
    seed: int,
    fixed_mask: nib.Nifti1Image | None = None,
    spacing_mm: float = _RIGID_MM,
) -> NDArray[np.float64]:
    """Find the rigid motion between two scans of one head (Mattes mutual information).

    Both are resampled to cubes of `spacing_mm`.

    Returns
    -------
    (4, 4) array
        Maps world points of `fixed` to world points of `moving`, in mm.
    """
    make_deterministic(seed)
    target = crop(fixed, fixed_mask) if fixed_mask is not None else fixed
    small = [to_ants(at_spacing(image, spacing_mm=spacing_mm)) for image in (target, moving)]
    mask = small[0] * 0 + 1
    if fixed_mask is not None:
        mask = ants.resample_image_to_target(to_ants(fixed_mask), small[0], "nearestNeighbor")
    fits = [
        _fit_rigid(small[0], small[1], mask=mask, start=start) for start in _starts(moving, fixed)
    ]
    return min(fits, key=lambda fit: fit[0])[1]


def _starts(moving: nib.Nifti1Image, fixed: nib.Nifti1Image) -> list[NDArray[np.float64]]:
    """Trust the headers first; then lay the middles of both fields of view together."""
    shift = np.eye(4)
    shift[:3, 3] = _centre(moving) - _centre(fixed)
    return [np.eye(4), shift] if np.linalg.norm(shift[:3, 3]) > _SAME_PLACE_MM else [np.eye(4)]


def _fit_rigid(
    fixed: Any, moving: Any, *, mask: Any, start: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Refine one start; return its dissimilarity inside the mask and its matrix."""
    with tempfile.TemporaryDirectory() as folder:
        found = ants.registration(
            fixed,
            moving,
            type_of_transform="Rigid",
            initial_transform=write_affine(start, f"{folder}/start.mat"),
            mask=mask,
            aff_metric="mattes",
            aff_iterations=(150, 40),
            aff_shrink_factors=(2, 1),
            aff_smoothing_sigmas=(1, 0),
            outprefix=f"{folder}/fit_",
        )
        cost = ants.image_similarity(
            fixed, found["warpedmovout"], "MattesMutualInformation", fixed_mask=mask
        )
        matrix = matrix_of(ants.read_transform(found["fwdtransforms"][0]))
    return float(cost), matrix


def register_to_template(
    head: nib.Nifti1Image,
    *,
    template: nib.Nifti1Image,
    region: nib.Nifti1Image,
    seed: int,
    affine_sampling_mm: float,
    warp_sampling_mm: float,
    warp_iterations: tuple[int, ...],
) -> TemplateFit:
    """Bring a T1w head to the template: affine from several starts, then symmetric warp.

    Parameters
    ----------
    head, template : Nifti1Image
        T1w images of like content: both with skull, or both without.
    region : Nifti1Image
        Where the template's warp is driven, on the template's grid (0 elsewhere): neck and
        face are left out of it.

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
) -> list[tuple[float, NDArray[np.float64]]]:
    """Try starts until the two best agree; return (dissimilarity, matrix), the best first."""
    images = [at_spacing(image, spacing_mm=sampling_mm) for image in (template, head)]
    fixed, moving = (to_ants(_clipped(image)) for image in images)
    fits: list[tuple[float, NDArray[np.float64]]] = []
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


def _start(
    head: nib.Nifti1Image, template: nib.Nifti1Image, *, pitch_deg: float, drop_mm: float
) -> NDArray[np.float64]:
    """Lay the crowns of both heads on one another, then pitch about the brain's middle."""
    shift = np.eye(4)
    shift[:3, 3] = _crown(head) - _crown(template) + (0, 0, -drop_mm)
    angle = np.deg2rad(pitch_deg)
    pitch = np.eye(4)
    pitch[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    middle = np.eye(4)
    middle[:3, 3] = _crown(template) - (0, 0, 80)
    matrix: NDArray[np.float64] = shift @ middle @ pitch @ np.linalg.inv(middle)
    return matrix


def _crown(head: nib.Nifti1Image) -> NDArray[np.float64]:
    """Top of the head in z, its middle in x and y (world mm); the neck has no say."""
    data = head.get_fdata(dtype=np.float32)
    bright = np.argwhere(data > 0.3 * np.percentile(data[data > 0], 90))
    points = bright @ head.affine[:3, :3].T + head.affine[:3, 3]
    top = np.percentile(points[:, 2], 99.8)
    upper = points[points[:, 2] > top - 120]
    return np.array([*np.median(upper[:, :2], axis=0), top])


def _clipped(image: nib.Nifti1Image) -> nib.Nifti1Image:
    data = image.get_fdata(dtype=np.float32)
    return like(image, np.clip(data, 0, np.percentile(data[data > 0], 99)))


def _centre(image: nib.Nifti1Image) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = nib.affines.apply_affine(
        image.affine, (np.asarray(image.shape[:3]) - 1) / 2
    )
    return middle


def _distance_mm(
    first: NDArray[np.float64], second: NDArray[np.float64], template: nib.Nifti1Image
) -> float:
    inside = np.argwhere(template.get_fdata(dtype=np.float32) > 0)[::97]
    points = nib.affines.apply_affine(template.affine, inside)
    gaps = nib.affines.apply_affine(first, points) - nib.affines.apply_affine(second, points)
    return float(np.median(np.linalg.norm(gaps, axis=1)))
