"""Automatic checks of tissue volumes and of the image they come from."""

from npsle_app.imaging.tissue import Contrast
from npsle_app.records import Gate, Qc


def check_volumes(
    *, gm_ml: float, wm_ml: float, csf_ml: float | None, tiv_ml: float | None
) -> tuple[Gate, ...]:
    """Judge the volumes against what an adult's head can hold (SCIENCE: 18-60 years)."""
    ratio = gm_ml / max(wm_ml, 1e-6)
    gates = (_within("Grey to white matter", ratio, low=1.0, high=1.5, unit=""),)
    if tiv_ml is None or csf_ml is None:
        return gates
    share = (gm_ml + wm_ml) / max(tiv_ml, 1e-6)
    return (
        *gates,
        _within("Intracranial volume", tiv_ml, low=1000, high=2000, unit=" mL"),
        _within("Brain share of the skull", share, low=0.70, high=0.88, unit=""),
        _within("Fluid", csf_ml, low=120, high=600, unit=" mL"),
    )


def check_contrast(found: Contrast) -> tuple[Gate, ...]:
    """Judge noise and contrast of the T1w image."""
    return (
        _above("White matter signal to noise", found.snr_wm, least=10),
        _above("Contrast to noise, white to grey", found.cnr, least=1.5),
    )


def check_lesions(*, mapped: bool, filled: bool) -> Gate:
    """Judge whether lesions could disturb the segmentation."""
    seen = "filled" if filled else "known but not filled" if mapped else "not known"
    return Gate(
        name="Lesions",
        seen=seen,
        expected="found on FLAIR and filled",
        state=Qc.PASS if filled else Qc.WARN,
        advice="unfilled lesions count partly as grey matter; compare like with like",
    )


def _within(name: str, value: float, *, low: float, high: float, unit: str) -> Gate:
    digits = 0 if high > 10 else 2
    return Gate(
        name=name,
        seen=f"{value:.{digits}f}{unit}",
        expected=f"{low:.{digits}f}-{high:.{digits}f}{unit}",
        state=Qc.PASS if low <= value <= high else Qc.WARN,
        advice="look at masks and tissue maps before believing the volumes",
    )


def _above(name: str, value: float, *, least: float) -> Gate:
    return Gate(
        name=name,
        seen=f"{value:.1f}",
        expected=f"above {least:g}",
        state=Qc.PASS if value > least else Qc.WARN,
        advice="the scan may be too noisy or moved; look at the T1w image",
    )
