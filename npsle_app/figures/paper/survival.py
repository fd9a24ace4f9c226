"""Time to an event in groups, with the numbers at risk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.paper.paper import COLOURS, INK, name_axis, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = 6
_FIRST_LINE_PT, _LINE_PT = 38.0, 13.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalCurve:
    """A group's share without the event: (k,) arrays that begin at time 0.

    `ends` is its longest follow-up, `at_risk` the number at each tick of `draw_survival`.
    """

    name: str
    time: Floats
    survival: Floats
    low: Floats
    high: Floats
    ends: float
    censored: Floats
    at_risk: tuple[int, ...]


def time_ticks(longest: float) -> tuple[float, ...]:
    """Return round times from 0 up to the longest follow-up, at which people are counted.

    Examples
    --------
    >>> time_ticks(23.0)
    (0.0, 5.0, 10.0, 15.0, 20.0)
    """
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=_TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(0.0, longest)
    return tuple(float(tick) for tick in ticks if 0 <= tick <= longest)


def draw_survival(
    curves: Sequence[SurvivalCurve],
    *,
    ticks: Sequence[float],
    unit: str,
    event: str,
    text: str = "",
) -> "Figure":
    """Draw the share of each group without the event, its 95 % band, and the numbers at risk.

    Small strokes are people whose follow-up ended without the event.
    """
    figure, axes = paper(120, 72 + 5.5 * (len(curves) + 1))
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        time, survival = np.append(curve.time, curve.ends), _held(curve.survival)
        axes.step(time, survival, where="post", color=colour, linewidth=1.6)
        low, high = (
            _held(np.nan_to_num(curve.low, nan=1.0)),
            _held(np.nan_to_num(curve.high, nan=1.0)),
        )
        known = np.isfinite(_held(curve.low))
        axes.fill_between(
            time, low, high, where=known, step="post", color=colour, alpha=0.15, linewidth=0
        )
        place = np.searchsorted(curve.time, curve.censored, side="right") - 1
        axes.plot(curve.censored, curve.survival[place], "|", color=colour, markersize=5)
        at = (curve.ends, float(curve.survival[-1]))
        axes.annotate(
            curve.name, at, (3, 3), textcoords="offset points", size=7.5, color=colour,
            parse_math=False,
        )  # fmt: skip
    axes.set(ylim=(-0.02, 1.04), xlim=(0, max(curve.ends for curve in curves) * 1.02))
    axes.set_xticks(list(ticks))
    name_axis(axes, x=f"Time since the scan, {unit}", y=f"Share without {event}")
    axes.set_title(text, size=8.5, color=INK, loc="left", parse_math=False)
    _count_below(axes, curves, ticks)
    return figure


def _held(values: Floats) -> Floats:
    """Repeat the last value up to the end of follow-up."""
    return np.append(values, values[-1])


def _count_below(axes: "Axes", curves: Sequence[SurvivalCurve], ticks: Sequence[float]) -> None:
    """Write the numbers at risk under the axis, each below its time."""
    heading = -_FIRST_LINE_PT
    _write_below(axes, "At risk", at=(-0.04, heading), colour=INK, beside=True)
    for line, curve in enumerate(curves):
        down = heading - _LINE_PT * (line + 1)
        colour = COLOURS[line % len(COLOURS)]
        _write_below(axes, curve.name, at=(-0.04, down), colour=colour, beside=True)
        for tick, count in zip(ticks, curve.at_risk, strict=True):
            _write_below(axes, str(count), at=(tick, down), colour=colour, beside=False)


def _write_below(
    axes: "Axes", text: str, *, at: tuple[float, float], colour: str, beside: bool
) -> None:
    """Write at a time, or beside the axes, and at a height in points from the axis."""
    axes.annotate(
        text,
        (at[0], 0),
        xycoords="axes fraction" if beside else ("data", "axes fraction"),
        xytext=(0, at[1]),
        textcoords="offset points",
        ha="right" if beside else "center",
        va="center",
        size=7.5,
        color=colour,
        parse_math=False,
    )
