"""Automatic checks of a comparison of two sessions."""

from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np

from npsle_app.imaging.lesions.change import Appearance, LesionChange
from npsle_app.imaging.space.halfway import Halfway
from npsle_app.imaging.space.volumes import voxel_mm3
from npsle_app.records import Check, Qc, graded

_DISAGREE_MM = (0.3, 1.0)
_OVERLAP = (0.95, 0.9)
_ALIKE = (0.8, 0.6)
_NOISE = (0.05, 0.15)
_THICKER_MM = 0.5
_LEAST_ML = 0.5  # below it, or a fifth of the load, volumes need not agree
_SHARE = 0.2
_SAME_TEXT = ("MRAcquisitionType", "Manufacturer", "ManufacturersModelName")
_SAME_NUMBER = ("MagneticFieldStrength", "RepetitionTime", "EchoTime", "InversionTime")
_TOLERANCE = 0.1


def check_registration(
    halfway: Halfway, earlier: Appearance, later: Appearance
) -> tuple[Check, ...]:
    """Judge how the two heads lie on one another."""
    both = int((earlier.shown & later.shown).sum())
    overlap = 2 * both / max(int(earlier.shown.sum()) + int(later.shown.sum()), 1)
    alike = _correlate(earlier, later)
    look = "look at the two FLAIR images: if they do not match, do not use the change"
    return (
        Check(
            name="Sessions registered both ways",
            seen=f"{halfway.disagree_mm:.2f} mm apart",
            expected=f"within {_DISAGREE_MM[0]} mm; fails over {_DISAGREE_MM[1]:.0f} mm",
            state=graded(halfway.disagree_mm, warn=_DISAGREE_MM[0], fail=_DISAGREE_MM[1]),
            advice=look,
        ),
        Check(
            name="Brains of both sessions",
            seen=f"Dice {overlap:.3f}",
            expected=f"at least {_OVERLAP[0]}; fails below {_OVERLAP[1]}",
            state=graded(-overlap, warn=-_OVERLAP[0], fail=-_OVERLAP[1]),
            advice=f"only what both sessions show is compared; {look}",
        ),
        Check(
            name="Likeness of FLAIR",
            seen=f"correlation {alike:.3f}",
            expected=f"at least {_ALIKE[0]} inside the brain; fails below {_ALIKE[1]}",
            state=graded(-alike, warn=-_ALIKE[0], fail=-_ALIKE[1]),
            advice=f"one person, one protocol, no motion? {look}",
        ),
    )


def check_protocol(
    earlier: nib.Nifti1Image,
    later: nib.Nifti1Image,
    *,
    earlier_metadata: Mapping[str, Any],
    later_metadata: Mapping[str, Any],
) -> Check:
    """Judge whether the two FLAIR scans, as acquired, are of one kind.

    What a sidecar does not tell cannot be compared and counts as alike.
    """
    thickness = [float(max(image.header.get_zooms()[:3])) for image in (earlier, later)]
    differences = []
    if abs(thickness[0] - thickness[1]) > _THICKER_MM:
        differences.append(f"longest voxel edge {thickness[0]:.2f} and {thickness[1]:.2f} mm")
    for name in (*_SAME_TEXT, *_SAME_NUMBER):
        pair = earlier_metadata.get(name), later_metadata.get(name)
        if None not in pair and not _is_alike(*pair):
            differences.append(f"{name} {pair[0]} and {pair[1]}")
    return Check.judged(
        "FLAIR of one kind",
        seen="; ".join(differences) or "no difference that the sidecars tell",
        expected="the same kind of sequence, scanner and slices at both sessions",
        state=Qc.WARN if differences else Qc.PASS,
        advice="compare only like scans: another protocol looks like change",
    )


def check_change(
    change: LesionChange, *, earlier_mask: nib.Nifti1Image, later_mask: nib.Nifti1Image
) -> tuple[Check, ...]:
    """Judge noise, and whether the sessions' own masks tell the same as the comparison."""
    alone = [
        np.count_nonzero(np.asarray(mask.dataobj)) * voxel_mm3(mask) / 1000
        for mask in (earlier_mask, later_mask)
    ]
    net = change.as_measures()["wmh_net_change_ml"]
    gap, limit = abs(alone[1] - alone[0] - net), max(_LEAST_ML, _SHARE * sum(alone) / 2)
    return (
        Check(
            name="Noise of the FLAIR difference",
            seen=f"{100 * change.noise_sd:.1f} % of normal-appearing white matter",
            expected=f"at most {100 * _NOISE[0]:.0f} %; fails over {100 * _NOISE[1]:.0f} %",
            state=graded(change.noise_sd, warn=_NOISE[0], fail=_NOISE[1]),
            advice="only strong changes are found: look for motion, or another protocol",
        ),
        Check(
            name="Change against the sessions' own volumes",
            seen=f"{alone[0]:.2f} → {alone[1]:.2f} mL alone, net change {net:+.2f} mL",
            expected=f"within {limit:.2f} mL of their difference",
            state=Qc.WARN if gap > limit else Qc.PASS,
            advice="the masks differ by more than brightness does: the threshold cuts faint "
            "lesions otherwise; trust the change before the difference of volumes",
        ),
    )


def check_origin(earlier_given: bool, later_given: bool) -> Check:
    """Judge whether the lesions of both sessions came about in one way."""
    told = {True: "given or corrected", False: "found by the model"}
    return Check.judged(
        "Lesions of one origin",
        seen=f"{told[earlier_given]} → {told[later_given]}",
        expected="found in both sessions, or given in both",
        state=Qc.WARN if earlier_given is not later_given else Qc.PASS,
        advice="what one hand marks and another does not looks like change: give masks of both "
        "sessions, or of neither",
    )


def check_interval(days: float | None) -> Check:
    """Judge the order of the sessions by their dates."""
    seen = "dates not known" if days is None else f"{days:.0f} days"
    wrong = days is not None and days <= 0
    return Check(
        name="Time between the sessions",
        seen=seen,
        expected="the earlier session before the later one, by acq_time in sessions.tsv",
        state=Qc.NOT_ASSESSABLE if days is None else Qc.WARN if wrong else Qc.PASS,
        advice="fix acq_time, or give it for all sessions: their labels decided the order"
        if wrong
        else "for change per year, give acq_time of both in sessions.tsv",
    )


def _correlate(earlier: Appearance, later: Appearance) -> float:
    """Correlate FLAIR where both show the brain; NaN where they show next to nothing.

    Synthetic heads in place have 0.96; moved by 1 mm they have 0.83, by 2 mm 0.58.
    """
    both = earlier.shown & later.shown
    values = earlier.flair[both], later.flair[both]
    if not both.any() or any(np.ptp(one) == 0 for one in values):
        return float("nan")
    return float(np.corrcoef(*values)[0, 1])


def _is_alike(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return bool(abs(one - other) <= _TOLERANCE * max(abs(one), abs(other)))
    return bool(one == other)
