"""Automatic checks of the lesion map: is it to be trusted, and what to do if not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.imaging.lesion_features import LesionPriors, Mask, Volume
from npsle_app.records import Gate, Qc, graded

_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)
_BINS = 48
_LEAST_ML = 1.0  # below it a ratio of volumes is chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How FLAIR lies on T1w.

    `shift_mm` is how far the middle of the brain moved, `rotation_deg` by which angle;
    mutual information (nats, in the brain) before and after; `coverage` is the share of
    the brain that FLAIR shows.
    """

    shift_mm: float
    rotation_deg: float
    information_before: float
    information_after: float
    coverage: float


def measure_alignment(
    matrix: NDArray[np.float64],
    *,
    t1w: Volume,
    before: Volume,
    after: Volume,
    brain: Mask,
    shown: Mask,
    affine: NDArray[np.float64],
) -> Alignment:
    """Measure a rigid registration.

    Parameters
    ----------
    matrix : (4, 4) array
        T1w world to FLAIR world, mm.
    t1w, before, after : (I, J, K) array
        T1w; FLAIR on its grid by the headers alone; FLAIR by `matrix`.
    brain, shown : (I, J, K) array of bool
        Brain mask, and voxels that FLAIR covers.
    affine : (4, 4) array
        Voxels of the grid to world.
    """
    middle = np.append(np.argwhere(brain).mean(axis=0), 1)
    moved = (matrix - np.eye(4)) @ affine @ middle
    cosine = np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1)
    return Alignment(
        shift_mm=float(np.linalg.norm(moved[:3])),
        rotation_deg=float(np.rad2deg(np.arccos(cosine))),
        information_before=mutual_information(t1w[brain], before[brain]),
        information_after=mutual_information(t1w[brain], after[brain]),
        coverage=float(shown[brain].mean()),
    )


def mutual_information(first: Volume, second: Volume) -> float:
    """Return the mutual information of two (n,) arrays, in nats, from 48 × 48 bins."""
    limits = [np.percentile(values, (0.5, 99.5)) for values in (first, second)]
    clipped = [np.clip(v, *ends) for v, ends in zip((first, second), limits, strict=True)]
    counts = np.histogram2d(clipped[0], clipped[1], bins=_BINS)[0]
    joint = counts / counts.sum()
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / expected[seen])).sum())


def check_alignment(found: Alignment) -> tuple[Gate, ...]:
    """Judge how FLAIR lies on T1w."""
    look = "look at the FLAIR-on-T1w figure; if they do not match, leave the lesion volumes out"
    moved = found.shift_mm > 20 or found.rotation_deg > 15
    lost = found.information_after < found.information_before
    return (
        Gate(
            name="FLAIR motion",
            seen=f"{found.shift_mm:.1f} mm, {found.rotation_deg:.1f}°",
            expected="at most 20 mm and 15° between FLAIR and T1w",
            state=Qc.FAIL if moved else Qc.PASS,
            advice=look if moved else "",
        ),
        Gate(
            name="FLAIR similarity",
            seen=f"{found.information_before:.3f} → {found.information_after:.3f} nats",
            expected="mutual information with T1w no lower than by the headers alone",
            state=Qc.FAIL if lost else Qc.PASS,
            advice=look if lost else "",
        ),
        Gate(
            name="FLAIR coverage",
            seen=f"{100 * found.coverage:.1f} % of the brain",
            expected="at least 98 %; below 85 % it fails",
            state=graded(-found.coverage, warn=-0.98, fail=-0.85),
            advice=""
            if found.coverage >= 0.98
            else "lesions outside the FLAIR field of view are not counted",
        ),
    )


def check_scan(*, slice_mm: float, wm_to_gm: float) -> tuple[Gate, ...]:
    """Judge the FLAIR image itself: its thickest voxel edge and its contrast."""
    thick, odd = slice_mm > 3.05, not 0.75 <= wm_to_gm <= 0.97
    return (
        Gate(
            name="FLAIR slice thickness",
            seen=f"{slice_mm:.2f} mm",
            expected="at most 3 mm",
            state=Qc.WARN if thick else Qc.PASS,
            advice="small lesions are blurred or missed; compare only like scans" if thick else "",
        ),
        Gate(
            name="FLAIR contrast",
            seen=f"white over grey matter {wm_to_gm:.3f}",
            expected="0.75 to 0.97",
            state=Qc.WARN if odd else Qc.PASS,
            advice="is it a FLAIR image, and do the tissue contours fit?" if odd else "",
        ),
    )


def check_lesions(
    mask: Mask,
    *,
    brain: Mask,
    priors: LesionPriors,
    affine: NDArray[np.float64],
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
        _check_sides(mask, brain=brain, affine=affine),
        _check_firmness(volumes_ml),
    )


def _check_sides(mask: Mask, *, brain: Mask, affine: NDArray[np.float64]) -> Gate:
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
