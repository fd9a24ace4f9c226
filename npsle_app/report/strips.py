"""One measure over a study as points on a line, laid out for the page to draw."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Ints
from npsle_app.measures import MEASURES, MeasureDefinition

WIDTH, HEIGHT = 420, 96
_LEFT, _RIGHT, _MIDDLE = 14, 406, 42
_LANES = (0, -8, 8, -16, 16, -4, 12, -12, 4)  # so that near points do not hide each other


@dataclass(frozen=True, slots=True)
class Point:
    """One session; x and y in the units of the drawing."""

    session: str
    page: str
    shown: str
    x: float
    y: float
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One measure; `box` is whisker, quartile, median, quartile, whisker (Tukey).

    `points` are those that are drawn, of `n` sessions with a value and `n_flagged` flagged.
    """

    definition: MeasureDefinition
    points: tuple[Point, ...]
    n: int
    n_flagged: int
    box: tuple[float, ...]
    plausible: tuple[float, float] | None
    ticks: tuple[tuple[float, str], ...]


def draw_strip(
    name: str, values: pd.Series, *, far: Container[str] = (), most: int = 1000
) -> Strip | None:
    """Lay out one measure; None where no session has it.

    `values` has session ids (`sub-01_ses-1`) as its index; `far` are the sessions whose values
    the stage `measures` found far from the others. A point is flagged if it is one of these, or
    lies outside the plausible range. Of more than `most` values, as many are drawn: the flagged
    ones up to half of them, the rest evenly spaced by rank. The box is always that of all values.
    """
    known = values.dropna().astype(float)
    if known.empty:
        return None
    definition = MEASURES[name]
    ordered = known.sort_values(kind="stable")
    ranked = [(str(key), float(value)) for key, value in ordered.items()]
    flags = [_flags(value, definition, far=session in far) for session, value in ranked]
    kept = _choose(np.array([bool(each) for each in flags]), most=most)
    low, high = axis_of(known)
    place = np.array([_LEFT, -low, (_RIGHT - _LEFT) / (high - low)])
    points = tuple(
        Point(
            session=session,
            page=f"{session.partition('_')[0]}.html#{session}",
            shown=definition.write(value),
            x=_place(value, place),
            y=_MIDDLE + _LANES[rank % len(_LANES)],
            flags=flags[i],
        )
        for rank, i in enumerate(kept)
        for session, value in [ranked[i]]
    )
    ends = [known.min(), *known.quantile([0.25, 0.5, 0.75]), known.max()]
    ends[0] = known[known >= ends[1] - 1.5 * (ends[3] - ends[1])].min()
    ends[4] = known[known <= ends[3] + 1.5 * (ends[3] - ends[1])].max()
    return Strip(
        definition=definition,
        points=points,
        n=len(known),
        n_flagged=sum(map(bool, flags)),
        box=tuple(_place(end, place) for end in ends),
        plausible=_visible(definition.plausible, low, high, place),
        ticks=tuple((_place(tick, place), write_tick(tick)) for tick in round_ticks(low, high)),
    )


def _choose(flagged: Bools, *, most: int) -> list[int]:
    """Choose the ranks that are drawn."""
    if len(flagged) <= most:
        return list(range(len(flagged)))
    chosen = _spread(np.flatnonzero(flagged), most // 2)
    chosen += _spread(np.flatnonzero(~flagged), most - len(chosen))
    return sorted(chosen)


def _spread(ranks: Ints, most: int) -> list[int]:
    if len(ranks) <= most:
        return [int(rank) for rank in ranks]
    places = np.linspace(0, len(ranks) - 1, most).round().astype(int)
    return [int(rank) for rank in ranks[places]]


def axis_of(values: pd.Series) -> tuple[float, float]:
    """Return the ends of an axis that holds all values, with a margin on both sides."""
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _place(value: float, place: np.ndarray) -> float:
    return round(float(place[0] + (value + place[1]) * place[2]), 2)


def _flags(value: float, definition: MeasureDefinition, *, far: bool) -> tuple[str, ...]:
    flags = []
    if definition.plausible:
        low, high = definition.plausible
        if not low <= value <= high:
            flags.append(f"outside the plausible range {low:g}–{high:g} {definition.unit}")
    if far:
        flags.append("far from the others of the study")
    return tuple(flags)


def _visible(
    ends: tuple[float, float] | None, low: float, high: float, place: np.ndarray
) -> tuple[float, float] | None:
    if ends is None or ends[1] < low or ends[0] > high:
        return None
    return _place(max(ends[0], low), place), _place(min(ends[1], high), place)


def write_tick(tick: float) -> str:
    """Write a round number."""
    return f"{tick or 0.0:.4g}".replace("-", "−")  # an arithmetic −0 is 0


def round_ticks(low: float, high: float) -> list[float]:
    """Return three to eight round numbers inside an interval."""
    step = 10.0 ** np.floor(np.log10(high - low))
    step = next(s for s in (step, step / 2, step / 5, step / 10) if (high - low) / s >= 4)
    return [float(tick) for tick in np.arange(np.ceil(low / step), high / step + 1e-9) * step]
