"""Bright places at the borders of the brain that are no lesions of white matter."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.imaging.lesion_features import LesionPriors, Mask, Volume

_SEEN = 0.1  # probability above which voxels make up a component
_RIM_MM = 2.0
_BELIEVED = 0.5  # mean probability above which a component stays, wherever it lies
_MOSTLY = 0.5
_VENTRICLE = 0.5
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


def clear_borders(
    probability: Volume,
    *,
    brain: Mask,
    csf: Mask,
    priors: LesionPriors,
    voxel_sizes_mm: NDArray[np.float64],
) -> Volume:
    """Set to 0 the components that lie on the outer rim or inside the ventricles.

    Cortex next to fluid, pulsating fluid, the choroid plexus and the septum pellucidum are
    bright in FLAIR. A component (26-connected, p ≥ 0.1) goes if most of it lies within
    2 mm of the outer fluid or of the border of the mask while its mean probability is below
    0.5; or if most of it lies where the template has ventricles and its mean probability
    is below 0.5 there too.

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
    labels, count = ndimage.label(probability >= _SEEN, _EVERY_NEIGHBOUR)
    if count == 0:
        return probability
    flat = labels.ravel()
    voxels = np.maximum(np.bincount(flat), 1)
    share_of_rim = np.bincount(flat, weights=rim.ravel()) / voxels
    share_inside = np.bincount(flat, weights=inside.ravel()) / voxels
    mean = np.bincount(flat, weights=probability.ravel()) / voxels
    drop = ((share_of_rim > _MOSTLY) | (share_inside > _MOSTLY)) & (mean < _BELIEVED)
    drop[0] = False
    return np.where(drop[labels], np.float32(0), probability)


def outer_rim(
    brain: Mask, *, csf: Mask, ventricles: Volume, voxel_sizes_mm: NDArray[np.float64]
) -> Mask:
    """Mark brain voxels within 2 mm of the outer fluid or of the border of the mask."""
    outside = ~brain | ndimage.binary_opening(csf & (ventricles < _VENTRICLE))
    distance = ndimage.distance_transform_edt(~outside, sampling=tuple(voxel_sizes_mm))
    rim: Mask = brain & (distance <= _RIM_MM)
    return rim
