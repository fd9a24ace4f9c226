"""Bring scans of one head to one another, and resample through what was found.

World coordinates are RAS in mm unless a name says ITK (LPS). A transform maps points of the
reference (fixed) image to points of the moving one, as resampling needs it.
"""

import tempfile
from typing import Any

import lazy_loader
import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to, resample_to_output, smooth_image
from scipy import ndimage

from npsle_app.arrays import Floats, Reals, Volume
from npsle_app.imaging.space.itk import (
    composed,
    from_ants,
    make_deterministic,
    matrix_of,
    to_ants,
    write_affine,
)
from npsle_app.imaging.space.volumes import crop, on_grid_of

ants = lazy_loader.load("ants")

_INTERPOLATORS = {0: "nearestNeighbor", 1: "linear", 3: "bSpline"}
_RIGID_MM = 1.5  # coarser, thick slices come out up to 1 mm off
_WITHIN_MM, _AROUND_MM = 2.0, 12.0
_SAME_PLACE_MM = 20.0  # headers that put the scans nearer to one another are believed
_CLEARLY = 0.01  # of the similarity by which another start must be better than one before it
_BRIGHT = 0.25  # of the 98th percentile: the head, not the air around it


def at_spacing(image: nib.Nifti1Image, *, spacing_mm: float) -> nib.Nifti1Image:
    """Resample to cubes of `spacing_mm` on RAS axes, smoothed against aliasing.

    Axes that are already coarser than `spacing_mm` are not smoothed.
    """
    data = on_grid_of(image, image.get_fdata(dtype=np.float32))
    zooms = np.asarray(data.header.get_zooms()[:3], dtype=float)
    fwhm = np.sqrt(np.maximum(spacing_mm**2 - zooms**2, 0))
    smoothed = smooth_image(data, fwhm) if fwhm.any() else data
    found: nib.Nifti1Image = resample_to_output(smoothed, [spacing_mm] * 3, order=1)
    return found


def resample(
    moving: nib.Nifti1Image,
    *,
    reference: nib.Nifti1Image,
    matrix: Reals,
    order: int = 3,
) -> nib.Nifti1Image:
    """Resample `moving` onto `reference`; `matrix` maps reference world to moving world."""
    data = moving.get_fdata(dtype=np.float32)
    moved = nib.Nifti1Image(data, np.linalg.inv(matrix) @ moving.affine)
    found = resample_from_to(moved, (reference.shape[:3], reference.affine), order=order)
    values = found.get_fdata(dtype=np.float32)
    return on_grid_of(reference, np.clip(values, data.min(), data.max()))


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


def places_in(
    template: nib.Nifti1Image, *, reference: nib.Nifti1Image, field: nib.Nifti1Image
) -> Volume:
    """Say where each voxel of `reference` lies in the template.

    Parameters
    ----------
    template : Nifti1Image
        Its grid; places outside it are 0.
    reference, field : Nifti1Image
        As `warp` takes them.

    Returns
    -------
    (3, I, J, K) array
        World coordinates (RAS) in the template, mm, in halves of a float: to 0.06 mm.
    """
    index = np.indices(template.shape, dtype=np.float32)
    axes = np.tensordot(template.affine[:3, :3].astype(np.float32), index, axes=1)
    axes += template.affine[:3, 3].astype(np.float32).reshape(3, 1, 1, 1)
    moved = (warp(on_grid_of(template, axis), reference=reference, field=field) for axis in axes)
    return np.stack([image.get_fdata(dtype=np.float32).astype(np.float16) for image in moved])


def register_rigid(
    moving: nib.Nifti1Image,
    *,
    fixed: nib.Nifti1Image,
    seed: int,
    fixed_mask: nib.Nifti1Image | None = None,
    spacing_mm: float = _RIGID_MM,
) -> Floats:
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
    best = fits[0]
    for fit in fits[1:]:
        if fit[0] < best[0] - _CLEARLY * abs(best[0]):
            best = fit
    return best[1]


def _starts(moving: nib.Nifti1Image, fixed: nib.Nifti1Image) -> list[Floats]:
    """Trust the headers first; then lay the fields of view together, then what is bright in them.

    Where both headers have lost their origin, heads may lie apart by any distance though the
    fields of view overlap.
    """
    starts = [np.zeros(3)]
    for centre in (_centre, _centre_of_mass):
        shift = centre(moving) - centre(fixed)
        if all(np.linalg.norm(shift - other) > _SAME_PLACE_MM for other in starts):
            starts.append(shift)
    return [nib.affines.from_matvec(np.eye(3), shift) for shift in starts]


def _fit_rigid(fixed: Any, moving: Any, *, mask: Any, start: Floats) -> tuple[float, Floats]:
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


def register_later_scan(
    later: nib.Nifti1Image, *, earlier: nib.Nifti1Image, brain: nib.Nifti1Image, seed: int
) -> nib.Nifti1Image:
    """Bring a T1w image to an earlier one of the same person: rigid, then a stiff warp.

    The brain of one person changes little and smoothly, so the warp (SyN, neighbourhood
    cross-correlation) is held back: the whole field is smoothed at every step, not only what is
    added to it.

    Parameters
    ----------
    later, earlier : Nifti1Image
        Corrected T1w images; their headers may lay the head otherwise.
    brain : Nifti1Image
        Mask of the later one; the warp is driven within 12 mm of it.

    Returns
    -------
    Nifti1Image
        Dense displacements (5-D NIfTI vectors, ITK convention) on cubes of 2 mm around the
        brain: they take points of the later image to the earlier one.
    """
    rigid = register_rigid(earlier, fixed=later, seed=seed, fixed_mask=brain)
    make_deterministic(seed)
    reach = int(np.ceil(_AROUND_MM / np.linalg.norm(brain.affine[:3, :3], axis=0).min()))
    around = on_grid_of(
        brain, ndimage.binary_dilation(np.asarray(brain.dataobj) > 0, iterations=reach)
    )
    fixed, moving = (
        to_ants(at_spacing(image, spacing_mm=_WITHIN_MM))
        for image in (crop(later, around), earlier)
    )
    mask = ants.resample_image_to_target(to_ants(around), fixed, "nearestNeighbor")
    with tempfile.TemporaryDirectory() as folder:
        found = ants.registration(
            fixed, moving, type_of_transform="SyNOnly",
            initial_transform=write_affine(rigid, f"{folder}/start.mat"), mask=mask,
            syn_metric="CC", syn_sampling=2, reg_iterations=(20, 10, 1),
            flow_sigma=3, total_sigma=2, outprefix=f"{folder}/warp_",
        )  # fmt: skip
        return composed(found["fwdtransforms"], [False, False], fixed, moving)


def _centre(image: nib.Nifti1Image) -> Floats:
    middle: Floats = nib.affines.apply_affine(image.affine, (np.asarray(image.shape[:3]) - 1) / 2)
    return middle


def _centre_of_mass(image: nib.Nifti1Image) -> Floats:
    data = image.get_fdata(dtype=np.float32)
    bright = data > _BRIGHT * np.percentile(data, 98)
    if not bright.any():
        return _centre(image)
    middle: Floats = nib.affines.apply_affine(image.affine, ndimage.center_of_mass(bright))
    return middle
