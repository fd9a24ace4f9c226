"""Many people's deviations, and ratios."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.figures.paper.estimates import Estimate, draw_forest
from npsle_app.figures.paper.paper import (
    FAINT,
    INK,
    name_ticks,
    paper,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LARGEST_Z = 4.0
_MOST_NAMED = 60  # rows; more names would not be legible


def draw_deviations(
    z: Floats,
    *,
    people: Sequence[str],
    regions: Sequence[str],
    critical: Bools,
    groups: Sequence[tuple[str, int]],
    label: str = "z",
) -> "Figure":
    """Draw the scores of all people and regions as colours.

    Parameters
    ----------
    z : (people, regions) array
        NaN where there is none: such cells are hatched grey, which no score is.
    critical : (people, regions) array
        Cells that get a dot.
    groups
        Name and number of people of each group, in the order of the rows.
    """
    rows, columns = z.shape
    figure, axes = paper(46 + max(4.2 * columns, 40), 42 + min(max(3.6 * rows, 24), 170))
    axes.set_facecolor("#e6e6e6")
    axes.patch.set_hatch("////")
    axes.patch.set_edgecolor("#b0b0b0")
    picture = axes.imshow(
        z, cmap="RdBu", vmin=-_LARGEST_Z, vmax=_LARGEST_Z, aspect="auto", interpolation="none"
    )
    dots = ""
    if critical.any():
        down, across = np.nonzero(critical)
        size = float(np.clip(400 / max(rows, 1), 1.0, 9.0))
        axes.scatter(across, down, s=size, c="black", edgecolors="white", linewidths=0.4)
        dots = "; dot: critical"
    name_ticks(axes, [_shorten(name) for name in regions], axis="x")
    axes.tick_params(axis="x", rotation=60, labelsize=7, length=2)
    for text in axes.get_xticklabels():
        text.set_horizontalalignment("right")
        text.set_rotation_mode("anchor")
    _name_rows(axes, people, groups)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, extend="both", pad=0.02)
    bar.set_label(f"{label} (blue: larger, red: smaller than expected{dots})", size=7.5)
    bar.ax.tick_params(labelsize=7)
    return figure


def draw_ratios(rows: Sequence[Estimate], *, label: str) -> "Figure":
    """Draw ratios with their intervals on a logarithmic axis, and a line at 1."""
    figure = draw_forest(rows, label=label, reference=1.0)
    axes = figure.axes[0]
    axes.set_xscale("log")
    ends = [end for row in rows for end in (row.low, row.high) if np.isfinite(end)]
    low, high = min([0.8, *ends]), max([1.25, *ends])
    axes.set_xlim(low / 1.1, high * 1.1)
    ticks = [tick for tick in _RATIO_TICKS if low / 1.1 <= tick <= high * 1.1]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    return figure


_RATIO_TICKS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 30, 100)


def _name_rows(axes: "Axes", people: Sequence[str], groups: Sequence[tuple[str, int]]) -> None:
    """Name people where there is room, else their groups alone; a line parts the groups."""
    ends = np.cumsum([count for _, count in groups])
    for end in ends[:-1]:
        axes.axhline(end - 0.5, color="black", linewidth=1.2)
    if len(people) <= _MOST_NAMED:
        name_ticks(axes, people, axis="y")
        axes.tick_params(axis="y", labelsize=6, length=2)
    else:
        middles = [end - count / 2 - 0.5 for end, (_, count) in zip(ends, groups, strict=True)]
        texts = [f"{name} ({count})" for name, count in groups]
        axes.set_yticks(middles, texts, parse_math=False)
    axes.set_ylabel("" if len(people) > _MOST_NAMED else _list(groups), size=7.5, parse_math=False)
    axes.grid(False)
    axes.tick_params(colors=INK)
    axes.spines[:].set_color(FAINT)


def _list(groups: Sequence[tuple[str, int]]) -> str:
    return ", then ".join(f"{name} ({count})" for name, count in groups)


def _shorten(name: str) -> str:
    return name.removeprefix("region_").removesuffix("_ml").replace("_", " ")
