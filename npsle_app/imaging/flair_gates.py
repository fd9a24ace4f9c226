"""Automatic checks of FLAIR: that it lies on T1w, and that it is a FLAIR image at all."""

from npsle_app.imaging.alignment import Alignment
from npsle_app.records import Gate, Qc, graded

_KEPT = 0.95  # interpolation alone moves it by some per cent


def check_alignment(found: Alignment) -> tuple[Gate, ...]:
    """Judge how FLAIR lies on T1w."""
    look = "look at the FLAIR-on-T1w figure; if they do not match, leave the lesion volumes out"
    moved = found.shift_mm > 20 or found.rotation_deg > 15
    lost = not found.information_after >= _KEPT * found.information_before
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
            expected="mutual information with T1w not 5 % lower than by the headers alone",
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


def check_slices(slice_mm: float) -> Gate:
    """Judge the thickest voxel edge."""
    thick = slice_mm > 3.05
    return Gate(
        name="FLAIR slice thickness",
        seen=f"{slice_mm:.2f} mm",
        expected="at most 3 mm",
        state=Qc.WARN if thick else Qc.PASS,
        advice="small lesions are blurred or missed; compare only like scans" if thick else "",
    )
