"""What figures of a study have in common: size, colours, marks, the places of dots."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats, Ints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito, https://jfly.uni-koeln.de/color: told apart by colour-blind readers
COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000")
MARKS = ("o", "^", "s", "D", "v", "P", "X")
INK, SOFT, FAINT = "#1f2328", "#57606a", "#d0d7de"
MOST_DOTS = 150  # in one group; more hide each other and weigh down the page
_LANES = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4]) / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigure:
    """A drawing with its name and what stands below it; a `wide` one takes the whole page."""

    name: str
    drawing: "Figure"
    caption: str
    wide: bool = False


def paper(width_mm: float, height_mm: float) -> "tuple[Figure, Axes]":
    """Make a white figure with one pair of axes."""
    from matplotlib.figure import Figure

    size = (width_mm / 25.4, height_mm / 25.4)
    figure = Figure(figsize=size, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=INK, labelsize=8)
    return figure, axes


def head_with(figure: "Figure", labels: Sequence[str]) -> None:
    """Write warnings above a figure, one below the other; nothing where there are none."""
    if labels:
        lines = [line for label in labels for line in wrap(label, 90)]
        figure.suptitle("\n".join(lines), size=7.5, color=COLOURS[2], parse_math=False)


def name_axis(axes: "Axes", *, x: str = "", y: str = "") -> None:
    """Write the names of the axes; texts of files are no mathematics."""
    axes.set_xlabel(x, color=INK, size=9, parse_math=False)
    axes.set_ylabel(y, color=INK, size=9, parse_math=False)


def name_ticks(axes: "Axes", names: Sequence[str], *, axis: str) -> None:
    """Put names at 0, 1, 2 … of an axis."""
    places = np.arange(len(names))
    put = axes.set_yticks if axis == "y" else axes.set_xticks
    put(places, names, parse_math=False)


def place_dots(values: Floats, *, width: float) -> Floats:
    """Move dots aside by their rank, so that neighbours do not hide each other.

    Returns
    -------
    (n,) array
        From −`width` to `width`, the same for the same values.
    """
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    places: Floats = width * _LANES[ranks % len(_LANES)]
    return places


def scatter(
    axes: "Axes",
    *,
    x: Floats,
    y: Floats,
    links: Sequence[str],
    number: int,
) -> None:
    """Draw the dots of the group of a number; in SVG each is a link.

    Of more than `MOST_DOTS`, as many evenly spaced by the rank of x are drawn.
    """
    colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
    kept = thin(x, most=MOST_DOTS)
    dots = axes.scatter(x[kept], y[kept], s=14, c=colour, marker=mark, alpha=0.75, linewidths=0)
    dots.set_urls([links[i] for i in kept])


def thin(values: Floats, *, most: int) -> Ints:
    """Choose at most `most` values evenly spaced by rank, the least and the greatest among them.

    Returns
    -------
    (n,) array
        Their places, in the order of `values`.

    Examples
    --------
    >>> thin(np.array([5.0, 1.0, 4.0, 2.0, 3.0]), most=3)
    array([0, 1, 4])
    """
    if len(values) <= most:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    return np.sort(order[np.linspace(0, len(values) - 1, most).round().astype(np.intp)])
