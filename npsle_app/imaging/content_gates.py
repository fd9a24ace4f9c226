"""Automatic checks of what an image called FLAIR shows.

Limits lie between six clinical and two synthetic scans, all good, and the same scans spoilt;
the ranges stand beside them.
"""

import numpy as np

from npsle_app.imaging.flair_content import FlairContent
from npsle_app.records import Gate, Qc, graded, worst

_CSF_TO_GM = (0.75, 0.95)  # good 0.24-0.62; a T2w image 1.1, blurred by motion 0.82
_WM_TO_GM = (0.75, 0.97)  # good 0.81-0.92; a T1w image 1.19
_FLUID_DARKER = (0.82, 0.70)  # good 0.87-0.99; another person 0.65, mirrored 0.61
_LIKENESS = (0.3, 0.7)  # good -0.32 to -0.02; a copy of T1w 0.96
_NOISE = (0.09, 0.15)  # good 0.04-0.06; at 0.11 the lesion volume had doubled
_UNEVENNESS = (1.2, 1.4)  # good 1.03-1.12; turned by 180 degrees 1.50
_SHADING = (2.5, 10.0)  # good 1.07-1.44; up to 6 was corrected without loss
_SATURATED = (0.0005, 0.02)  # good 0; at 0.7 % a tenth of the lesion volume was gone
_AIR = (0.1, 0.3)  # good 0-0.07
_GHOSTS = (0.07, 0.3)  # good 0-0.05; ghosts of 15 % gave 0.08-0.11 and cost a fifth of the volume


def check_content(found: FlairContent) -> tuple[Gate, ...]:
    """Judge whether the image is a FLAIR image of this head, and a good one."""
    return (
        _contrast(found),
        _fluid(found.fluid_darker),
        _copy(found.likeness),
        _noise(found.noise),
        _unevenness(found.unevenness),
        _shading(found.shading),
        _saturation(found.saturated),
        _around(
            "FLAIR signal in air",
            found.air,
            limits=_AIR,
            advice="a constant may have been added to the image, or it is all noise",
        ),
        _around(
            "FLAIR ghosts",
            found.ghosts,
            limits=_GHOSTS,
            advice="the head may have moved: look at the FLAIR figure for bands beside the head",
        ),
    )


def _contrast(found: FlairContent) -> Gate:
    state = worst(
        [
            graded(found.csf_to_gm, warn=_CSF_TO_GM[0], fail=_CSF_TO_GM[1]),
            graded(found.wm_to_gm, warn=_WM_TO_GM[1], fail=1.0),
            graded(-found.wm_to_gm, warn=-_WM_TO_GM[0], fail=-0.5),
        ]
    )
    return _gate(
        "FLAIR contrast",
        seen=f"fluid {found.csf_to_gm:.2f}, white matter {found.wm_to_gm:.2f} of grey matter",
        expected=f"fluid at most {_CSF_TO_GM[0]:g}, white matter {_WM_TO_GM[0]:g} to "
        f"{_WM_TO_GM[1]:g}; fails if white is brighter than grey, or fluid over {_CSF_TO_GM[1]:g}",
        state=state,
        advice="is it a FLAIR image, and do the tissue contours fit? Choose the right scan with "
        "--bids-filter-file",
    )


def _fluid(darker: float) -> Gate:
    return _gate(
        "FLAIR shows the fluid of T1w",
        seen=f"darker than tissue in {100 * darker:.0f} % of pairs of voxels",
        expected=f"at least {100 * _FLUID_DARKER[0]:.0f} %; fails below "
        f"{100 * _FLUID_DARKER[1]:.0f} % (chance: 50 %)",
        state=graded(-darker, warn=-_FLUID_DARKER[0], fail=-_FLUID_DARKER[1]),
        advice="motion, noise, a failed registration, a mirrored image or another person: look "
        "at the FLAIR-on-T1w figure",
    )


def _copy(likeness: float) -> Gate:
    return _gate(
        "FLAIR is not the T1w image",
        seen=f"finest detail of white matter correlates by {likeness:.2f}",
        expected=f"at most {_LIKENESS[0]:g}; fails over {_LIKENESS[1]:g}",
        state=graded(likeness, warn=_LIKENESS[0], fail=_LIKENESS[1]),
        advice="the file may be a copy of the T1w image: put the FLAIR scan in its place",
    )


def _noise(noise: float) -> Gate:
    return _gate(
        "FLAIR noise",
        seen=f"{100 * noise:.1f} % of white matter",
        expected=f"at most {100 * _NOISE[0]:.0f} %; fails over {100 * _NOISE[1]:.0f} %",
        state=graded(noise, warn=_NOISE[0], fail=_NOISE[1]),
        advice="noise is taken for lesions: leave the lesion volumes out, or scan again",
    )


def _unevenness(ratio: float) -> Gate:
    return _gate(
        "FLAIR evenness",
        seen=f"white matter differs by a factor of {ratio:.2f} between octants",
        expected=f"at most {_UNEVENNESS[0]:g} after correction; fails over {_UNEVENNESS[1]:g}",
        state=graded(ratio, warn=_UNEVENNESS[0], fail=_UNEVENNESS[1]),
        advice="shading is left, or FLAIR does not lie on T1w: look at both figures",
    )


def _shading(ratio: float) -> Gate:
    return _gate(
        "FLAIR shading",
        seen=f"the bias field spans a factor of {ratio:.2f}",
        expected=f"at most {_SHADING[0]:g}; fails over {_SHADING[1]:g}",
        state=graded(ratio, warn=_SHADING[0], fail=_SHADING[1]),
        advice="a coil may have failed; look whether the corrected image is even",
    )


def _saturation(share: float) -> Gate:
    return _gate(
        "FLAIR saturation",
        seen=f"{100 * share:.2f} % of the brain at the highest value",
        expected=f"at most {100 * _SATURATED[0]:g} %; fails over {100 * _SATURATED[1]:g} %",
        state=graded(share, warn=_SATURATED[0], fail=_SATURATED[1]),
        advice="lesions may be clipped: convert the scan again without a window or 8-bit numbers",
    )


def _around(name: str, share: float, *, limits: tuple[float, float], advice: str) -> Gate:
    known = np.isfinite(share)
    return _gate(
        name,
        seen=f"{100 * share:.0f} % of white matter" if known else "no air in the image",
        expected=f"at most {100 * limits[0]:.0f} %; fails over {100 * limits[1]:.0f} %",
        state=graded(share, warn=limits[0], fail=limits[1]) if known else Qc.NOT_ASSESSABLE,
        advice=advice,
    )


def _gate(name: str, *, seen: str, expected: str, state: Qc, advice: str) -> Gate:
    passed = state is Qc.PASS
    return Gate(
        name=name, seen=seen, expected=expected, state=state, advice="" if passed else advice
    )
