"""Masks of the brain and of the space inside the skull."""

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Reals, Volume
from npsle_app.imaging.space.volumes import cut, put_back, voxel_mm3

_CLOSE_MM = 3.0
_MARGIN_MM = 2.0
_FAT = 1.35  # of the upper quarter of the brain, which is white matter
_WHOLE_HEAD_ML = 2300.0  # a bare brain is smaller, a head larger
_AIR_SHARE = 0.3


def is_brain_extracted(image: nib.Nifti1Image) -> bool:
    """Whether exact zeros surround something too small to be a whole head.

    Examples
    --------
    >>> data = np.zeros((80, 80, 80), np.float32)
    >>> data[20:60, 20:60, 20:60] = 1
    >>> is_brain_extracted(nib.Nifti1Image(data, np.diag([2, 2, 2, 1])))
    True
    """
    filled = stripped_mask(image)
    share = 1 - filled.mean()
    return bool(share > _AIR_SHARE and filled.sum() * voxel_mm3(image) / 1000 < _WHOLE_HEAD_ML)


def stripped_mask(image: nib.Nifti1Image) -> Bools:
    """Return what is not exactly zero: the largest piece, holes filled."""
    labels, count = ndimage.label(image.get_fdata(dtype=np.float32) != 0)
    if not count:
        return np.zeros(image.shape[:3], bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    filled: Bools = ndimage.binary_fill_holes(labels == sizes.argmax())
    return filled


def find_brain(
    image: nib.Nifti1Image, *, expected: nib.Nifti1Image, intracranial: nib.Nifti1Image
) -> nib.Nifti1Image:
    """Fit the template's brain mask to the edges of the image.

    Parameters
    ----------
    image : Nifti1Image
        T1w, bias-corrected.
    expected : Nifti1Image
        The template's brain mask on the same grid, fractions from 0 to 1.
    intracranial : Nifti1Image
        Mask of the intracranial space on the same grid.

    Returns
    -------
    Nifti1Image
        Grey and white matter inside the skull, closed over sulci and ventricles; never
        further than 2 mm from the template's edge, so that neither dura nor an odd
        intensity can carry it away.
    """
    t1w, prior, skull = (cut(picture, intracranial) for picture in (image, expected, intracranial))
    zooms = np.linalg.norm(image.affine[:3, :3], axis=0)
    distance = _signed_distance_mm(prior > 0.5, zooms)
    parenchyma = (t1w > _fluid_edge(t1w, prior)) & (skull > 0.5) & (distance < _MARGIN_MM)
    solid = _largest(_opened(parenchyma, zooms) | (distance < -_MARGIN_MM))
    closed = _closed(solid & (distance < _MARGIN_MM), zooms) | (distance < -_MARGIN_MM)
    brain = ndimage.binary_fill_holes(closed) & (skull > 0.5)
    return put_back(brain, intracranial)


def without_fat(
    intracranial: nib.Nifti1Image, *, image: nib.Nifti1Image, brain: nib.Nifti1Image
) -> nib.Nifti1Image:
    """Take scalp and marrow out of a warped intracranial mask.

    Outside the brain nothing within the skull is as bright as fat. What is, and what such
    brightness cuts off from the brain, is taken out; thin vessels at the edge go with it.
    """
    t1w, skull, body = (cut(picture, intracranial) for picture in (image, intracranial, brain))
    zooms = np.linalg.norm(intracranial.affine[:3, :3], axis=0)
    fat = (t1w > _FAT * np.percentile(t1w[body > 0.5], 75)) & (body < 0.5)
    kept = _opened((skull > 0.5) & ~fat, zooms) | (body > 0.5)
    return put_back(ndimage.binary_fill_holes(_largest(kept)) & (skull > 0.5), intracranial)


def touches_edge_mm2(mask: nib.Nifti1Image) -> float:
    """Area over which a mask is cut off by the field of view, in mm²."""
    inside = mask.get_fdata(dtype=np.float32) > 0.5
    zooms = np.linalg.norm(mask.affine[:3, :3], axis=0)
    area = 0.0
    for axis in range(3):
        face_mm2 = float(np.prod(np.delete(zooms, axis)))
        area += face_mm2 * float(inside.take([0, -1], axis=axis).sum())
    return area


def _fluid_edge(t1w: Volume, prior: Volume) -> float:
    """Intensity half way between fluid and grey matter.

    Inside the brain the darkest hundredth is fluid; the median lies within tissue, near its
    grey part.
    """
    values = t1w[prior > 0.5]
    fluid, tissue = np.percentile(values, (1, 40))
    return float(fluid + 0.5 * (tissue - fluid))


def _signed_distance_mm(mask: Bools, zooms: Reals) -> Reals:
    """Distance to the edge of the mask, negative inside."""
    outside: Reals = ndimage.distance_transform_edt(~mask, sampling=zooms)
    within: Reals = ndimage.distance_transform_edt(mask, sampling=zooms)
    return outside - within


def _opened(mask: Bools, zooms: Reals) -> Bools:
    """Cut bridges thinner than 3 mm (dura, veins)."""
    core = ndimage.distance_transform_edt(mask, sampling=zooms) > 1.5
    reach: Bools = ndimage.distance_transform_edt(~core, sampling=zooms) <= 2.0
    return mask & reach


def _closed(mask: Bools, zooms: Reals) -> Bools:
    """Close sulci: grow and shrink by the same distance."""
    pad = [int(np.ceil(_CLOSE_MM / zoom)) + 1 for zoom in zooms]
    wide = np.pad(mask, [(n, n) for n in pad])
    grown = ndimage.distance_transform_edt(~wide, sampling=zooms) <= _CLOSE_MM
    shrunk = ndimage.distance_transform_edt(grown, sampling=zooms) > _CLOSE_MM
    inner = tuple(slice(n, -n) for n in pad)
    closed: Bools = shrunk[inner] | mask
    return closed


def _largest(mask: Bools) -> Bools:
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    piece: Bools = labels == sizes.argmax()
    return piece
