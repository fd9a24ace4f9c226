"""Where the head is in an image without diffusion weighting."""

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools

_SMOOTH_MM = 3.0
_OPEN_MM = 4.0
_OF_OTSU = 0.7
_MIN_ML = 100.0


def head_mask(b0: nib.Nifti1Image) -> Bools:
    """Find the brain and what hangs on it: bright, solid, in one piece, without holes.

    T2-weighted echo-planar images show brain and fluid bright and hardly any scalp; eyes and
    nerves are cut off where thinner than 8 mm. Made for masking, not for volumes.

    Parameters
    ----------
    b0 : Nifti1Image
        (I, J, K).

    Raises
    ------
    ValueError
        If nothing of the size of a head is found.
    """
    from skimage.filters import threshold_otsu

    zooms = np.linalg.norm(b0.affine[:3, :3], axis=0)
    data = b0.get_fdata(dtype=np.float32)
    smooth = ndimage.gaussian_filter(data, _SMOOTH_MM / 2.3548 / zooms)
    capped = np.minimum(smooth, np.percentile(smooth, 99.5))
    bright = smooth > _OF_OTSU * threshold_otsu(capped)  # type: ignore[no-untyped-call]
    core = _largest(ndimage.distance_transform_edt(np.pad(bright, 1), sampling=zooms) > _OPEN_MM)
    reach = ndimage.distance_transform_edt(~core, sampling=zooms) <= _OPEN_MM + zooms.max()
    inner = (slice(1, -1),) * 3
    found: Bools = ndimage.binary_fill_holes(bright & reach[inner])
    if found.sum() * abs(np.linalg.det(b0.affine[:3, :3])) / 1000 < _MIN_ML:
        msg = "no head was found in the volumes without diffusion weighting"
        raise ValueError(msg)
    return found


def _largest(mask: Bools) -> Bools:
    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    piece: Bools = labels == sizes.argmax()
    return piece
