"""Checks of regional volumes."""

from npsle_app.imaging.regions import RegionVolumes
from npsle_app.measures.names_of_regions import DEEP, SIDES, measure_name
from npsle_app.records import Gate, Qc, graded

_WARN_FILLED, _FAIL_FILLED = 0.7, 0.5
_MOST_UNEVEN = 25.0
_WARN_APART_MM, _FAIL_APART_MM = 2.0, 4.0


def check_filling(found: RegionVolumes) -> Gate:
    """Judge whether the deep regions of the atlas lie on grey matter."""
    deep = {
        name: share
        for name, share in found.filled.items()
        if any(name == measure_name(region, side=side) for region in DEEP for side in SIDES)
    }
    name, least = min(deep.items(), key=lambda item: item[1])
    state = Qc.PASS if least >= _WARN_FILLED else Qc.WARN
    return Gate(
        name="Deep regions on their structures",
        seen=f"{100 * least:.0f} % of {name.removesuffix('_ml')} is tissue of its kind",
        expected=f"at least {100 * _WARN_FILLED:.0f} % in each deep region",
        state=Qc.FAIL if least < _FAIL_FILLED else state,
        advice="" if state is Qc.PASS else "look at the outlines of the regions on the T1w image",
    )


def check_followed(gap_mm: float) -> Gate:
    """Judge whether the way through the session before leads to the same place as the direct one.

    `gap_mm` is the median distance between both in the brain, in the template.
    """
    state = graded(gap_mm, warn=_WARN_APART_MM, fail=_FAIL_APART_MM)
    return Gate(
        name="Way through the session before",
        seen=f"{gap_mm:.1f} mm from the direct way (median in the brain)",
        expected=f"at most {_WARN_APART_MM:g} mm",
        state=state,
        advice="" if state is Qc.PASS else "alternate the scans of both sessions: which moved?",
    )


def check_asymmetry(found: RegionVolumes) -> Gate:
    """Judge whether left and right of the deep regions are alike: 200 |L − R| / (L + R) ≤ 25 %."""
    uneven = {}
    for region in DEEP:
        left, right = (found.volumes_ml[measure_name(region, side=side)] for side in SIDES)
        uneven[region] = 200 * abs(left - right) / (left + right) if left + right else 0.0
    name, most = max(uneven.items(), key=lambda item: item[1])
    state = Qc.PASS if most <= _MOST_UNEVEN else Qc.WARN
    return Gate(
        name="Left and right of the deep regions",
        seen=f"{most:.0f} % apart in the {name}",
        expected=f"at most {_MOST_UNEVEN:g} %",
        state=state,
        advice="" if state is Qc.PASS else "a lesion, or an atlas that lies aslant: look at it",
    )
