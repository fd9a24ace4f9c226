"""Where points of a head lie in the template."""

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage

from npsle_app.arrays import Floats

_EVERY = 53  # a prime, so that no plane is favoured
_RAS_LPS = np.array([-1.0, -1.0, 1.0])


def apply_displacement(points_mm: Floats, *, field: nib.Nifti1Image) -> Floats:
    """Move points of the head to the template.

    Parameters
    ----------
    points_mm : (n, 3) array
        World coordinates (RAS) in the space of the T1w image; n may be 0.
    field : Nifti1Image
        The field that brings template images to the T1w image, (I, J, K, 1, 3), ITK
        convention (LPS), mm. Outside it the nearest displacement holds.

    Returns
    -------
    (n, 3) array
        World coordinates (RAS) in the space of the template, by linear interpolation.
    """
    where = apply_affine(np.linalg.inv(field.affine), points_mm).T
    vectors = np.asarray(field.dataobj, dtype=np.float32).reshape(*field.shape[:3], 3)
    moved = [
        ndimage.map_coordinates(vectors[..., axis], where, order=1, mode="nearest")
        for axis in range(3)
    ]
    found: Floats = points_mm + np.stack(moved, axis=-1) * _RAS_LPS
    return found


def compose_fields(first: nib.Nifti1Image, *, second: nib.Nifti1Image) -> nib.Nifti1Image:
    """Chain two fields: points of `first` go where it takes them, and on through `second`.

    Returns
    -------
    Nifti1Image
        On the grid of `first`, of the same convention as `to_template` takes.
    """
    grid = first.shape[:3]
    start = apply_affine(first.affine, np.indices(grid).reshape(3, -1).T)
    end = apply_displacement(apply_displacement(start, field=first), field=second)
    moved = ((end - start) * _RAS_LPS).astype(np.float32).reshape(*grid, 1, 3)
    return nib.Nifti1Image(moved, first.affine, first.header)


def median_displacement_mm(
    one: nib.Nifti1Image, other: nib.Nifti1Image, *, inside: nib.Nifti1Image
) -> float:
    """Return how far apart two fields put the points of a mask: the median, in mm."""
    voxels = np.argwhere(np.asarray(inside.dataobj) > 0)[::_EVERY]
    points = apply_affine(inside.affine, voxels)
    gap = apply_displacement(points, field=one) - apply_displacement(points, field=other)
    return float(np.median(np.linalg.norm(gap, axis=1)))


def sample_at(image: nib.Nifti1Image, points_mm: Floats, *, order: int = 0) -> Floats:
    """Read an image at (n, 3) world points; order 0 for labels, 1 for values.

    Outside the image the value of its nearest voxel holds.
    """
    where = apply_affine(np.linalg.inv(image.affine), points_mm).T
    values: Floats = ndimage.map_coordinates(image.get_fdata(), where, order=order, mode="nearest")
    return values
