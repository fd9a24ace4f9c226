"""Automatic checks of vessel-wall images, of each section and of each vessel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.space.alignment import Alignment
from npsle_app.imaging.vessels.measures import Summary
from npsle_app.measures.names_of_vessels import MAX_VOXEL_MM
from npsle_app.records import Check, Qc, graded

GOOD_VOXEL_MM = 0.6
MIN_ACCEPTED = 0.7
_MIN_CNR_LUMEN, _MIN_CNR_OUTSIDE = 4.0, 1.5
LUMEN_MM2, NWI = (0.5, 30.0), (0.2, 0.95)
_MIN_RAYS = 0.8
_MAX_SHIFT_MM, _MAX_TURN_DEG, _KEPT = 20.0, 15.0, 0.95
SLOW_FLOW = 0.4  # lumen's signal as a share of the wall's
SLOW_RISE = 0.12  # above the vessel's usual share: a slow layer at the wall is taken for wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What each section is judged by; (n,) arrays, NaN where the fit failed."""

    cnr_lumen: Floats
    cnr_outside: Floats
    lumen_of_wall: Floats
    rays: Floats
    lumen_mm2: Floats
    nwi: Floats
    agrees: Bools


def reasons_against(quality: Quality) -> dict[str, Bools]:
    """Return which sections are rejected for which reason; each (n,), True against."""
    nothing = ~np.isfinite(quality.nwi)
    usual = _usual(quality.lumen_of_wall)
    bright = ~nothing & ~(quality.lumen_of_wall <= SLOW_FLOW)
    brighter = ~nothing & (quality.lumen_of_wall > usual + SLOW_RISE)
    return {
        "no fit": nothing,
        "blood not black (slow flow, or no black-blood image)":
            bright,
        "blood brighter than elsewhere in the vessel (slow flow)": brighter,
        "shares voxels with a section of slow flow": ~nothing & _beside(bright | brighter),
        "wall as dark as the lumen": ~nothing & ~(quality.cnr_lumen > _MIN_CNR_LUMEN),
        "wall as dark as its surroundings": ~nothing & ~(quality.cnr_outside > _MIN_CNR_OUTSIDE),
        "edges faint on too many rays": ~(quality.rays >= _MIN_RAYS),
        "lumen area implausible": ~nothing & ~_within(quality.lumen_mm2, LUMEN_MM2),
        "NWI implausible": ~nothing & ~_within(quality.nwi, NWI),
        "fit and contour disagree": ~nothing & ~quality.agrees,
    }  # fmt: skip


def accepted(quality: Quality) -> Bools:
    """Return which sections pass every check, (n,)."""
    good: Bools = ~np.any(list(reasons_against(quality).values()), axis=0)
    return good


def check_voxels(voxel_mm: Sequence[float]) -> Check:
    """Judge the voxel's longest edge."""
    longest = max(voxel_mm)
    return Check.judged(
        "Vessel wall: voxel size",
        seen=" × ".join(f"{edge:.2f}" for edge in voxel_mm) + " mm",
        expected=f"at most {GOOD_VOXEL_MM} mm; above {MAX_VOXEL_MM} mm nothing is measured",
        state=graded(longest, warn=GOOD_VOXEL_MM + 0.01, fail=MAX_VOXEL_MM + 0.01),
        advice="the wall is thinner than a voxel: compare only with images of the same voxel size",
    )


def check_placement(alignment: Alignment) -> Check:
    """Judge how the vessel-wall image was laid on the T1w image."""
    moved = alignment.shift_mm > _MAX_SHIFT_MM or alignment.rotation_deg > _MAX_TURN_DEG
    lost = not alignment.information_after >= _KEPT * alignment.information_before
    return Check.judged(
        "Vessel wall: place on T1w",
        seen=f"moved by {alignment.shift_mm:.1f} mm and {alignment.rotation_deg:.1f}°, "
        f"mutual information {alignment.information_before:.3f} → "
        f"{alignment.information_after:.3f} nats",
        expected=f"at most {_MAX_SHIFT_MM:g} mm and {_MAX_TURN_DEG:g}°, and likeness not lost",
        state=Qc.FAIL if moved or lost else Qc.PASS,
        advice="vessels may be sought in the wrong place: look at the projection, and give "
        "landmarks",
    )


def check_sections(quality: Quality, *, vessel: str) -> Check:
    """Judge the share of sections that were accepted, and say what was against the others."""
    share = float(accepted(quality).mean())
    against = {text: int(bad.sum()) for text, bad in reasons_against(quality).items() if bad.any()}
    most = sorted(against.items(), key=lambda pair: -pair[1])[:3]
    return Check(
        name=f"{vessel}: sections accepted",
        seen=f"{100 * share:.0f} % of {len(quality.nwi)}",
        expected=f"at least {100 * MIN_ACCEPTED:.0f} %, or the vessel is not assessable",
        state=Qc.PASS if share >= MIN_ACCEPTED else Qc.NOT_ASSESSABLE,
        advice="; ".join(f"{text}: {n}" for text, n in most),
    )


def check_flow(quality: Quality, *, vessel: str) -> Check:
    """Judge whether blood is black along the vessel."""
    known = quality.lumen_of_wall[np.isfinite(quality.lumen_of_wall)]
    slow = (known > SLOW_FLOW) | (known > _usual(known) + SLOW_RISE)
    share = float(np.mean(slow)) if known.size else float("nan")
    return Check.judged(
        f"{vessel}: slow flow",
        seen=f"{100 * share:.0f} % of sections" if known.size else "no section",
        expected="the lumen's signal below 40 % of the wall's, and even, in 90 % of the sections",
        state=graded(share, warn=0.1, fail=0.3) if known.size else Qc.NOT_ASSESSABLE,
        advice="slow blood beside the wall looks like wall; those sections were left out",
    )


def check_floor(summary: Summary | None, *, vessel: str) -> Check:
    """Say whether the wall is below what the voxels show by themselves."""
    if summary is None:
        state, seen = Qc.NOT_ASSESSABLE, "not measured"
    else:
        state = Qc.WARN if summary.below_floor else Qc.PASS
        seen = f"{summary.thickness_mean_mm.value:.2f} mm"
    floor = "" if summary is None else f" ({summary.floor_mm:.2f} mm)"
    return Check(
        name=f"{vessel}: wall thickness",
        seen=seen,
        expected=f"above 1.3 voxels{floor}",
        state=state,
        advice="below it the value rests on the fitted point spread: read it with its interval"
        if state is Qc.WARN
        else "",
    )


def _beside(slow: Bools) -> Bools:
    """Mark the sections next to marked ones that are not marked themselves."""
    wide = np.pad(slow, 1)
    beside: Bools = (wide[:-2] | wide[2:]) & ~slow
    return beside


def _usual(lumen_of_wall: Floats) -> float:
    """Return the lumen's signal where blood flows fast: the lower quartile."""
    known = lumen_of_wall[np.isfinite(lumen_of_wall)]
    return float(np.percentile(known, 25)) if known.size else float("nan")


def _within(values: Floats, limits: tuple[float, float]) -> Bools:
    inside: Bools = (values > limits[0]) & (values < limits[1])
    return inside
