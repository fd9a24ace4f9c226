"""Images and their grids."""

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Mask, Volume
from npsle_app.boxes import Slices, bounding_box, grown

ATOL_MM = 1e-3
NEIGHBOURS_26: Mask = np.ones((3, 3, 3), dtype=bool)  # of a voxel, corners too, and itself


def check_same_grid(first: nib.Nifti1Image, *others: nib.Nifti1Image) -> None:
    """Raise ValueError unless all images share one shape and one affine."""
    for other in others:
        if first.shape[:3] != other.shape[:3]:
            msg = f"grids differ: {first.shape[:3]} and {other.shape[:3]}"
            raise ValueError(msg)
        if not np.allclose(first.affine, other.affine, atol=ATOL_MM):
            msg = f"affines differ: {first.affine.tolist()} and {other.affine.tolist()}"
            raise ValueError(msg)


def on_grid_of(image: nib.Nifti1Image, data: NDArray[np.generic]) -> nib.Nifti1Image:
    """Put `data` on the grid of `image`; booleans become 0 and 1, floats 32-bit."""
    if data.dtype == bool:
        data = data.astype(np.uint8)
    elif data.dtype == np.float64:
        data = data.astype(np.float32)
    made = nib.Nifti1Image(data, image.affine)
    made.header.set_xyzt_units("mm", "sec")
    made.set_sform(image.affine, code=1)
    made.set_qform(image.affine, code=1)
    return made


def voxel_mm3(image: nib.Nifti1Image) -> float:
    """Volume of one voxel in mm³, from the affine and not from the header's zooms."""
    return float(abs(np.linalg.det(image.affine[:3, :3])))


def box_around(region: nib.Nifti1Image) -> Slices:
    """Return the slices of the box around a mask, one voxel wider where there is room."""
    inside = region.get_fdata(dtype=np.float32) > 0
    return grown(bounding_box(inside), margin=1, shape=inside.shape)


def crop(image: nib.Nifti1Image, region: nib.Nifti1Image) -> nib.Nifti1Image:
    """Cut an image to the box around a region on the same grid."""
    return image.slicer[box_around(region)]


def cut(image: nib.Nifti1Image, region: nib.Nifti1Image) -> Volume:
    """Return the image's values in the box around a region on the same grid."""
    values: Volume = image.get_fdata(dtype=np.float32)[box_around(region)]
    return values


def put_back(part: NDArray[np.generic], region: nib.Nifti1Image) -> nib.Nifti1Image:
    """Undo `cut`: place values on the whole grid of the region, 0 outside the box."""
    data = np.zeros(region.shape[:3], part.dtype)
    data[box_around(region)] = part
    return on_grid_of(region, data)


def fraction(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Turn bytes (0-255) into fractions (0-1); fractions stay as they are."""
    data = image.get_fdata(dtype=np.float32)
    return on_grid_of(image, data / 255 if data.max() > 1 else data)
