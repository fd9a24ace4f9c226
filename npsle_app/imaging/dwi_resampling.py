"""Resample a diffusion series through distortion and motion at once."""

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.distortion import jacobian
from npsle_app.imaging.motion import Motion

_MARGIN_VOXELS = 3


def resample_series(
    series: nib.Nifti1Image,
    *,
    mask: Mask,
    motion: Motion | None,
    displacement_mm: Floats | None,
    axis: int | None,
    only: Mask | None = None,
    order: int = 3,
    density: bool = False,
) -> nib.Nifti1Image:
    """Resample volumes once, through distortion and motion, near the head; 0 elsewhere.

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N).
    mask : (I, J, K) array of bool
        Where the head is in the first b0 volume.
    motion : Motion or None
        None leaves each volume where it is.
    displacement_mm : (I, J, K) array or None
        Along image axis `axis`.
    only : (N,) array of bool, optional
        The volumes wanted, all unless given.
    order : int
        Of the spline.
    density : bool
        Whether signal is spread by the Jacobian of the displacement.
    """
    data = series.get_fdata(dtype=np.float32)
    chosen = np.flatnonzero(np.ones(data.shape[3], bool) if only is None else only)
    if motion is None and displacement_mm is None:
        return nib.Nifti1Image(data[..., chosen], series.affine)
    near = ndimage.binary_dilation(mask, iterations=_MARGIN_VOXELS)
    where, packed = np.argwhere(near).astype(float), np.ones(int(near.sum()))
    if displacement_mm is not None and axis is not None:
        zooms = np.linalg.norm(series.affine[:3, :3], axis=0)
        where[:, axis] += displacement_mm[near] / zooms[axis]
        if density:
            packed = jacobian(displacement_mm, zooms_mm=zooms, phase_axis=axis)[near]
    found = np.zeros((*data.shape[:3], len(chosen)), np.float32)
    for place, volume in enumerate(chosen):
        points, stretch = where, 1.0
        if motion is not None:
            matrix = motion.matrix(int(volume))
            by_voxel = np.linalg.inv(series.affine) @ matrix @ series.affine
            points, stretch = nib.affines.apply_affine(by_voxel, where), np.linalg.det(matrix)
        values = ndimage.map_coordinates(data[..., volume], points.T, order=order, mode="nearest")
        found[near, place] = np.maximum(values * packed * stretch, 0)
    return nib.Nifti1Image(found, series.affine)
