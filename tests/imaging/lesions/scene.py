"""A block of brain with ventricles, cortex and lesions of known place, in template space."""

from collections.abc import Mapping

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from npsle_app.imaging.lesions.components import label_lesions
from npsle_app.imaging.lesions.location import LOBES, LesionVoxels, locate_lesions

SHAPE = (60, 60, 60)
AFFINE = np.eye(4)
AFFINE[:3, 3] = (-30, -30, -30)
VENTRICLES = np.s_[26:34, 20:40, 28:34]
CORTEX = np.s_[:, :, 56:]
BRAIN = np.s_[1:59, 1:59, 1:59]
Box = tuple[slice, ...]


def filled(*boxes: Box) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, dtype=bool)
    for box in boxes:
        mask[box] = True
    return mask


def lobes() -> nib.Nifti1Image:
    """Frontal in front of y = 0, parietal behind, infratentorial below z = −20."""
    x, y, z = (c - 30 for c in np.indices(SHAPE))
    lobe = np.where(z < -20, LOBES.index("infratentorial"), np.where(y > 0, 0, 1)) + 1
    return nib.Nifti1Image(np.where(x < 0, lobe, lobe + len(LOBES)).astype(np.uint8), AFFINE)


def still(shift_mm: tuple[float, float, float] = (0, 0, 0)) -> nib.Nifti1Image:
    """Return a field that moves every point by one shift (RAS)."""
    vectors = np.zeros((*SHAPE, 1, 3), np.float32)
    vectors[..., :] = np.array(shift_mm) * (-1, -1, 1)
    return nib.Nifti1Image(vectors, AFFINE)


def scene(*lesions: Box, ventricles: Box | None = VENTRICLES, **changed: object) -> LesionVoxels:
    given: Mapping[str, object] = {
        "ventricles": filled(ventricles) if ventricles else filled(),
        "cortex": filled(CORTEX),
        "lobes": lobes(),
        "field": still(),
        "affine": AFFINE,
    } | changed
    return locate_lesions(label_lesions(filled(*lesions)), **given)  # type: ignore[arg-type]
