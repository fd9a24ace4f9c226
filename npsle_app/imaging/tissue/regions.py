"""Volumes of brain regions: an atlas through the deformation, refined by tissue maps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Ints
from npsle_app.imaging.space.displacement import apply_displacement, sample_at
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of
from npsle_app.measures.names_of_regions import (
    LATERAL_VENTRICLE,
    REGIONS,
    RIGHT_LABELS,
    SIDES,
    measure_name,
    numbers_of,
)

_LEAST_SHARE = 0.01  # of brain tissue in a voxel that counts
_MOSTLY = 0.5
_AT_ONCE = 400_000
_CORE = max(max(region.labels) for region in REGIONS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueShares:
    """Shares of grey matter, white matter and fluid in each voxel, images on one grid."""

    gm: nib.Nifti1Image
    wm: nib.Nifti1Image
    csf: nib.Nifti1Image

    def __post_init__(self) -> None:
        check_same_grid(self.gm, self.wm, self.csf)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionVolumes:
    """Volumes by measure name, mL, and the share of each region's own space they fill.

    `filled` is what grey (or grey and white) matter takes of the deformed atlas region: low
    values say that the atlas does not lie where the structure is.
    """

    volumes_ml: Mapping[str, float]
    filled: Mapping[str, float]


def measure_regions(
    shares: TissueShares, *, labels: nib.Nifti1Image, field: nib.Nifti1Image
) -> RegionVolumes:
    """Measure all regions, left and right.

    In the core of putamen, caudate, hippocampus and amygdala, one atlas voxel from their border
    on, all that is not fluid counts: on synthetic heads tissue maps took a seventh of the
    putamen for white matter.

    Each voxel belongs to the atlas regions around its place in the template in the shares of
    linear interpolation, and counts by its share of tissue: nothing is rounded to whole
    voxels. Left is where x < 0 in the template, whatever the atlas calls it.

    Parameters
    ----------
    labels
        Numbers of `names_of_regions`, the same on both sides, in the space of the template.
    field
        Takes points of the tissue maps' space to the template (see `to_template`).

    Returns
    -------
    RegionVolumes
        All of `REGIONS`; 0 where the head has nothing of a region.
    """
    gm, wm, csf = (
        image.get_fdata(dtype=np.float32) for image in (shares.gm, shares.wm, shares.csf)
    )
    affine = shares.gm.affine
    numbers = _with_cores(np.asarray(labels.dataobj).astype(np.intp))
    sums = np.zeros((3, 2, 2 * _CORE))
    for at, points in _move(gm + wm + csf > _LEAST_SHARE, affine=affine, field=field):
        weights = np.stack([gm[at], gm[at] + wm[at], np.ones(len(points))])
        sums += _share_out(points, weights, numbers, labels.affine, 2 * _CORE)
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    return _collect(sums * voxel_ml)


def label_regions(
    shares: TissueShares, *, labels: nib.Nifti1Image, field: nib.Nifti1Image
) -> nib.Nifti1Image:
    """Label the voxels that are mostly grey or white matter by their nearest atlas voxel.

    Returns
    -------
    Nifti1Image
        On the grid of `shares`, for the eye: numbers of the atlas on the left, those plus
        `RIGHT_LABELS` on the right, 0 elsewhere. Volumes do not come from it.
    """
    gm, wm = (image.get_fdata(dtype=np.float32) for image in (shares.gm, shares.wm))
    found = np.zeros(gm.shape, dtype=np.uint8)
    for at, points in _move(gm + wm > _MOSTLY, affine=shares.gm.affine, field=field):
        numbers = sample_at(labels, points).astype(np.uint8)
        right = RIGHT_LABELS * (points[:, 0] >= 0)
        found[at] = np.where(numbers, numbers + right, 0)
    return on_grid_of(shares.gm, found)


def number_regions(labels: nib.Nifti1Image, *, names: Sequence[str]) -> nib.Nifti1Image:
    """Give some regions of `label_regions` new numbers: their place among the names, from 1."""
    found = np.zeros(labels.shape, dtype=np.uint8)
    for place, name in enumerate(names, start=1):
        found[np.isin(labels.dataobj, numbers_of(name))] = place
    return on_grid_of(labels, found)


def measure_ventricles(
    csf: nib.Nifti1Image, *, ventricles: nib.Nifti1Image, field: nib.Nifti1Image
) -> dict[str, float]:
    """Measure the fluid of the lateral ventricles, left and right of the template's middle.

    Parameters
    ----------
    ventricles
        Mask of both, on the grid of `csf`.
    """
    check_same_grid(csf, ventricles)
    where = np.argwhere(ventricles.get_fdata(dtype=np.float32) > 0)
    fluid = csf.get_fdata(dtype=np.float32)[tuple(where.T)]
    x = apply_displacement(apply_affine(csf.affine, where), field=field)[:, 0]
    voxel_ml = abs(np.linalg.det(csf.affine[:3, :3])) / 1000
    sums = np.bincount((x >= 0).astype(int), weights=fluid, minlength=2) * voxel_ml
    return {
        measure_name(LATERAL_VENTRICLE, side=side): float(value)
        for side, value in zip(SIDES, sums, strict=True)
    }


def _move(
    chosen: Bools, *, affine: Floats, field: nib.Nifti1Image
) -> Iterator[tuple[tuple[Ints, ...], Floats]]:
    """Yield chosen voxels, some at once, with their places in the template."""
    inside = np.argwhere(chosen)
    for start in range(0, len(inside), _AT_ONCE):
        where = inside[start : start + _AT_ONCE]
        yield tuple(where.T), apply_displacement(apply_affine(affine, where), field=field)


def _with_cores(numbers: Ints) -> Ints:
    """Give the inside of solid nuclei, but for its outermost voxels, numbers of its own."""
    found = numbers.copy()
    for region in REGIONS:
        if region.tissue == "grey matter around a solid core":
            core = ndimage.binary_erosion(numbers == region.labels[0])
            found[core] = _CORE + region.labels[0]
    return found


def _share_out(
    points: Floats, weights: Floats, numbers: Ints, affine: Floats, count: int
) -> Floats:
    """Sum weights by side and region over the eight atlas voxels around each point."""
    voxels = apply_affine(np.linalg.inv(affine), points)
    low = np.floor(voxels).astype(np.intp)
    rest = voxels - low
    right = points[:, 0] >= 0
    top = np.array(numbers.shape) - 1
    sums = np.zeros((len(weights), 2 * count))
    for corner in product((0, 1), repeat=3):
        near = np.prod(np.where(corner, rest, 1 - rest), axis=1)
        at = low + corner
        outside = ((at < 0) | (at > top)).any(axis=1)
        found = np.where(outside, 0, numbers[tuple(np.clip(at, 0, top).T)])
        key = right * count + found
        for row, weight in enumerate(weights):
            sums[row] += np.bincount(key, weights=near * weight, minlength=2 * count)
    return sums.reshape(len(weights), 2, count)


def _collect(sums_ml: Floats) -> RegionVolumes:
    """Take from the sums of grey, of grey and white matter, and of space what each region is."""
    volumes, filled = {}, {}
    for region in REGIONS:
        row = 1 if region.tissue == "grey and white matter" else 0
        for place, side in enumerate(SIDES):
            own = sums_ml[:, place, list(region.labels)].sum(axis=-1)
            core = sums_ml[:, place, _CORE + np.array(region.labels)].sum(axis=-1)
            name = measure_name(region.name, side=side)
            volumes[name] = float(own[row] + core[1])
            space = own[2] + core[2]
            filled[name] = float(volumes[name] / space) if space else 0.0
    return RegionVolumes(volumes_ml=volumes, filled=filled)
