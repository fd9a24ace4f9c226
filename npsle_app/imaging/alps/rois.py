"""Regions of the DTI-ALPS index: spheres in the projection and association fibres.

Points are world coordinates (RAS) in mm.
"""

from dataclasses import dataclass
from enum import StrEnum

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from npsle_app.arrays import Floats, Reals
from npsle_app.imaging.space.displacement import apply_displacement

RADIUS_MM = 2.5
_LATERAL_MM = {"projection": 26.0, "association": 38.0}
_LEVEL_MM = (-16.0, 27.0)
_PER_EDGE = 8  # points along each edge of a voxel: its share of the sphere to about 1 %


class Side(StrEnum):
    """Side of the body."""

    LEFT = "left"
    RIGHT = "right"


class Tract(StrEnum):
    """Fibres beside the body of the lateral ventricle."""

    PROJECTION = "projection"  # superior corona radiata, along z
    ASSOCIATION = "association"  # superior longitudinal fasciculus, along y


@dataclass(frozen=True, slots=True)
class Place:
    """One of the four regions; `mni_mm` is its centre in the template."""

    tract: Tract
    side: Side

    @property
    def name(self) -> str:
        """`projection_left` and so on."""
        return f"{self.tract}_{self.side}"

    @property
    def mni_mm(self) -> Floats:
        """Centre, (3,), of the spheres that gbarisano/alps distributes."""
        sign = -1 if self.side is Side.LEFT else 1
        return np.array([sign * _LATERAL_MM[self.tract], *_LEVEL_MM])


PLACES = tuple(Place(tract, side) for side in Side for tract in Tract)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sphere:
    """A sphere, or another region of weighted voxels, on a voxel grid.

    Attributes
    ----------
    centre_mm : (3,) array
        World coordinates.
    voxels : (n, 3) array of int
        The voxels that it touches, those inside the grid alone.
    shares : (n,) array
        How much of each voxel lies inside the sphere, above 0 and at most 1; other weights of
        regions that are no spheres.
    inside_grid : float
        The part of the sphere's volume, or of all weights, that the grid holds, 0 to 1.
    """

    centre_mm: Reals
    voxels: NDArray[np.int_]
    shares: Reals
    inside_grid: float


def cut_sphere(centre_mm: Reals, *, radius_mm: float, grid: nib.Nifti1Image) -> Sphere:
    """Say how much of each voxel lies within a sphere.

    With whole voxels a region of 2.5 mm in voxels of 2 to 3 mm gains and loses a third of
    itself when the grid is shifted by half a voxel. Shares make the mean over the region a
    continuous function of where it lies.

    Parameters
    ----------
    centre_mm : (3,) array
        World coordinates; it may lie outside the grid, then there are no voxels.
    grid : Nifti1Image
        Three-dimensional or more; oblique axes are fine.
    """
    box = voxels_around(centre_mm, radius_mm=radius_mm, grid=grid)
    shares = _shares(
        apply_affine(grid.affine, box) - centre_mm, edges=grid.affine[:3, :3], radius_mm=radius_mm
    )
    held = np.all((box >= 0) & (box < grid.shape[:3]), axis=1)
    kept = held & (shares > 0)
    return Sphere(
        centre_mm=np.asarray(centre_mm, dtype=float),
        voxels=box[kept],
        shares=shares[kept],
        inside_grid=float(shares[held].sum() / shares.sum()),
    )


def weigh_points(points_mm: Reals, *, grid: nib.Nifti1Image) -> Sphere:
    """Say how much each voxel weighs in the mean of a linear interpolation at points, (n, 3).

    Weights add up to 1 where all points lie inside the grid.
    """
    where = apply_affine(np.linalg.inv(grid.affine), points_mm)
    low = np.floor(where).astype(int)
    corners = np.stack(np.meshgrid(*[(0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    part = (where - low)[:, None]
    weights = np.where(corners, part, 1 - part).prod(axis=-1).ravel() / len(points_mm)
    voxels, rows = np.unique((low[:, None] + corners).reshape(-1, 3), axis=0, return_inverse=True)
    shares = np.bincount(rows.ravel(), weights=weights)
    held = np.all((voxels >= 0) & (voxels < grid.shape[:3]), axis=1) & (shares > 0)
    return Sphere(
        centre_mm=points_mm.mean(axis=0),
        voxels=voxels[held],
        shares=shares[held],
        inside_grid=float(shares[held].sum()),
    )


def voxels_around(centre_mm: Reals, *, radius_mm: float, grid: nib.Nifti1Image) -> NDArray[np.int_]:
    """List the voxels of a box that holds the sphere, (n, 3); they may lie outside the grid."""
    to_voxels = np.linalg.inv(grid.affine)
    middle = apply_affine(to_voxels, centre_mm)
    reach = radius_mm * np.linalg.norm(to_voxels[:3, :3], axis=1) + 0.5
    low, high = np.floor(middle - reach).astype(int), np.ceil(middle + reach).astype(int)
    axes = (np.arange(a, b + 1) for a, b in zip(low, high, strict=True))
    box: NDArray[np.int_] = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return box


def _shares(offsets: Reals, *, edges: Reals, radius_mm: float) -> Reals:
    """Return the share of voxels, (n,), whose middles lie at `offsets` (n, 3) from the centre."""
    distance = np.linalg.norm(offsets, axis=1)
    half = np.linalg.norm(edges, axis=0).sum() / 2  # no corner is farther from the middle
    shares: Reals = (distance + half <= radius_mm).astype(float)
    rim = abs(distance - radius_mm) < half
    points = offsets[rim][:, None] + _inner_points(_PER_EDGE) @ edges.T
    shares[rim] = (np.einsum("npa,npa->np", points, points) <= radius_mm**2).mean(axis=1)
    return shares


def _inner_points(per_edge: int) -> Reals:
    """Spread points evenly through a voxel, (n, 3), in voxels from its middle."""
    steps = (np.arange(per_edge) + 0.5) / per_edge - 0.5
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)


def find_centres(*, to_native: nib.Nifti1Image, to_diffusion: Reals) -> dict[Place, Reals]:
    """Bring the four centres from the template to the diffusion images.

    Parameters
    ----------
    to_native : Nifti1Image
        Displacement field on the template's grid that starts from template points and ends
        at points of the T1w image (of the FA map where there is no T1w), ITK convention.
    to_diffusion : (4, 4) array
        Takes points of that image to points of the diffusion images.
    """
    points = apply_displacement(np.array([place.mni_mm for place in PLACES]), field=to_native)
    return dict(zip(PLACES, apply_affine(to_diffusion, points), strict=True))


def template_sphere_mm(place: Place, *, radius_mm: float = RADIUS_MM) -> Floats:
    """Return the voxel centres of a sphere on the template's 1 mm grid, (n, 3) mm.

    81 points at 2.5 mm, 515 at 5 mm, as in the reference script.

    Examples
    --------
    >>> len(template_sphere_mm(PLACES[0])), len(template_sphere_mm(PLACES[0], radius_mm=5))
    (81, 515)
    """
    steps = np.arange(-np.ceil(radius_mm), np.ceil(radius_mm) + 1)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    sphere: Floats = place.mni_mm + cube[np.linalg.norm(cube, axis=1) <= radius_mm]
    return sphere


def share_of_voxels(
    image: nib.Nifti1Image,
    *,
    grid: nib.Nifti1Image,
    matrix: Reals,
    voxels: NDArray[np.int_],
) -> Reals:
    """Average an image of finer voxels over some voxels of a grid.

    Parameters
    ----------
    image : Nifti1Image
        A mask or a probability; 0 outside it.
    matrix : (4, 4) array
        Takes points of `image` to points of `grid`.
    voxels : (n, 3) array of int
        Voxels of `grid`.

    Returns
    -------
    (n,) array
    """
    to_image = np.linalg.inv(matrix @ image.affine) @ grid.affine
    inner = _inner_points(4) @ to_image[:3, :3].T
    where = apply_affine(to_image, voxels)[:, None] + inner
    index = np.rint(where).astype(int)
    held = np.all((index >= 0) & (index < image.shape[:3]), axis=-1)
    i, j, k = np.where(held[..., None], index, 0).transpose(2, 0, 1)
    values = np.asarray(image.dataobj)[i, j, k]
    shares: Reals = np.where(held, values, 0).mean(axis=1)
    return shares
