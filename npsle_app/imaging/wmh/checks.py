"""Automatic checks of FLAIR and the lesion map.

That FLAIR lies on T1w, that it is a FLAIR image at all, and that the lesion map is to be trusted.
Beside each limit stands what good scans and spoilt ones showed.
"""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.space.alignment import Alignment
from npsle_app.imaging.space.volumes import NEIGHBOURS_26
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.flair_content import FlairContent
from npsle_app.imaging.wmh.holes import Holes
from npsle_app.records import Check, Qc, graded, worst

_WHOLE, LEAST_SHOWN = 0.98, 0.85  # shares of the brain
_HOLES_ML = (0.03, 0.2)  # scans of people 0
_EMPTY_FLUID_ML = (0.5, 2.0)  # scans of people 0; without 12 mL of fluid the volume was halved
_FOUND = 1.5  # headers that lost their origin 9, a registration that ran away below 1
_KEPT = 0.95  # interpolation alone moves it by some per cent
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
_LEAST_ML = 1.0  # below it a ratio of volumes is chance
_SHARE_OF_WM = (0.10, 0.20)  # about 50 and 100 mL; a heavy load of multiple sclerosis is 12 %


def check_alignment(alignment: Alignment) -> tuple[Check, ...]:
    """Judge how FLAIR lies on T1w."""
    look = "look at the FLAIR-on-T1w figure; if they do not match, leave the lesion volumes out"
    moved = alignment.shift_mm > 20 or alignment.rotation_deg > 15
    clearly = alignment.information_after > _FOUND * alignment.information_before
    lost = not alignment.information_after >= _KEPT * alignment.information_before
    return (
        Check.judged(
            "FLAIR motion",
            seen=f"{alignment.shift_mm:.1f} mm, {alignment.rotation_deg:.1f}°",
            expected="at most 20 mm and 15° between FLAIR and T1w; more is told where mutual "
            f"information grew by more than {100 * (_FOUND - 1):.0f} %, else it fails",
            state=(Qc.WARN if clearly else Qc.FAIL) if moved else Qc.PASS,
            advice=look,
        ),
        Check.judged(
            "FLAIR similarity",
            seen=f"{alignment.information_before:.3f} → {alignment.information_after:.3f} nats",
            expected="mutual information with T1w not 5 % lower than by the headers alone",
            state=Qc.FAIL if lost else Qc.PASS,
            advice=look,
        ),
        check_coverage(alignment.coverage),
    )


def check_coverage(share: float) -> Check:
    """Judge how much of the brain FLAIR shows."""
    return Check.judged(
        "FLAIR coverage",
        seen=f"{100 * share:.1f} % of the brain",
        expected=f"at least {100 * _WHOLE:.0f} %; below {100 * LEAST_SHOWN:.0f} % no numbers "
        "of the whole brain are given",
        state=Qc.PASS if share >= _WHOLE else Qc.WARN,
        advice="lesions where FLAIR shows nothing are not counted",
    )


def check_holes(holes: Holes) -> Check:
    """Judge what FLAIR leaves empty inside the head."""
    state = graded(holes.tissue_ml, warn=_HOLES_ML[0], fail=_HOLES_ML[1])
    return Check.judged(
        "FLAIR without holes",
        seen=f"zeros where T1w shows tissue: {holes.tissue_ml:.2f} mL, fluid: "
        f"{holes.fluid_ml:.1f} mL cut out",
        expected=f"tissue at most {_HOLES_ML[0]:g} mL, fails over {_HOLES_ML[1]:g} mL; fluid at "
        f"most {_EMPTY_FLUID_ML[0]:g} mL, fails over {_EMPTY_FLUID_ML[1]:g} mL",
        state=worst(
            [state, graded(holes.fluid_ml, warn=_EMPTY_FLUID_ML[0], fail=_EMPTY_FLUID_ML[1])]
        ),
        advice="a mask was laid over the image: use FLAIR as it was acquired",
    )


def check_slices(slice_mm: float) -> Check:
    """Judge the thickest voxel edge."""
    thick = slice_mm > 3.05
    return Check.judged(
        "FLAIR slice thickness",
        seen=f"{slice_mm:.2f} mm",
        expected="at most 3 mm",
        state=Qc.WARN if thick else Qc.PASS,
        advice="small lesions are blurred or missed; compare only like scans",
    )


def check_content(content: FlairContent) -> tuple[Check, ...]:
    """Judge whether the image is a FLAIR image of this head, and a good one."""
    return (
        _contrast(content),
        _fluid(content.fluid_darker),
        _copy(content.likeness),
        *_check_quality(content),
    )


def check_content_alone(content: FlairContent) -> tuple[Check, ...]:
    """Judge the same without a T1w image, from where the template is sure of the tissue."""
    return (_contrast(content), *_check_quality(content))


def _check_quality(content: FlairContent) -> tuple[Check, ...]:
    return (
        _noise(content.noise),
        _unevenness(content.unevenness),
        _shading(content.shading),
        _saturation(content.saturated),
        _around(
            "FLAIR signal in air",
            content.air,
            limits=_AIR,
            advice="a constant may have been added to the image, or it is all noise",
        ),
        _around(
            "FLAIR ghosts",
            content.ghosts,
            limits=_GHOSTS,
            advice="the head may have moved: look at the FLAIR figure for bands beside the head",
        ),
    )


def _contrast(content: FlairContent) -> Check:
    state = worst(
        [
            graded(content.csf_to_gm, warn=_CSF_TO_GM[0], fail=_CSF_TO_GM[1]),
            graded(content.wm_to_gm, warn=_WM_TO_GM[1], fail=1.0),
            graded(-content.wm_to_gm, warn=-_WM_TO_GM[0], fail=-0.5),
        ]
    )
    return Check.judged(
        "FLAIR contrast",
        seen=f"fluid {content.csf_to_gm:.2f}, white matter {content.wm_to_gm:.2f} of grey matter",
        expected=f"fluid at most {_CSF_TO_GM[0]:g}, white matter {_WM_TO_GM[0]:g} to "
        f"{_WM_TO_GM[1]:g}; fails if white is brighter than grey, or fluid over {_CSF_TO_GM[1]:g}",
        state=state,
        advice="is it a FLAIR image, and do the tissue contours fit? Choose the right scan with "
        "--bids-filter-file",
    )


def _fluid(darker: float) -> Check:
    return Check.judged(
        "FLAIR shows the fluid of T1w",
        seen=f"darker than tissue in {100 * darker:.0f} % of pairs of voxels",
        expected=f"at least {100 * _FLUID_DARKER[0]:.0f} %; fails below "
        f"{100 * _FLUID_DARKER[1]:.0f} % (chance: 50 %)",
        state=graded(-darker, warn=-_FLUID_DARKER[0], fail=-_FLUID_DARKER[1]),
        advice="motion, noise, a failed registration, a mirrored image or another person: look "
        "at the FLAIR-on-T1w figure",
    )


def _copy(likeness: float) -> Check:
    return Check.judged(
        "FLAIR is not the T1w image",
        seen=f"finest detail of white matter correlates by {likeness:.2f}",
        expected=f"at most {_LIKENESS[0]:g}; fails over {_LIKENESS[1]:g}",
        state=graded(likeness, warn=_LIKENESS[0], fail=_LIKENESS[1]),
        advice="the file may be a copy of the T1w image: put the FLAIR scan in its place",
    )


def _noise(noise: float) -> Check:
    return Check.judged(
        "FLAIR noise",
        seen=f"{100 * noise:.1f} % of white matter",
        expected=f"at most {100 * _NOISE[0]:.0f} %; fails over {100 * _NOISE[1]:.0f} %",
        state=graded(noise, warn=_NOISE[0], fail=_NOISE[1]),
        advice="noise is taken for lesions: leave the lesion volumes out, or scan again",
    )


def _unevenness(ratio: float) -> Check:
    return Check.judged(
        "FLAIR evenness",
        seen=f"white matter differs by a factor of {ratio:.2f} between octants",
        expected=f"at most {_UNEVENNESS[0]:g} after correction; fails over {_UNEVENNESS[1]:g}",
        state=graded(ratio, warn=_UNEVENNESS[0], fail=_UNEVENNESS[1]),
        advice="shading is left, or FLAIR does not lie on T1w: look at both figures",
    )


def _shading(ratio: float) -> Check:
    return Check.judged(
        "FLAIR shading",
        seen=f"the bias field spans a factor of {ratio:.2f}",
        expected=f"at most {_SHADING[0]:g}; fails over {_SHADING[1]:g}",
        state=graded(ratio, warn=_SHADING[0], fail=_SHADING[1]),
        advice="a coil may have failed; look whether the corrected image is even",
    )


def _saturation(share: float) -> Check:
    return Check.judged(
        "FLAIR saturation",
        seen=f"{100 * share:.2f} % of the brain at the highest value",
        expected=f"at most {100 * _SATURATED[0]:g} %; fails over {100 * _SATURATED[1]:g} %",
        state=graded(share, warn=_SATURATED[0], fail=_SATURATED[1]),
        advice="lesions may be clipped: convert the scan again without a window or 8-bit numbers",
    )


def _around(name: str, share: float, *, limits: tuple[float, float], advice: str) -> Check:
    known = np.isfinite(share)
    return Check.judged(
        name,
        seen=f"{100 * share:.0f} % of white matter" if known else "no air in the image",
        expected=f"at most {100 * limits[0]:.0f} %; fails over {100 * limits[1]:.0f} %",
        state=graded(share, warn=limits[0], fail=limits[1]) if known else Qc.NOT_ASSESSABLE,
        advice=advice,
    )


def check_lesions(
    mask: Mask,
    *,
    brain: Mask,
    priors: LesionPriors,
    affine: Floats,
    volumes_ml: dict[float, float] | None,
) -> tuple[Check, ...]:
    """Judge where the lesions lie and how firmly they stand.

    Parameters
    ----------
    mask, brain : (I, J, K) array of bool
        Lesions at the chosen threshold; brain.
    priors : LesionPriors
        On the same grid.
    affine : (4, 4) array
        Voxels of the grid to world.
    volumes_ml : dict or None
        Lesion volume at each threshold, 0.2 and 0.5 among them; None for a mask that no
        threshold has made.
    """
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    outside = float((priors.tissue.wm[mask] < 0.2).mean()) if mask.any() else 0.0
    labels, count = ndimage.label(mask, NEIGHBOURS_26)
    largest = float(np.bincount(labels.ravel())[1:].max() * voxel_ml) if count else 0.0
    return (
        Check.judged(
            "Lesions outside white matter",
            seen=f"{100 * outside:.0f} % of the volume",
            expected="at most 30 % where the template's white matter is below 0.2",
            state=Qc.WARN if outside > 0.3 else Qc.PASS,
            advice="look for bright cortex, vessels or a failed registration",
        ),
        Check.judged(
            "Largest lesion",
            seen=f"{largest:.1f} mL",
            expected="at most 30 mL",
            state=Qc.WARN if largest > 30 else Qc.PASS,
            advice="confluent lesions, or an artefact: look at the figure",
        ),
        _check_share(mask, priors=priors, brain=brain),
        _check_sides(mask, brain=brain, affine=affine),
        *([] if volumes_ml is None else [_check_firmness(volumes_ml)]),
    )


def _check_share(mask: Mask, *, priors: LesionPriors, brain: Mask) -> Check:
    """Compare the lesions with the white matter that the template expects in the brain."""
    expected = float(priors.tissue.wm[brain].sum(dtype=np.float64))
    share = float(np.count_nonzero(mask)) / expected if expected else np.nan
    return Check.judged(
        "Lesion share of white matter",
        seen=f"{100 * share:.1f} %",
        expected=f"at most {100 * _SHARE_OF_WM[0]:.0f} %; fails over {100 * _SHARE_OF_WM[1]:.0f} %",
        state=graded(share, warn=_SHARE_OF_WM[0], fail=_SHARE_OF_WM[1]),
        advice="more than is plausible: look whether the figure shows lesions or an artefact",
    )


def _check_sides(mask: Mask, *, brain: Mask, affine: Floats) -> Check:
    """Compare the sides of the plane x = centre of the brain mask (head tilt is ignored)."""
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    centre = float((np.argwhere(brain) @ affine[0, :3]).mean())
    right = float((np.argwhere(mask) @ affine[0, :3] > centre).sum() * voxel_ml)
    left = float(mask.sum() * voxel_ml) - right
    ratio = max(left, right) / max(min(left, right), voxel_ml)
    odd = left + right >= _LEAST_ML and ratio > 5
    return Check.judged(
        "Lesions left and right",
        seen=f"left {left:.2f} mL, right {right:.2f} mL",
        expected=f"neither more than 5 times the other (from {_LEAST_ML:.0f} mL in all)",
        state=Qc.WARN if odd else Qc.PASS,
        advice="an infarct, or a bias field on one side: look at the figure",
    )


def _check_firmness(volumes_ml: dict[float, float]) -> Check:
    low, high = volumes_ml[0.2], volumes_ml[0.5]
    loose = low > 2 * high and low >= _LEAST_ML
    return Check.judged(
        "Volume against threshold",
        seen=f"{low:.2f} mL at 0.2, {high:.2f} mL at 0.5",
        expected=f"ratio at most 2 (from {_LEAST_ML:.0f} mL at 0.2)",
        state=Qc.WARN if loose else Qc.PASS,
        advice="faint lesions: the volume hangs on the threshold; compare only like scans",
    )
