"""Automatic checks of the lesion map: is it to be trusted, and what to do if not."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.lesion_features import LesionPriors
from npsle_app.records import Gate, Qc, graded

_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)
_LEAST_ML = 1.0  # below it a ratio of volumes is chance
_SHARE_OF_WM = (0.10, 0.20)  # about 50 and 100 mL; a heavy load of multiple sclerosis is 12 %


def check_lesions(
    mask: Mask,
    *,
    brain: Mask,
    priors: LesionPriors,
    affine: Floats,
    volumes_ml: dict[float, float],
) -> tuple[Gate, ...]:
    """Judge where the lesions lie and how firmly they stand.

    Parameters
    ----------
    mask, brain : (I, J, K) array of bool
        Lesions at the chosen threshold; brain.
    priors : LesionPriors
        On the same grid.
    affine : (4, 4) array
        Voxels of the grid to world.
    volumes_ml : dict
        Lesion volume at each threshold, 0.2 and 0.5 among them.
    """
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    outside = float((priors.tissue.wm[mask] < 0.2).mean()) if mask.any() else 0.0
    labels, count = ndimage.label(mask, _EVERY_NEIGHBOUR)
    largest = float(np.bincount(labels.ravel())[1:].max() * voxel_ml) if count else 0.0
    return (
        Gate(
            name="Lesions outside white matter",
            seen=f"{100 * outside:.0f} % of the volume",
            expected="at most 30 % where the template's white matter is below 0.2",
            state=Qc.WARN if outside > 0.3 else Qc.PASS,
            advice="look for bright cortex, vessels or a failed registration"
            if outside > 0.3
            else "",
        ),
        Gate(
            name="Largest lesion",
            seen=f"{largest:.1f} mL",
            expected="at most 30 mL",
            state=Qc.WARN if largest > 30 else Qc.PASS,
            advice="confluent lesions, or an artefact: look at the figure" if largest > 30 else "",
        ),
        _check_share(mask, priors=priors, brain=brain),
        _check_sides(mask, brain=brain, affine=affine),
        _check_firmness(volumes_ml),
    )


def _check_share(mask: Mask, *, priors: LesionPriors, brain: Mask) -> Gate:
    """Compare the lesions with the white matter that the template expects in the brain."""
    expected = float(priors.tissue.wm[brain].sum(dtype=np.float64))
    share = float(np.count_nonzero(mask)) / expected if expected else np.nan
    state = graded(share, warn=_SHARE_OF_WM[0], fail=_SHARE_OF_WM[1])
    return Gate(
        name="Lesion share of white matter",
        seen=f"{100 * share:.1f} %",
        expected=f"at most {100 * _SHARE_OF_WM[0]:.0f} %; fails over {100 * _SHARE_OF_WM[1]:.0f} %",
        state=state,
        advice="more than is plausible: look whether the figure shows lesions or an artefact"
        if state is not Qc.PASS
        else "",
    )


def _check_sides(mask: Mask, *, brain: Mask, affine: Floats) -> Gate:
    """Compare the sides of the plane x = centre of the brain mask (head tilt is ignored)."""
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    centre = float((np.argwhere(brain) @ affine[0, :3]).mean())
    right = float((np.argwhere(mask) @ affine[0, :3] > centre).sum() * voxel_ml)
    left = float(mask.sum() * voxel_ml) - right
    ratio = max(left, right) / max(min(left, right), voxel_ml)
    odd = left + right >= _LEAST_ML and ratio > 5
    return Gate(
        name="Lesions left and right",
        seen=f"left {left:.2f} mL, right {right:.2f} mL",
        expected=f"neither more than 5 times the other (from {_LEAST_ML:.0f} mL in all)",
        state=Qc.WARN if odd else Qc.PASS,
        advice="an infarct, or a bias field on one side: look at the figure" if odd else "",
    )


def _check_firmness(volumes_ml: dict[float, float]) -> Gate:
    low, high = volumes_ml[0.2], volumes_ml[0.5]
    loose = low > 2 * high and low >= _LEAST_ML
    return Gate(
        name="Volume against threshold",
        seen=f"{low:.2f} mL at 0.2, {high:.2f} mL at 0.5",
        expected=f"ratio at most 2 (from {_LEAST_ML:.0f} mL at 0.2)",
        state=Qc.WARN if loose else Qc.PASS,
        advice="faint lesions: the volume hangs on the threshold; compare only like scans"
        if loose
        else "",
    )
