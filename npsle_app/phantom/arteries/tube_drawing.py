"""Arteries drawn into an image: point spread, walls thinner than a voxel, few voxels touched."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from scipy.spatial import cKDTree

from npsle_app.arrays import Ints, Volume
from npsle_app.phantom.arteries.tubes import Artery, frame, slow_blood
from npsle_app.phantom.head.grids import Grid

PSF_FWHM_VOXELS = 0.6
_PARTS = 4  # sub-voxels along an axis
_SLEEVE_MM = 1.2  # fluid around every artery


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Signal of what is in the image, relative to the wall's in a black-blood image."""

    blood: float
    wall: float
    csf: float
    gm: float
    wm: float
    head: float  # times the T1w signal outside the skull


@dataclass(frozen=True, slots=True)
class _Share:
    """Voxels near a tube, (n, 3), and what its sub-voxels are: each (n, 64), 0 to 1.

    `slow` is what slow flow adds to the blood's signal.
    """

    voxels: Ints
    sleeve: Volume
    outer: Volume
    lumen: Volume
    slow: Volume


def draw_tubes(around: Volume, *, grid: Grid, tubes: Sequence[Artery], signals: Signals) -> Volume:
    """Draw arteries, each in a sleeve of fluid, into the signal of what is around them.

    Parameters
    ----------
    around
        (I, J, K) signal on a grid of cubes.
    tubes
        In mm, RAS. Where they meet, lumen wins over wall, wall over fluid.

    Notes
    -----
    The point spread is a Gaussian times the voxel's box, on a grid four times finer. What the
    arteries change is blurred; their surroundings, smooth by themselves, are not.
    """
    shares = [_share(tube, grid=grid) for tube in tubes]
    shares = [share for share in shares if len(share.voxels)]
    if not shares:
        return around.copy()
    flat = [np.ravel_multi_index(tuple(share.voxels.T), grid.shape) for share in shares]
    touched = np.unique(np.concatenate(flat))
    places = [np.searchsorted(touched, each) for each in flat]
    before = around.reshape(-1)[touched, None]
    fine = np.repeat(before, _PARTS**3, axis=1)
    for share, at in zip(shares, places, strict=True):
        fine[at] += (signals.csf - fine[at]) * share.sleeve
    for share, at in zip(shares, places, strict=True):
        fine[at] += (signals.wall - fine[at]) * share.outer
    for share, at in zip(shares, places, strict=True):
        slow = share.slow if signals.blood < signals.wall else 0
        fine[at] += (signals.blood + slow - fine[at]) * share.lumen
    voxels = np.stack(np.unravel_index(touched, grid.shape), axis=1)
    return _spread(around, change=fine - before, voxels=voxels)


def _share(tube: Artery, *, grid: Grid) -> _Share:
    """Look at the sub-voxels of all voxels near a tube, taken as straight within each voxel."""
    edge_mm = grid.voxel_mm[0]
    outer_mm, part_mm = tube.radius_mm + tube.wall_mm, edge_mm / _PARTS
    reach_mm = outer_mm + tube.offset_mm + _SLEEVE_MM + edge_mm
    voxels = _voxels_near(tube, grid=grid, reach_mm=reach_mm)
    middles = apply_affine(grid.affine, voxels)
    distance, index = cKDTree(tube.points).query(middles, distance_upper_bound=reach_mm)
    near = np.isfinite(distance)
    index, middles = index[near], middles[near]
    tangent, first, _ = frame(tube.points)
    tangent, first = (each[index].astype(np.float32) for each in (tangent, first))
    from_point = (middles - tube.points[index]).astype(np.float32)
    away = from_point[:, None] + _sub_voxels(edge_mm)
    along = np.einsum("npk,nk->np", away, tangent)
    along[index == 0] = np.maximum(along[index == 0], 0)  # beyond its ends a tube is round
    last = index == len(tube.points) - 1
    along[last] = np.minimum(along[last], 0)
    away -= along[..., None] * tangent[:, None]
    from_axis = _length(away)
    from_centre = _length(away - np.float32(tube.offset_mm) * first[:, None])

    def within(distance_mm: Volume, radius_mm: float) -> Volume:
        inside: Volume = np.clip(0.5 + (radius_mm - distance_mm) / part_mm, 0, 1)
        return inside

    slow = slow_blood(tube, index=np.repeat(index, _PARTS**3), from_axis=from_axis.ravel())
    return _Share(
        voxels=voxels[near],
        sleeve=within(from_centre, outer_mm + _SLEEVE_MM),
        outer=within(from_centre, outer_mm),
        lumen=within(from_axis, tube.radius_mm),
        slow=slow.reshape(from_axis.shape).astype(np.float32),
    )


def _voxels_near(tube: Artery, *, grid: Grid, reach_mm: float) -> Ints:
    """Return the voxels in the box around a tube, (n, 3)."""
    ends = np.stack([tube.points.min(axis=0) - reach_mm, tube.points.max(axis=0) + reach_mm])
    corners = apply_affine(np.linalg.inv(grid.affine), ends)
    low = np.maximum(np.ceil(corners[0]), 0).astype(int)
    high = np.minimum(np.floor(corners[1]) + 1, grid.shape).astype(int)
    size = np.maximum(high - low, 0)
    voxels: Ints = np.indices(tuple(size)).reshape(3, -1).T + low
    return voxels


def _length(vectors: Volume) -> Volume:
    length: Volume = np.sqrt(np.einsum("npk,npk->np", vectors, vectors))
    return length


def _sub_voxels(edge_mm: float) -> Volume:
    """Offsets of the sub-voxels from the voxel's middle, (64, 3)."""
    axis = ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) * edge_mm
    places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return places.astype(np.float32)


def _spread(around: Volume, *, change: Volume, voxels: Ints) -> Volume:
    """Blur what was changed, (n, 64) in some voxels, over these and their neighbours."""
    weights = _weights().astype(np.float32)
    parts = change.reshape(-1, _PARTS, _PARTS, _PARTS)
    for _ in range(3):  # each turn blurs the first axis of three and moves it to the end
        parts = np.moveaxis(np.tensordot(parts, weights, axes=(1, 1)), -1, 3)
    made = np.pad(around, 1, mode="edge")
    for offset in np.ndindex(3, 3, 3):
        at = tuple((voxels + np.array(offset)).T)
        made[at] += parts[:, offset[0], offset[1], offset[2]]
    return made[1:-1, 1:-1, 1:-1].copy()


def _weights() -> Volume:
    """Return what a sub-voxel gives to the voxel before, its own, and the one behind, (3, 4)."""
    place = np.arange(_PARTS)
    sigma = PSF_FWHM_VOXELS * _PARTS / 2.3548
    gap = place[:, None] - np.arange(-_PARTS, 2 * _PARTS)
    kernel = np.exp(-0.5 * (gap / sigma) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    given: Volume = kernel.reshape(_PARTS, 3, _PARTS).sum(axis=2).T / _PARTS
    return given
