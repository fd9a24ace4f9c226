"""Automatic checks of a diffusion series."""

from collections.abc import Sequence

import nibabel as nib
import numpy as np

from npsle_app.arrays import Reals
from npsle_app.imaging.diffusion.coherence import Coherence
from npsle_app.imaging.diffusion.gradient_offset import GradientOffset
from npsle_app.imaging.diffusion.gradients import Selection
from npsle_app.imaging.diffusion.volumes import Joined
from npsle_app.records import Check, Qc, graded

_ENOUGH_DIRECTIONS, _GOOD_DIRECTIONS = 12, 30
_CLEARLY = 1.05
_MIN_FOR_COHERENCE = 500
_COARSE_MM = 2.6
_ENOUGH_VOLUMES = 0.8
_RUNS = (1.1, 1.5)
# people 0.7 to 0.9; the shells of one nominal b-value taken for one 0.58; trace images for b 0 0.0
_DIFFUSIVITY, _POSSIBLE_DIFFUSIVITY = (0.55e-3, 1.3e-3), (0.2e-3, 2.2e-3)
_MAX_OFFSET = 0.01  # of the gradient; synthetic series 0.001, real ones 0.7 to 3 %
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


def check_volumes(joined: Joined) -> tuple[Check, ...]:
    """Judge how many volumes can be used, and whether runs agree in brightness."""
    kept = joined.n_volumes - len(joined.left_out)
    share = kept / joined.n_volumes
    state = graded(-share, warn=-1.0, fail=-_ENOUGH_VOLUMES)
    checks = [
        Check(
            name="DWI volumes",
            seen=f"{kept} of {joined.n_volumes} can be used",
            expected=f"all; fails below {100 * _ENOUGH_VOLUMES:.0f} %",
            state=state,
            advice="" if state is Qc.PASS else "the scan may have been stopped: look at the "
            "volumes that were left out",
        )
    ]  # fmt: skip
    return (*checks, _check_runs(joined.levels)) if len(joined.levels) > 1 else tuple(checks)


def _check_runs(levels: Sequence[float]) -> Check:
    known = [level for level in levels if np.isfinite(level) and level > 0]
    factor = max((max(level, 1 / level) for level in known), default=np.nan)
    state = graded(factor if len(known) == len(levels) else np.nan, warn=_RUNS[0], fail=_RUNS[1])
    told = ", ".join(f"{level:.2f}" for level in levels)
    return Check(
        name="DWI runs",
        seen=f"without weighting {told} times as bright as the first; scaled to it",
        expected=f"within {100 * (_RUNS[0] - 1):.0f} %; fails beyond a factor of {_RUNS[1]:g}, "
        "or where no volume tells it",
        state=state,
        advice="" if state is Qc.PASS else "check that the runs are of one protocol and one scale",
    )


def check_diffusivity(median: float) -> Check:
    """Judge the median of the mean diffusivity in the brain, in mm²/s."""
    low, high = _DIFFUSIVITY
    lowest, highest = _POSSIBLE_DIFFUSIVITY
    state = Qc.PASS if low <= median <= high else Qc.WARN
    if not lowest <= median <= highest:
        state = Qc.FAIL
    return Check(
        name="DWI diffusivity",
        seen=f"median {1000 * median:.2f} × 10⁻³ mm²/s in the brain",
        expected=f"{1000 * low:.1f} to {1000 * high:.1f}; fails outside {1000 * lowest:.2g} to "
        f"{1000 * highest:.1f}",
        state=state,
        advice=""
        if state is Qc.PASS
        else "b-values may not be those of the volumes: convert the series again with its tables",
    )


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


def check_offset(offset: GradientOffset | None, *, corrected: bool) -> Check:
    """Judge whether the gradients are those of the table."""
    name, expected = "DWI gradient offset", f"at most {100 * _MAX_OFFSET:.0f} % of the gradient"
    if offset is None:
        return Check(
            name=name,
            seen="too few directions or too little grey-like tissue",
            expected=expected,
            state=Qc.NOT_ASSESSABLE,
            advice="whether the gradients are those of the table cannot be told",
        )
    done = "taken out" if corrected else "left as it is" if offset.clear else "not clear: left"
    return Check.judged(
        name,
        seen=f"{100 * offset.size:.1f} ± {100 * float(np.linalg.norm(offset.se)):.1f} %, {done}; "
        f"diffusivity of grey-like tissue scatters by {100 * offset.spread_before:.1f} %, "
        f"without the offset by {100 * offset.spread_after:.1f} %",
        expected=expected,
        state=Qc.PASS if offset.size <= _MAX_OFFSET else Qc.WARN,
        advice="tensors follow the prescription of the slices; what is taken out is an estimate: "
        "compare scans of one prescription",
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
