"""Estimates with their intervals, and one variable against another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.figures.paper.groups import Cloud
from npsle_app.figures.paper.paper import (
    COLOURS,
    FAINT,
    INK,
    MARKS,
    SOFT,
    name_axis,
    name_ticks,
    paper,
    scatter,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One line of a forest plot; `shown` is written at its end."""

    name: str
    value: float
    low: float
    high: float
    shown: str = ""
    emphasised: bool = False


def draw_forest(rows: Sequence[Estimate], *, label: str, reference: float = 0.0) -> "Figure":
    """Draw estimates below each other, with a line where there is no effect."""
    figure, axes = paper(150, 16 + 7 * max(len(rows), 1))
    axes.axvline(reference, color=SOFT, linewidth=0.8, linestyle="--")
    for place, row in enumerate(rows):
        colour = COLOURS[2] if row.emphasised else COLOURS[0]
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.6)
        axes.plot([row.value], [place], "s" if row.emphasised else "o", color=colour, markersize=5)
        axes.annotate(
            row.shown,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            size=7.5,
            va="center",
            color=INK,
            parse_math=False,
        )
    name_ticks(axes, [row.name for row in rows], axis="y")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    name_axis(axes, x=label)
    return figure


def draw_correlations(
    r: Floats,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    notable: Bools,
) -> "Figure":
    """Draw a table of correlations as colours with their numbers.

    Parameters
    ----------
    r : (n rows, n columns) array
        From −1 to 1; NaN where none could be estimated, drawn as an empty cell.
    notable : (n rows, n columns) array of bool
        Cells that get a star.
    """
    figure, axes = paper(50 + 16 * len(columns), 40 + 9 * len(rows))
    picture = axes.imshow(r, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(r):
        if np.isfinite(value):
            text = f"{value:z.2f}{'*' if notable[i, j] else ''}".replace("-", "−")
            ink = "white" if abs(value) > 0.6 else INK
            axes.text(j, i, text, ha="center", va="center", size=7.5, color=ink)
    name_ticks(axes, rows, axis="y")
    name_ticks(axes, columns, axis="x")
    axes.tick_params(axis="x", rotation=40)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("right")
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8)
    bar.set_label("partial r", size=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def draw_adjusted(groups: Sequence[tuple[Cloud, Floats]], *, x: str, y: str, text: str) -> "Figure":
    """Draw residuals of one variable against those of another, with the line through them.

    Each group is a cloud (values along x, links) and its (n,) values along y.
    """
    figure, axes = paper(105, 85)
    for cloud, up in groups:
        scatter(axes, x=cloud.values, y=up, links=cloud.links, number=cloud.number)
        mark, colour = MARKS[cloud.number % len(MARKS)], COLOURS[cloud.number % len(COLOURS)]
        axes.plot([], [], mark, color=colour, label=cloud.name, markersize=4)
    across = np.concatenate([cloud.values for cloud, _ in groups])
    up = np.concatenate([values for _, values in groups])
    slope, start = np.polyfit(across, up, 1)
    ends = np.array([across.min(), across.max()])
    axes.plot(ends, start + slope * ends, color=INK, linewidth=1.2)
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.set_title(text, size=8.5, color=INK, loc="left", parse_math=False)
    for name in axes.legend(fontsize=7.5, frameon=False).get_texts():
        name.set_parse_math(False)
    name_axis(axes, x=x, y=y)
    return figure
