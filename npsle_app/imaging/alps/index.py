"""The DTI-ALPS index: diffusivity along the perivascular spaces against that across them.

Tensors are (..., 3, 3) arrays in mm²/s along world axes (RAS): x right-left, y
anterior-posterior, z inferior-superior. The index is a ratio and has no unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy.ndimage import map_coordinates
from scipy.sparse.csgraph import connected_components

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.rois import Place, Side, Sphere, Tract
from npsle_app.imaging.diffusion.tensor import (
    fractional_anisotropy,
    from_six_components,
    mean_diffusivity,
    principal_directions,
    six_components,
)

_SAME_FIBRES = 0.5  # chord between unit vectors, 29°; the neighbourhood of Burles' clusters
_LEAST_CROSSING = 0.5  # sine of the angle between both fibres: 30°


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What one sphere holds; all weighted by the voxels' shares of it.

    Attributes
    ----------
    tensor : (3, 3) array
        Mean tensor, mm²/s.
    direction : (3,) array
        Mean V1 of the largest group of voxels whose fibres agree; its sign means nothing.
    fa, md : float
        Mean FA, mean of the mean diffusivity (mm²/s).
    n_voxels : float
        Sum of the shares: the sphere's usable volume in voxels.
    left_out : float
        Part of the sphere inside the grid, 0 to 1, in voxels that may not be used.
    inside_grid : float
        Part of the sphere that the grid holds.
    """

    tensor: Reals
    direction: Reals
    fa: float
    md: float
    n_voxels: float
    left_out: float
    inside_grid: float


def alps_index(projection: Reals, association: Reals) -> float:
    """Return (Dxx,proj + Dxx,assoc) / (Dyy,proj + Dzz,assoc) of two (3, 3) tensors.

    NaN where the denominator is not positive.

    References
    ----------
    Taoka et al. (2017) Jpn J Radiol 35:172-8. doi:10.1007/s11604-017-0617-z

    Examples
    --------
    >>> round(alps_index(np.diag([0.70, 0.46, 1.15]), np.diag([0.66, 1.20, 0.42])), 4)
    1.5455
    """
    along = float(projection[0, 0] + association[0, 0])
    across = float(projection[1, 1] + association[2, 2])
    return along / across if across > 0 else float("nan")


def local_frame_index(projection: Region, association: Region) -> float:
    """Return the index in the frame that the fibres themselves span.

    x is orthogonal to the mean V1 of both regions; the diffusivities across are those
    orthogonal to x and to the region's V1. NaN where both fibres run within 30° of each other.
    Burles et al. take clusters of V1 (DBSCAN); here the largest group of voxels linked by chords
    of 0.5 gives V1, and the tensors of the whole region are averaged.

    References
    ----------
    Burles et al. (2025) NeuroSci 6:101. doi:10.3390/neurosci6040101
    """
    x = np.cross(projection.direction, association.direction)
    crossing = float(np.linalg.norm(x))
    if not crossing >= _LEAST_CROSSING:
        return float("nan")
    x /= crossing
    along = [_diffusivity(region.tensor, along=x) for region in (projection, association)]
    across = [
        _diffusivity(region.tensor, along=np.cross(x, region.direction))
        for region in (projection, association)
    ]
    return sum(along) / sum(across) if sum(across) > 0 else float("nan")


def indices(pairs: dict[Side, float]) -> dict[str, float | None]:
    """Return left, right and their mean; None where an index cannot be known."""
    known = {str(side): value if np.isfinite(value) else None for side, value in pairs.items()}
    left, right = known.get("left"), known.get("right")
    mean = None if left is None or right is None else (left + right) / 2
    return {"left": left, "right": right, "mean": mean}


def by_side(regions: dict[Place, Region], *, rotation: Reals) -> dict[str, float | None]:
    """Return the index of both sides with all tensors turned by `rotation`, (3, 3)."""
    found = {}
    for side in Side:
        tensors = [
            turn_tensors(region.tensor, rotation=rotation)
            for tract in Tract
            if (region := regions.get(Place(tract, side)))
        ]
        found[side] = alps_index(*tensors) if len(tensors) == len(Tract) else float("nan")
    return indices(found)


def by_side_in_local_frame(regions: dict[Place, Region]) -> dict[str, float | None]:
    """Return the index of both sides in the frame of their own fibres."""
    found = {}
    for side in Side:
        pair = [regions.get(Place(tract, side)) for tract in Tract]
        there = [region for region in pair if region is not None]
        found[side] = local_frame_index(*there) if len(there) == len(Tract) else float("nan")
    return indices(found)


def turn_tensors(tensors: Reals, *, rotation: Reals) -> Reals:
    """Return R D Rᵀ of (..., 3, 3) tensors."""
    turned: Reals = rotation @ tensors @ rotation.T
    return turned


def measure_region(tensors: Reals, *, sphere: Sphere, usable: Bools) -> Region | None:
    """Average tensors over a sphere; None where no voxel may be used.

    Parameters
    ----------
    tensors : (I, J, K, 3, 3) array
        mm²/s.
    sphere : Sphere
        On the grid of `tensors`.
    usable : (I, J, K) array of bool
        Voxels with a tensor, outside lesions and fluid.
    """
    i, j, k = sphere.voxels.T
    kept = usable[i, j, k]
    if not kept.any():
        return None
    inside, weights = tensors[i, j, k][kept], sphere.shares[kept]
    return Region(
        tensor=np.average(inside, axis=0, weights=weights),
        direction=_mean_direction(principal_directions(inside), weights=weights),
        fa=float(np.average(fractional_anisotropy(inside), weights=weights)),
        md=float(np.average(mean_diffusivity(inside), weights=weights)),
        n_voxels=float(weights.sum()),
        left_out=float(1 - weights.sum() / sphere.shares.sum()),
        inside_grid=sphere.inside_grid,
    )


def measure_regions(
    tensors: Reals, *, spheres: dict[Place, Sphere], usable: Bools
) -> dict[Place, Region]:
    """Measure each sphere; those without a voxel that may be used are left out."""
    found = {
        place: measure_region(tensors, sphere=sphere, usable=usable)
        for place, sphere in spheres.items()
    }
    return {place: region for place, region in found.items() if region is not None}


def mean_template_tensors(
    tensors: Reals, *, grid: nib.Nifti1Image, points_mm: dict[Place, Reals]
) -> dict[Place, Reals]:
    """Average tensors over points as the reference script does: by component, not reoriented.

    Its tensors lie along the axes of the image (FSL's dtifit), so these do too, in the order
    and direction closest to RAS. Nothing is left out.

    Parameters
    ----------
    points_mm : dict of (n, 3) array
        World points of the diffusion images that the voxels of the template's spheres come from.

    References
    ----------
    gbarisano/alps (alps.sh), https://github.com/gbarisano/alps
    """
    axes = image_axes(grid)
    components = six_components(turn_tensors(tensors, rotation=axes.T))
    to_voxels = np.linalg.inv(grid.affine)
    found = {}
    for place, points in points_mm.items():
        where = apply_affine(to_voxels, points).T
        means = [
            map_coordinates(components[..., number], where, order=1, mode="constant").mean()
            for number in range(6)
        ]
        found[place] = from_six_components(np.array(means))
    return found


def index_of_tensors(tensors: dict[Place, Reals]) -> dict[str, float | None]:
    """Return the index of both sides of four mean tensors, as they are."""
    return indices(
        {side: alps_index(*(tensors[Place(tract, side)] for tract in Tract)) for side in Side}
    )


def image_axes(grid: nib.Nifti1Image) -> Reals:
    """Return the directions (columns) of the voxel axes closest to x, y and z, (3, 3)."""
    turned = nib.as_closest_canonical(nib.Nifti1Image(np.zeros((1, 1, 1), np.uint8), grid.affine))
    axes: Reals = turned.affine[:3, :3] / np.linalg.norm(turned.affine[:3, :3], axis=0)
    return axes


def _diffusivity(tensor: Reals, *, along: Reals) -> float:
    return float(along @ tensor @ along)


def _mean_direction(directions: Reals, *, weights: Reals) -> Reals:
    """Average (n, 3) axes of the heaviest group by the principal axis of their dyads."""
    group = _heaviest_group(directions, weights=weights)
    kept = directions[group]
    dyads = np.einsum("n,na,nb->ab", weights[group], kept, kept)
    return np.asarray(np.linalg.eigh(dyads)[1][:, -1])


def _heaviest_group(directions: Reals, *, weights: Reals) -> Bools:
    """Link axes that lie near one another, signs apart; return the group of most weight."""
    chord = np.sqrt(np.maximum(2 - 2 * abs(directions @ directions.T), 0))
    _, labels = connected_components(chord <= _SAME_FIBRES, directed=False)
    group: Bools = labels == np.argmax(np.bincount(labels, weights=weights))
    return group


def spread_percent(values: Iterable[float | None], *, about: float | None) -> float | None:
    """Return the largest change from `about` in per cent; None where nothing is known."""
    known = [value for value in values if value is not None]
    if about is None or not known:
        return None
    return 100 * max(abs(value / about - 1) for value in known)
