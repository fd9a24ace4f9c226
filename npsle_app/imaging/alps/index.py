"""The DTI-ALPS index: diffusivity along the perivascular spaces against that across them.

Tensors are (..., 3, 3) arrays in mm²/s along world axes (RAS): x right-left, y
anterior-posterior, z inferior-superior. The index is a ratio and has no unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy.sparse.csgraph import connected_components

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.rois import Place, Side, Sphere, Tract
from npsle_app.imaging.diffusion.tensor import (
    fractional_anisotropy,
    mean_diffusivity,
)

_SAME_FIBRES = 0.5  # chord between unit vectors, 29°; the neighbourhood of Burles' clusters
_LEAST_CROSSING = 0.5  # sine of the angle between both fibres: 30°


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What one region holds; all weighted by the voxels' shares of it.

    Attributes
    ----------
    tensor : (3, 3) array
        Mean tensor, mm²/s.
    direction : (3,) array
        Mean V1 of the largest group of voxels whose fibres agree; its sign means nothing.
    fa, md : float
        Mean FA, mean of the mean diffusivity (mm²/s).
    asymmetry : float
        Mean of the second eigenvalue over that of the third: 1 for a bundle alone, about 2 where
        fibres cross (Wright et al. 2023).
    dispersion_deg : float
        Angle whose squared cosine is the mean of that between V1 of each voxel and their
        common axis: 0° where all fibres are parallel, 55° where they run every way.
    n_voxels : float
        The region's usable volume in voxels: the sum of a sphere's shares, the effective number
        (Σw)²/Σw² of a region whose weights are no shares.
    left_out : float
        Part of the sphere inside the grid, 0 to 1, in voxels that may not be used.
    inside_grid : float
        Part of the sphere that the grid holds.
    """

    tensor: Reals
    direction: Reals
    fa: float
    md: float
    asymmetry: float
    dispersion_deg: float
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


def measure_region(
    tensors: Reals, *, sphere: Sphere, usable: Bools, largest_group: bool = True
) -> Region | None:
    """Average tensors over a sphere; None where no voxel may be used.

    Parameters
    ----------
    tensors : (I, J, K, 3, 3) array
        mm²/s.
    sphere : Sphere
        On the grid of `tensors`.
    usable : (I, J, K) array of bool
        Voxels with a tensor, outside lesions and fluid.
    largest_group : bool
        Whether the direction is that of the largest group of voxels whose fibres agree, and not
        of all: where weights already tell the fibres, there is no need to seek them.
    """
    i, j, k = sphere.voxels.T
    kept = usable[i, j, k]
    if not kept.any():
        return None
    inside, weights = tensors[i, j, k][kept], sphere.shares[kept]
    values, vectors = np.linalg.eigh(inside)
    _, second, third = np.average(values, axis=0, weights=weights)[::-1]
    return Region(
        tensor=np.average(inside, axis=0, weights=weights),
        direction=_mean_direction(vectors[..., 2], weights=weights, largest_group=largest_group),
        asymmetry=float(second / third) if third > 0 else float("nan"),
        dispersion_deg=dispersion_deg(vectors[..., 2], weights=weights),
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
    tensors: Reals, *, points: dict[Place, Sphere], axes: Reals
) -> dict[Place, Reals]:
    """Average tensors over points as the reference script does: by component, not reoriented.

    Its tensors lie along the axes of the image (FSL's dtifit), so these do too, in the order
    and direction closest to RAS. Nothing is left out.

    Parameters
    ----------
    points : dict of Sphere
        Weights of the voxels around the points that the voxels of the template's spheres come
        from (`weigh_points`).
    axes : (3, 3) array
        Those of the image, in columns (`image_axes`).

    References
    ----------
    gbarisano/alps (alps.sh), https://github.com/gbarisano/alps
    """
    found = {}
    for place, cloud in points.items():
        inside = tensors[tuple(cloud.voxels.T)]
        mean = np.einsum("n,nab->ab", cloud.shares, inside)
        found[place] = turn_tensors(mean, rotation=axes.T)
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


def by_side_along_principal_axes(
    tensors: Reals, *, spheres: dict[Place, Sphere], usable: Bools, rotation: Reals
) -> dict[str, float | None]:
    """Return the index of both sides along each voxel's own axes across its fibres.

    Along the perivascular spaces is the second or third eigenvector, whichever lies closer to
    the head's x; across is the other. This is what `dti_alps` 0.2.1 describes as ALPS-PAS
    (eigenvalues sorted by alignment with x); means over each sphere, then the ratio.

    References
    ----------
    https://pypi.org/project/dti-alps/0.2.1/
    """
    found = {}
    for side in Side:
        pair = [spheres[Place(tract, side)] for tract in Tract]
        means = [_across_fibres(tensors, sphere=one, usable=usable, x=rotation[0]) for one in pair]
        along, across = np.sum(means, axis=0)
        found[side] = float(along / across) if across > 0 else float("nan")
    return indices(found)


def _across_fibres(tensors: Reals, *, sphere: Sphere, usable: Bools, x: Reals) -> Reals:
    """Return the mean eigenvalues across the fibres: along x, and along the other axis."""
    i, j, k = sphere.voxels.T
    kept = usable[i, j, k]
    if not kept.any():
        return np.full(2, np.nan)
    values, vectors = np.linalg.eigh(tensors[i, j, k][kept])
    closeness = abs(np.einsum("a,nae->ne", x, vectors[..., :2]))
    order = np.argsort(-closeness, axis=1, kind="stable")
    means: Reals = np.average(
        np.take_along_axis(values[:, :2], order, axis=1), axis=0, weights=sphere.shares[kept]
    )
    return means


def dispersion_deg(directions: Reals, *, weights: Reals) -> float:
    """Return how far axes, (n, 3), lie from their common one, in degrees.

    Examples
    --------
    >>> dispersion_deg(np.array([[0.0, 0, 1], [0, 0, -1]]), weights=np.ones(2))
    0.0
    """
    dyads = np.einsum("n,na,nb->ab", weights / weights.sum(), directions, directions)
    return float(np.rad2deg(np.arccos(np.sqrt(min(np.linalg.eigvalsh(dyads)[-1], 1.0)))))


def _diffusivity(tensor: Reals, *, along: Reals) -> float:
    return float(along @ tensor @ along)


def _mean_direction(directions: Reals, *, weights: Reals, largest_group: bool) -> Reals:
    """Average (n, 3) axes, or those of the heaviest group, by the main axis of their dyads."""
    if largest_group:
        group = _heaviest_group(directions, weights=weights)
        directions, weights = directions[group], weights[group]
    dyads = np.einsum("n,na,nb->ab", weights, directions, directions)
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
