"""The lateral ventricles, from which the distance of lesions is taken."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.records import Check, Qc

_FLUID = 0.5
_ZONE, _MAIN = 0.25, 0.75
_LEAST_HORN_MM3 = 50.0
_SECOND = 0.1  # share of the larger ventricle below which a second body is no ventricle
_PLAUSIBLE_ML = (4.0, 120.0)
_LEAST_FILLED = 0.02
_MOST_UNEVEN = 5.0


def find_lateral_ventricles(csf: Volume, *, zone: Volume, voxel_mm3: float) -> Mask:
    """Find the lateral ventricles.

    Fluid inside the zone where the template expects them; of its bodies (6-connected) the
    largest two, or one where both ventricles touch, holes filled (choroid plexus). Bodies from
    50 mm³ where only temporal horns may lie count too, as these are often closed off.

    Parameters
    ----------
    csf : (I, J, K) array
        Share of fluid, from 0 to 1.
    zone : (I, J, K) array
        1 where lateral ventricles may lie, 0.5 where only temporal horns may, on the same grid.
    voxel_mm3 : float
        Volume of one voxel.

    Returns
    -------
    (I, J, K) array of bool
        Empty where there is no fluid in the zone.
    """
    labels, count = ndimage.label((csf > _FLUID) & (zone > _ZONE))
    if not count:
        return np.zeros(csf.shape, dtype=bool)
    voxels = np.bincount(labels.ravel())
    voxels[0] = 0
    wide = np.bincount(labels.ravel(), (zone > _MAIN).ravel()) > 0
    largest = np.argsort(voxels * wide)[::-1][:2]
    kept = np.where(wide, False, voxels * voxel_mm3 >= _LEAST_HORN_MM3)
    kept[largest] = (voxels * wide)[largest] >= max(_SECOND * voxels[largest[0]], 1)
    bodies = kept[labels]
    filled: Mask = ndimage.binary_fill_holes(bodies)
    return filled


def check_ventricles(ventricles: Mask, *, zone: Volume, affine: Floats) -> Check:
    """Judge whether the mask can be the lateral ventricles: size and share of their zone.

    Fluid of sulci or cisterns, or a failed registration, gives too much or too little. Below
    2 % of the zone or outside 4-120 mL the check fails, as the distances hang on the mask.
    """
    ml = float(ventricles.sum() * abs(np.linalg.det(affine[:3, :3]))) / 1000
    share = float(ventricles.sum() / max(float((zone > _MAIN).sum()), 1.0))
    low, high = _PLAUSIBLE_ML
    wrong = not low <= ml <= high or share < _LEAST_FILLED
    return Check.judged(
        "Lateral ventricles",
        seen=f"{ml:.1f} mL, {100 * share:.0f} % of where the template allows them",
        expected=f"{low:g}-{high:g} mL and at least {100 * _LEAST_FILLED:g} %",
        state=Qc.FAIL if wrong else Qc.PASS,
        advice="look at the ventricle outline; if it is wrong, leave out all that hangs on the "
        "distance from the ventricles",
    )
