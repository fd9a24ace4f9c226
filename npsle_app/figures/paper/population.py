"""A study's people among the centile curves of a population."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.paper.paper import COLOURS, FAINT, INK, MARKS, SOFT, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_SHOWN_CENTILES = (2.5, 25.0, 50.0, 75.0, 97.5)
_MOST = 60  # dots of a group in one panel; those beyond the cut are drawn all the same
_ROW_MM, _HEAD_MM = 33.0, 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """People of one group: ages, volumes and limits (n,), NaN limits where none are drawn."""

    name: str
    ages_years: Floats
    volumes: Floats
    low: Floats
    high: Floats
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePanel:
    """One volume and sex: curves (k,) by centile at `ages_years` (k,), and the groups."""

    title: str
    ages_years: Floats
    curves: Mapping[float, Floats]
    groups: Sequence[Group]


def draw_study_curves(panels: Sequence[CurvePanel], *, unit: str) -> "Figure":
    """Draw volumes side by side, four to a row; a group has one colour and mark in all.

    Volumes beyond the cut have a line from limit to limit. Of a group with more than 60 others,
    60 evenly spaced by age have dots.
    """
    from matplotlib.figure import Figure

    rows = max(-(-len(panels) // _COLUMNS), 1)
    size = (178 / 25.4, (_HEAD_MM + rows * _ROW_MM) / 25.4)
    figure = Figure(figsize=size, facecolor="white", layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("Age, years", size=7, color=INK)
    for axes in grid[:, 0]:
        axes.set_ylabel(unit, size=7, color=INK, parse_math=False)
    _name_groups(figure, panels)
    return figure


def _draw_panel(axes: "Axes", panel: CurvePanel) -> None:
    curves = {one: panel.curves[one] for one in _SHOWN_CENTILES}
    ages, ends = panel.ages_years, list(_SHOWN_CENTILES)
    for low, high in zip(ends, reversed(ends), strict=True):
        if low < high:
            axes.fill_between(ages, curves[low], curves[high], color=SOFT, alpha=0.1, linewidth=0)
    for centile, volumes in curves.items():
        style = "--" if centile in (ends[0], ends[-1]) else "-"
        axes.plot(ages, volumes, style, color=SOFT, linewidth=1.2 if centile == 50 else 0.6)
    for number, group in enumerate(panel.groups):
        _draw_group(axes, group, number=number)
    axes.set_title(panel.title, size=6.5, color=INK, loc="left", pad=2, parse_math=False)
    axes.tick_params(colors=INK, labelsize=6, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def _draw_group(axes: "Axes", group: Group, *, number: int) -> None:
    colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
    beyond = np.isfinite(group.low)
    axes.vlines(
        group.ages_years[beyond], group.low[beyond], group.high[beyond], color=colour, linewidth=0.7
    )
    others = np.flatnonzero(~beyond)
    kept = np.concatenate(
        [np.flatnonzero(beyond), others[thin(group.ages_years[others], most=_MOST)]]
    )
    dots = axes.scatter(
        group.ages_years[kept],
        group.volumes[kept],
        s=6,
        c=colour,
        marker=mark,
        alpha=0.75,
        linewidths=0,
    )
    dots.set_urls([f"{group.people[place]}.html" for place in kept])


def _name_groups(figure: "Figure", panels: Sequence[CurvePanel]) -> None:
    from matplotlib.lines import Line2D

    names = [group.name for group in panels[0].groups] if panels else []
    handles = [
        Line2D([], [], linestyle="", marker=MARKS[place % len(MARKS)], markersize=4,
               color=COLOURS[place % len(COLOURS)], label=name)
        for place, name in enumerate(names)
    ]  # fmt: skip
    legend = figure.legend(
        handles=handles, loc="outside upper left", ncols=max(len(names), 1), frameon=False,
        fontsize=7,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
