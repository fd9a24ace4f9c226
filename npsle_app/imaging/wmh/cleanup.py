"""Bright places at the borders of the brain that are no lesions of white matter."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.imaging.space.volumes import NEIGHBOURS_26
from npsle_app.imaging.wmh.features import LesionPriors

_SEEN = 0.1  # probability above which voxels make up a component
_CORE = 0.65  # probability that a component must reach somewhere
_RIM_MM = 2.0
_SEPTUM_MM = 5.0  # half the gap between the ventricles that counts as septum
_BELIEVED = 0.55  # mean probability above which a component stays on the rim
_WHITE = 0.2  # mean prior of white matter below which it does not, however bright
_MOSTLY = 0.5
_VENTRICLE = 0.5


def clear_borders(
    probability: Volume,
    *,
    brain: Mask,
    csf: Mask,
    priors: LesionPriors,
    voxel_sizes_mm: Floats,
) -> Volume:
    """Set to 0 what has no core or lies on the outer rim, in the ventricles or between them.

    Cortex next to fluid, pulsating fluid, venous sinuses, the choroid plexus and the septum
    pellucidum are bright in FLAIR. A component (26-connected, p ≥ 0.1) goes if most of it
    lies within 2 mm of the outer fluid or of the border of the mask, unless its mean
    probability is at least 0.55 and its mean prior of white matter at least 0.2; or if most
    of it lies where the template has ventricles and its mean probability is below 0.55; or if
    it nowhere reaches 0.65: such specks are noise and bright cortex, more often than lesions.
    The gap between the ventricles, up to 10 mm wide, goes voxel by voxel.

    Parameters
    ----------
    probability, brain, csf : (I, J, K) array
        One grid; `csf` marks the fluid inside `brain`.
    priors : LesionPriors
        On the same grid; `ventricles` tells inner from outer fluid.
    voxel_sizes_mm : (3,) array
        Edge lengths.
    """
    rim = outer_rim(brain, csf=csf, ventricles=priors.ventricles, voxel_sizes_mm=voxel_sizes_mm)
    inside = priors.ventricles >= _VENTRICLE
    septum = _close(inside, radius_mm=_SEPTUM_MM, voxel_sizes_mm=voxel_sizes_mm) & ~inside
    kept = np.where(septum, np.float32(0), probability)
    labels, count = ndimage.label(kept >= _SEEN, NEIGHBOURS_26)
    share_of_rim, share_inside, mean, white = (
        _means(values, labels=labels, count=count)
        for values in (rim, inside, kept, priors.tissue.wm)
    )
    doubtful = (mean < _BELIEVED) | (white < _WHITE)
    drop = (share_of_rim > _MOSTLY) & doubtful
    drop |= (share_inside > _MOSTLY) & (mean < _BELIEVED)
    drop |= ndimage.maximum(kept, labels, np.arange(count + 1)) < _CORE
    drop[0] = False  # the background
    return np.where(drop[labels], np.float32(0), kept)


def _means(values: NDArray[np.generic], *, labels: Ints, count: int) -> Floats:
    """Average over each component, the background first."""
    where = labels.ravel()
    voxels = np.maximum(np.bincount(where, minlength=count + 1), 1)
    sums = np.bincount(where, values.ravel().astype(np.float64), minlength=count + 1)
    means: Floats = sums / voxels
    return means


def _close(mask: Mask, *, radius_mm: float, voxel_sizes_mm: Floats) -> Mask:
    """Dilate and erode by a ball, in mm whatever the voxels."""
    if not mask.any():
        return mask
    sampling = tuple(voxel_sizes_mm)
    grown = ndimage.distance_transform_edt(~mask, sampling=sampling) <= radius_mm
    closed: Mask = ndimage.distance_transform_edt(grown, sampling=sampling) > radius_mm
    return closed


def outer_rim(brain: Mask, *, csf: Mask, ventricles: Volume, voxel_sizes_mm: Floats) -> Mask:
    """Mark brain voxels within 2 mm of the outer fluid or of the border of the mask."""
    outside = ~brain | ndimage.binary_opening(csf & (ventricles < _VENTRICLE))
    distance = ndimage.distance_transform_edt(~outside, sampling=tuple(voxel_sizes_mm))
    rim: Mask = brain & (distance <= _RIM_MM)
    return rim
