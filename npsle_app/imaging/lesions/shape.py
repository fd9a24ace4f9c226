"""The shape of a lesion, in the terms of the papers that measured it.

References
----------
.. [1] de Bresser et al. (2018) Sci Rep 8:1893. doi:10.1038/s41598-018-20084-y
"""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from npsle_app.arrays import Floats, Ints, Mask

LEAST_VOXELS = 27  # below it the surface is that of the voxels, not of the lesion
_SIGMA = 0.6  # in the shortest voxel edge: takes the steps off a sphere, keeps one layer
_LEAST_SIZES = 3  # box sizes that a slope needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Shape of one lesion, without unit; None where it is not defined.

    `convexity` is the surface of the convex hull over that of the lesion; `solidity` the
    volume over that of the hull; `concavity_index` √((2 − convexity)² + (1 − solidity)²), 1
    for a convex body. A thin band along a ventricle has less surface than its hull: its
    convexity is above 1. `fractal_dimension` the slope of box
    counting, `eccentricity` the minor over the major axis, 1 for a ball and 0 for a line.
    """

    convexity: float | None = None
    solidity: float | None = None
    concavity_index: float | None = None
    fractal_dimension: float | None = None
    eccentricity: float | None = None


SHAPES = tuple(field.name for field in fields(Shape))


def measure_shape(where: Ints, *, affine: Floats) -> Shape:
    """Measure the shape of one lesion.

    Parameters
    ----------
    where : (n, 3) array
        Its voxels. Below 27 voxels, or where the lesion is a single row of voxels, all is None.
    affine : (4, 4) array
        Voxels to world, mm; voxels need not be cubes.
    """
    if len(where) < LEAST_VOXELS:
        return Shape()
    surface = _mesh(_crop(where), affine=affine)
    if surface is None:
        return Shape()
    area, volume, hull_area, hull_volume = surface
    convexity, solidity = hull_area / area, volume / hull_volume
    return Shape(
        convexity=convexity,
        solidity=solidity,
        concavity_index=float(np.hypot(2 - convexity, 1 - solidity)),
        fractal_dimension=fractal_dimension(where, affine=affine),
        eccentricity=eccentricity(where, affine=affine),
    )


def _crop(where: Ints) -> Mask:
    """Put the voxels into a box of their own, two voxels of air around."""
    inside = where - where.min(axis=0) + 2
    box = np.zeros(inside.max(axis=0) + 3, dtype=bool)
    box[tuple(inside.T)] = True
    return box


def _mesh(box: Mask, *, affine: Floats) -> tuple[float, float, float, float] | None:
    """Return area (mm²) and volume (mm³) of the surface, then of its convex hull."""
    from skimage.measure import marching_cubes, mesh_surface_area

    edges = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    smooth = ndimage.gaussian_filter(box.astype(np.float32), _SIGMA * edges.min() / edges)
    if smooth.max() <= 0.5:
        return None
    vertices, faces, _, _ = marching_cubes(smooth, 0.5)  # type: ignore[no-untyped-call]
    points = vertices @ affine[:3, :3].T
    corners = points[faces]
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    hull = ConvexHull(points)
    area = mesh_surface_area(points, faces)  # type: ignore[no-untyped-call]
    return float(area), abs(float(volume)), float(hull.area), float(hull.volume)


def eccentricity(where: Ints, *, affine: Floats) -> float:
    """Return the minor over the major axis of the ellipsoid with the same second moments.

    The extent of the voxels themselves counts, so that a single voxel, if a cube, is a ball.
    """
    matrix = affine[:3, :3]
    spread = np.cov(where.T, bias=True) + np.eye(3) / 12
    moments = np.linalg.eigvalsh(matrix @ spread @ matrix.T)
    return float(np.sqrt(moments[0] / moments[-1]))


def fractal_dimension(where: Ints, *, affine: Floats) -> float | None:
    """Return the box-counting dimension of the lesion's voxels.

    The slope of log(boxes) against −log(edge) by least squares, for edges of 1, 2, 4 … of the
    shortest voxel edge, up to half the lesion's longest side at least; boxes are laid where
    fewest are needed, in steps of half an edge. Thick voxels are first cut into cubes. None
    where there are fewer than three sizes. It rises with size as all box counts of small
    bodies do: compare lesions of like size.
    """
    cubes = _as_cubes(_crop(where), affine=affine)
    longest = (np.ptp(np.argwhere(cubes), axis=0) + 1).max()
    sizes = 2 ** np.arange(int(np.ceil(np.log2(longest))) + 1)
    if len(sizes) < _LEAST_SIZES:
        return None
    counts = [_count_boxes(np.argwhere(cubes), size=int(size)) for size in sizes]
    return float(-np.polyfit(np.log(sizes), np.log(counts), 1)[0])


def _as_cubes(box: Mask, *, affine: Floats) -> Mask:
    edges = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    times = edges / edges.min()
    if np.allclose(times, 1, atol=0.05):
        return box
    shape = np.round(np.array(box.shape) * times).astype(int)
    places = [
        np.minimum(((np.arange(n) + 0.5) / t).astype(int), old - 1)
        for n, t, old in zip(shape, times, box.shape, strict=True)
    ]
    cubes: Mask = box[np.ix_(*places)]
    return cubes


def _count_boxes(cubes: Ints, *, size: int) -> int:
    from_corner = cubes - cubes.min(axis=0)
    offsets = product((0, size // 2), repeat=3) if size > 1 else ((0, 0, 0),)
    return min(len(np.unique((from_corner + offset) // size, axis=0)) for offset in offsets)
