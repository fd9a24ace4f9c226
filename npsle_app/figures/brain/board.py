"""A black board of plots and words, placed in pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI, WIDTH_PX = 80, 1300
INK, FAINT, FRAME = "#e8eaed", "#9aa0a6", "#5f6368"
BEHIND_TEXT = {"facecolor": "black", "alpha": 0.6, "pad": 1.5, "linewidth": 0}


def blank(height_px: float) -> "Figure":
    """Return a black figure of the usual width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_PX / DPI, height_px / DPI), dpi=DPI, facecolor="black")


def place(figure: "Figure", *, left: float, top: float, width: float, height: float) -> "Axes":
    """Put axes on the figure, in pixels from its left upper corner."""
    total = float(figure.get_figheight()) * DPI
    box = (left / WIDTH_PX, 1 - (top + height) / total, width / WIDTH_PX, height / total)
    axes = figure.add_axes(box, facecolor="black")
    axes.tick_params(colors=FAINT, labelsize=7, length=2)
    axes.spines[:].set_color(FRAME)
    return axes


def write(
    figure: "Figure", text: str, *, x: float, y: float, size: float = 9, colour: str = INK
) -> None:
    """Write text, its left upper corner at pixels from that of the figure."""
    total = float(figure.get_figheight()) * DPI
    figure.text(
        x / WIDTH_PX, 1 - y / total, text, color=colour, size=size, va="top", ha="left",
        parse_math=False,
    )  # fmt: skip


def key(figure: "Figure", entries: Sequence[tuple[str, str, str]], *, y: float = 6) -> None:
    """Draw the key: name, colour and line style of each entry, in a row; `x` is a marker."""
    from matplotlib.lines import Line2D

    total, x = float(figure.get_figheight()) * DPI, 10.0
    for name, colour, style in entries:
        marked = style == "x"
        ends = np.array([x + 13] if marked else [x, x + 26]) / WIDTH_PX
        line = Line2D(
            ends,
            [1 - (y + 7) / total] * len(ends),
            color=colour,
            linestyle="" if marked else style,  # type: ignore[arg-type]  # one of a few
            marker="x" if marked else "",
            linewidth=2.5,
        )
        figure.add_artist(line)
        write(figure, name, x=x + 32, y=y)
        x += 56 + 6.6 * len(name)
