"""Automatic checks of a diffusion series."""

import nibabel as nib
import numpy as np

from npsle_app.arrays import Reals
from npsle_app.imaging.diffusion.coherence import Coherence
from npsle_app.imaging.diffusion.gradients import Selection
from npsle_app.records import Check, Qc, graded

_ENOUGH_DIRECTIONS, _GOOD_DIRECTIONS = 12, 30
_CLEARLY = 1.05
_MIN_FOR_COHERENCE = 500
_COARSE_MM = 2.6
_CORRECTED = {
    "pair": "undone by images of opposite phase encoding",
    "t1w": "undone along the phase-encoding axis towards T1w",
    "external": "left to the program that preprocessed the series",
}
_UNCORRECTED = {
    "none": "distortion uncorrected: no reversed image, and no T1w image or no phase-encoding axis",
    "unlike": "distortion uncorrected: what was found made the series less like T1w",
    "off": "distortion uncorrected: switched off in the settings",
}


def check_gradients(selection: Selection, *, coherence: Coherence) -> tuple[Check, ...]:
    """Judge number, shell and axes of the gradient directions."""
    few = selection.n_directions < _ENOUGH_DIRECTIONS
    shells = ", ".join(f"{b:.0f}" for b in selection.shells)
    return (
        Check.judged(
            "DWI directions",
            seen=f"{selection.n_directions}",
            expected=f"at least {_ENOUGH_DIRECTIONS}; {_GOOD_DIRECTIONS} are recommended",
            state=Qc.WARN if few else Qc.PASS,
            advice="the tensor is noisy and hangs on how the head lay",
        ),
        Check.judged(
            "DWI shell",
            seen=f"b {shells} s/mm²",
            expected="700 to 1300 s/mm²",
            state=Qc.WARN if selection.fallback else Qc.PASS,
            advice="diffusivities are lower than at 1000; compare like shells only",
        ),
        _check_axes(coherence),
    )


def _check_axes(coherence: Coherence) -> Check:
    expected = "fibres run on best with the gradient axes as they are (+x+y+z)"
    if coherence.n_voxels < _MIN_FOR_COHERENCE:
        return Check(
            name="DWI gradient axes",
            seen=f"{coherence.n_voxels} voxels with FA above 0.3",
            expected=expected,
            state=Qc.NOT_ASSESSABLE,
            advice="too little white matter to tell whether gradients are flipped",
        )
    kept = coherence.best == "+x+y+z"
    wrong = not kept and coherence.at_best > _CLEARLY * coherence.as_read
    return Check.judged(
        "DWI gradient axes",
        seen=f"{coherence.best}; in line {100 * coherence.as_read:.1f} % as read, "
        f"{100 * coherence.at_best:.1f} % at best",
        expected=expected,
        state=Qc.PASS if kept else Qc.FAIL if wrong else Qc.WARN,
        advice="the gradient table seems flipped or its axes exchanged: convert the series again",
    )


def check_motion(
    displacement_mm: Reals | None, *, dropped_share: float | None
) -> tuple[Check, ...]:
    """Judge framewise displacement, (N,), and the share of slices that lost their signal."""
    checks = []
    if displacement_mm is not None:
        mean = float(displacement_mm[1:].mean()) if len(displacement_mm) > 1 else 0.0
        checks.append(
            Check.judged(
                "DWI motion",
                seen=f"mean framewise displacement {mean:.2f} mm",
                expected="below 1 mm; above 3 mm it fails",
                state=graded(mean, warn=1.0, fail=3.0),
                advice="look at the motion figure; FA and ALPS suffer",
            )
        )
    if dropped_share is not None:
        checks.append(
            Check.judged(
                "DWI dropped slices",
                seen=f"{100 * dropped_share:.1f} %",
                expected="at most 5 %; above 20 % it fails",
                state=graded(dropped_share, warn=0.05, fail=0.2),
                advice="the head moved; look at the slices figure",
            )
        )
    return tuple(checks)


def check_distortion(method: str) -> Check:
    """Judge whether distortion was undone; `method` is that of `PreparedDwi`."""
    corrected = method in _CORRECTED
    return Check.judged(
        "DWI distortion",
        seen=_CORRECTED.get(method) or _UNCORRECTED[method],
        expected="undone",
        state=Qc.PASS if corrected else Qc.WARN,
        advice="regions may lie some millimetres off; look at the overlay",
    )


def check_image(
    image: nib.Nifti1Image, *, snr: float | None, coverage: float | None
) -> tuple[Check, ...]:
    """Judge voxels, noise, and how much of the T1w brain lies in the field of view."""
    longest = float(np.linalg.norm(image.affine[:3, :3], axis=0).max())
    coarse = longest > _COARSE_MM
    checks = [
        Check.judged(
            "DWI voxels",
            seen=f"longest edge {longest:.2f} mm",
            expected="at most 2.5 mm",
            state=Qc.WARN if coarse else Qc.PASS,
            advice="neighbouring tracts are mixed; compare like scans only",
        )
    ]
    if snr is not None:
        checks.append(
            Check.judged(
                "DWI noise",
                seen=f"signal-to-noise ratio {snr:.0f} at b 0",
                expected="at least 15; below 5 it fails",
                state=graded(-snr, warn=-15.0, fail=-5.0),
                advice="FA of grey matter is too high in such noise",
            )
        )
    if coverage is not None:
        checks.append(
            Check.judged(
                "DWI coverage",
                seen=f"{100 * coverage:.0f} % of the brain on T1w",
                expected="at least 90 %; below 50 % it fails",
                state=graded(-coverage, warn=-0.9, fail=-0.5),
                advice="parts of the brain were not scanned",
            )
        )
    return tuple(checks)
