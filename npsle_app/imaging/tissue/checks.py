"""Automatic checks of tissue and regional volumes, and of the image they come from."""

from npsle_app.imaging.tissue.regions import RegionVolumes
from npsle_app.imaging.tissue.segmentation import Contrast
from npsle_app.measures.names_of_regions import DEEP, SIDES, measure_name
from npsle_app.records import Check, Qc, graded

_WARN_FILLED, _FAIL_FILLED = 0.7, 0.5
_MOST_UNEVEN = 25.0
_WARN_APART_MM, _FAIL_APART_MM = 2.0, 4.0


def check_volumes(
    *, gm_ml: float, wm_ml: float, csf_ml: float | None, tiv_ml: float | None
) -> tuple[Check, ...]:
    """Judge the volumes against what an adult's head can hold (SCIENCE: 18-60 years)."""
    ratio = gm_ml / max(wm_ml, 1e-6)
    checks = (_within("Grey to white matter", ratio, usual=(1.0, 1.5), possible=(0.5, 2.5)),)
    if tiv_ml is None or csf_ml is None:
        return checks
    share = (gm_ml + wm_ml) / max(tiv_ml, 1e-6)
    return (
        *checks,
        _within(
            "Intracranial volume", tiv_ml, usual=(1000, 2000), possible=(700, 2500), unit=" mL"
        ),
        _within("Brain share of the skull", share, usual=(0.70, 0.88), possible=(0.5, 0.98)),
        _within("Fluid", csf_ml, usual=(120, 600), possible=(10, 1000), unit=" mL"),
    )


def check_contrast(contrast: Contrast) -> tuple[Check, ...]:
    """Judge noise and contrast of the T1w image."""
    return (
        _above("White matter signal to noise", contrast.snr_wm, least=10),
        _above("Contrast to noise, white to grey", contrast.cnr, least=1.5),
    )


def check_lesions(*, mapped: bool, filled: bool) -> Check:
    """Judge whether lesions could disturb the segmentation."""
    seen = "filled" if filled else "known but not filled" if mapped else "not known"
    return Check(
        name="Lesions",
        seen=seen,
        expected="found on FLAIR and filled",
        state=Qc.PASS if filled else Qc.WARN,
        advice="unfilled lesions count partly as grey matter; compare like with like",
    )


def _within(
    name: str,
    value: float,
    *,
    usual: tuple[float, float],
    possible: tuple[float, float],
    unit: str = "",
) -> Check:
    digits = 0 if usual[1] > 10 else 2
    (low, high), (least, most) = usual, possible
    unusual = Qc.WARN if least <= value <= most else Qc.FAIL
    return Check(
        name=name,
        seen=f"{value:.{digits}f}{unit}",
        expected=f"{low:.{digits}f}-{high:.{digits}f}{unit}; fails outside "
        f"{least:.{digits}f}-{most:.{digits}f}{unit}",
        state=Qc.PASS if low <= value <= high else unusual,
        advice="look at masks and tissue maps before believing the volumes",
    )


def _above(name: str, value: float, *, least: float) -> Check:
    return Check(
        name=name,
        seen=f"{value:.1f}",
        expected=f"above {least:g}",
        state=Qc.PASS if value > least else Qc.WARN,
        advice="the scan may be too noisy or moved; look at the T1w image",
    )


def check_filling(volumes: RegionVolumes) -> Check:
    """Judge whether the deep regions of the atlas lie on grey matter."""
    deep = {
        name: share
        for name, share in volumes.filled.items()
        if any(name == measure_name(region, side=side) for region in DEEP for side in SIDES)
    }
    name, least = min(deep.items(), key=lambda item: item[1])
    state = Qc.PASS if least >= _WARN_FILLED else Qc.WARN
    return Check.judged(
        "Deep regions on their structures",
        seen=f"{100 * least:.0f} % of {name.removesuffix('_ml')} is tissue of its kind",
        expected=f"at least {100 * _WARN_FILLED:.0f} % in each deep region",
        state=Qc.FAIL if least < _FAIL_FILLED else state,
        advice="look at the outlines of the regions on the T1w image",
    )


def check_followed(gap_mm: float) -> Check:
    """Judge whether the transform through the session before leads where the direct one does.

    `gap_mm` is the median distance between both in the brain, in the template.
    """
    return Check.judged(
        "Way through the session before",
        seen=f"{gap_mm:.1f} mm from the direct way (median in the brain)",
        expected=f"at most {_WARN_APART_MM:g} mm",
        state=graded(gap_mm, warn=_WARN_APART_MM, fail=_FAIL_APART_MM),
        advice="alternate the scans of both sessions: which moved?",
    )


def check_asymmetry(volumes: RegionVolumes) -> Check:
    """Judge whether left and right of the deep regions are alike: 200 |L − R| / (L + R) ≤ 25 %."""
    uneven = {}
    for region in DEEP:
        left, right = (volumes.volumes_ml[measure_name(region, side=side)] for side in SIDES)
        uneven[region] = 200 * abs(left - right) / (left + right) if left + right else 0.0
    name, most = max(uneven.items(), key=lambda item: item[1])
    return Check.judged(
        "Left and right of the deep regions",
        seen=f"{most:.0f} % apart in the {name}",
        expected=f"at most {_MOST_UNEVEN:g} %",
        state=Qc.PASS if most <= _MOST_UNEVEN else Qc.WARN,
        advice="a lesion, or an atlas that lies aslant: look at it",
    )
