"""How the head lies in the diffusion images: the rotation to the axes of the anatomy."""

from itertools import product
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

from npsle_app.arrays import Reals
from npsle_app.imaging.space.displacement import apply_displacement

_EVERY = 29  # of the template's voxels: some ten thousand points settle twelve numbers


def linear_part(field: nib.Nifti1Image, *, region: nib.Nifti1Image) -> Reals:
    """Fit an affine to a displacement field, by least squares over a region.

    Parameters
    ----------
    field : Nifti1Image
        Starts from points of the template, ITK convention, mm.
    region : Nifti1Image
        The template's brain mask or its fraction; where it is above a half.

    Returns
    -------
    (4, 4) array
        Takes template points to points of the head, mm, RAS.

    Raises
    ------
    ValueError
        If the region has too few voxels to settle an affine.
    """
    voxels = np.argwhere(region.get_fdata(dtype=np.float32) > 0.5)
    points = apply_affine(region.affine, voxels[:: max(1, min(_EVERY, len(voxels) // 1000))])
    design = np.column_stack([points, np.ones(len(points))])
    if len(points) < 12 or np.linalg.matrix_rank(design) < 4:
        msg = f"{len(points)} points do not settle an affine: the template's brain mask is empty"
        raise ValueError(msg)
    solution = np.linalg.lstsq(design, apply_displacement(points, field=field), rcond=None)[0]
    matrix = np.eye(4)
    matrix[:3] = solution.T
    return matrix


def finite_strain(matrix: Reals) -> Reals:
    """Return the rotation R = (A Aᵀ)^(−1/2) A in a linear map A, (3, 3) or the head of (4, 4).

    Raises
    ------
    ValueError
        If the map mirrors or flattens space: it has no rotation.

    References
    ----------
    Alexander et al. (2001) IEEE Trans Med Imaging 20:1131-9. doi:10.1109/42.963816
    """
    linear = np.asarray(matrix, dtype=float)[:3, :3]
    if not np.linalg.det(linear) > 0:
        msg = f"the map to the template mirrors or flattens the head: {linear.tolist()}"
        raise ValueError(msg)
    rotation: Reals = polar(linear)[0]
    return rotation


def head_angles_deg(rotation: Reals) -> tuple[float, float, float]:
    """Return pitch, roll and yaw of the head in the scanner, in degrees.

    Parameters
    ----------
    rotation : (3, 3) array
        Turns the scanner's axes to those of the anatomy.

    Returns
    -------
    pitch, roll, yaw : float
        About x, then y, then z; pitch is positive with the chin up.
    """
    pitch, roll, yaw = Rotation.from_matrix(rotation.T).as_euler("xyz", degrees=True)
    return float(pitch), float(roll), float(yaw)


def level_affine(grid: nib.Nifti1Image, *, rotation: Reals) -> tuple[Reals, tuple[int, ...]]:
    """Return affine and shape of a grid along the axes of the head that holds all of another.

    Its voxels are cubes of the other's smallest edge, and its world is that of the scanner turned
    by `rotation`.
    """
    edge = float(voxel_sizes(grid.affine).min())
    corners = np.array(list(product(*((0, size - 1) for size in grid.shape[:3]))))
    turned = apply_affine(grid.affine, corners) @ rotation.T
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = turned.min(axis=0)
    shape = np.ceil(np.ptp(turned, axis=0) / edge).astype(int) + 1
    return affine, tuple(int(size) for size in shape)


def levelled(values: NDArray[Any], *, grid: nib.Nifti1Image, rotation: Reals) -> NDArray[Any]:
    """Take the nearest voxels, (I, J, K, ...), onto the grid of `level_affine`; 0 outside."""
    affine, shape = level_affine(grid, rotation=rotation)
    places = apply_affine(affine, np.indices(shape).reshape(3, -1).T) @ rotation
    index = np.rint(apply_affine(np.linalg.inv(grid.affine), places)).astype(int)
    held = np.all((index >= 0) & (index < grid.shape[:3]), axis=1)
    found = np.zeros((len(index), *values.shape[3:]), dtype=values.dtype)
    found[held] = values[tuple(index[held].T)]
    return found.reshape(*shape, *values.shape[3:])
