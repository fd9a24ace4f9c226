"""Whether volumes that another program measured can be used: what is missing, zero, or swapped."""

from collections.abc import Iterable, Mapping

from npsle_app.measures.names_of_freesurfer import (
    DESIKAN,
    ETIV,
    FLUID,
    PAIRED,
    TISSUE,
    volume_name,
)
from npsle_app.measures.names_of_regions import SIDES
from npsle_app.records import Check, Qc

# A label that healthy brains may lack; its absence says nothing.
_MAY_BE_ABSENT = frozenset(volume_name("vessel", side=side) for side in SIDES)
_CORE = frozenset({ETIV, *TISSUE, *FLUID}) - _MAY_BE_ABSENT
_MOST_NAMED = 6
_MOST_UNEVEN = 25.0  # 200 |L − R| / (L + R), %, as for the app's own deep regions
_EVEN = PAIRED[:7]
# Of two TIV of one healthy head eTIV lies up to 10 % off (Malone 2015); beyond 20 % one is wrong.
_TIV_WARN, _TIV_FAIL = 0.12, 0.25
# Mean of both sides. That the number tells unusable scans is Rosen 2018 (AUC 0.98 to 0.99); the
# cut is the one that later studies use, and was not found in that paper's abstract. Published
# tables of usable scans: −13 (FreeSurfer 7.4.1), −54 (5.3), −101 (6.0).
_EULER_LEAST = -217.0
_CORTEX_APART = 0.02


def check_complete(volumes: Mapping[str, float], *, expected: Iterable[str]) -> Check:
    """Judge whether all that the program measures is there and above 0."""
    names = [name for name in expected if name not in _MAY_BE_ABSENT]
    missing = [name for name in names if name not in volumes]
    zero = [name for name in names if volumes.get(name) == 0]
    told = [
        f"{what}: {_few(which)}" for what, which in (("missing", missing), ("0", zero)) if which
    ]
    core = [name for name in (*missing, *zero) if name in _CORE and name != ETIV]
    state = Qc.FAIL if 2 * len(core) > len(_CORE) else Qc.WARN if told else Qc.PASS
    return Check.judged(
        "Imported volumes",
        seen="; ".join(told) or f"all {len(names)} are there",
        expected="all structures, none of 0 mL",
        state=state,
        advice="the run was cut off or failed in places: look at its segmentation",
    )


def check_sides(volumes: Mapping[str, float], *, cortex_ml: Mapping[str, float]) -> Check:
    """Judge whether left and right are alike, and not swapped between the tables.

    Parameters
    ----------
    cortex_ml
        Volume of the cortex by side as the table of the whole brain tells it; with it, sums of
        the gyri must agree, and not with that of the other side.
    """
    uneven = {
        one.text: 200 * abs(left - right) / (left + right)
        for one in _EVEN
        if (left := volumes.get(volume_name(one.name, side="left")))
        and (right := volumes.get(volume_name(one.name, side="right")))
    }
    name, most = max(uneven.items(), key=lambda item: item[1], default=("none", 0.0))
    swapped = _is_swapped(volumes, cortex_ml=cortex_ml)
    seen = f"{most:.0f} % apart in the {name}"
    return Check.judged(
        "Left and right of imported volumes",
        seen=f"{seen}; gyri of the left add up to the cortex of the right" if swapped else seen,
        expected=f"at most {_MOST_UNEVEN:g} % apart, sides not swapped",
        state=Qc.FAIL if swapped else Qc.PASS if most <= _MOST_UNEVEN else Qc.WARN,
        advice="tables of two runs, or a label that leaked: look at the segmentation",
    )


def _is_swapped(volumes: Mapping[str, float], *, cortex_ml: Mapping[str, float]) -> bool:
    sums = {
        side: sum(volumes.get(volume_name(one.name, side=side), 0.0) for one in DESIKAN)
        for side in SIDES
    }
    if not all(sums.values()) or set(cortex_ml) != set(SIDES):
        return False
    left, right = (cortex_ml[side] for side in SIDES)
    if abs(left - right) <= 2 * _CORTEX_APART * max(left, right):
        return False  # too alike to tell sides from each other
    own = max(abs(sums[side] / cortex_ml[side] - 1) for side in SIDES)
    crossed = max(abs(sums["left"] / right - 1), abs(sums["right"] / left - 1))
    return crossed <= _CORTEX_APART < own


def check_tiv(etiv_ml: float | None, *, own_ml: float | None) -> Check:
    """Judge the imported intracranial volume by that which the app measured, where it did."""
    told = "it has no intracranial volume" if etiv_ml is None else f"{etiv_ml:.0f} mL"
    if etiv_ml is None or own_ml is None:
        state = Qc.WARN if etiv_ml is None else Qc.NOT_ASSESSABLE
        seen = told if etiv_ml is None else f"{told}; the app has measured none"
    else:
        apart = abs(etiv_ml / own_ml - 1)
        state = Qc.PASS if apart <= _TIV_WARN else Qc.WARN if apart <= _TIV_FAIL else Qc.FAIL
        seen = f"{told}, the app measures {own_ml:.0f} mL"
    return Check.judged(
        "Intracranial volume, imported",
        seen=seen,
        expected=f"within {100 * _TIV_WARN:.0f} % of the app's own",
        state=state,
        advice="without it z is by age and sex alone"
        if etiv_ml is None
        else "one of both is wrong, or the tables are of another head: look at both"
        if state in (Qc.WARN, Qc.FAIL)
        else "",
    )


def check_surfaces(holes: Mapping[str, float]) -> Check:
    """Judge the surfaces by their holes before they were mended: Euler number = 2 − 2 · holes."""
    euler = [2 - 2 * number for number in holes.values()]
    mean = sum(euler) / len(euler)
    return Check.judged(
        "Euler number of the surfaces",
        seen=f"{mean:.0f} on average".replace("-", "−"),
        expected=f"at least −{-_EULER_LEAST:.0f}",
        state=Qc.PASS if mean >= _EULER_LEAST else Qc.WARN,
        advice="the image moved or is of low contrast: look at the surfaces",
    )


def _few(names: list[str]) -> str:
    rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + rest
