"""How many there are of each kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 80
_INK = "#e8eaed"


def draw_bars(heights: Mapping[str, float], *, x_label: str, y_label: str) -> "Figure":
    """Draw one bar for each entry, its number above it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(720 / _DPI, 320 / _DPI), dpi=_DPI, facecolor="black")
    axes = figure.add_axes((0.1, 0.19, 0.86, 0.73), facecolor="black")
    bars = axes.bar(list(heights), list(heights.values()), color="#4fc3f7", width=0.6)
    axes.bar_label(bars, labels=[f"{n:g}" for n in heights.values()], color=_INK, padding=2)
    axes.set_xlabel(x_label, color=_INK, parse_math=False)
    axes.set_ylabel(y_label, color=_INK, parse_math=False)
    axes.set_ylim(0, max(1.0, 1.15 * max(heights.values(), default=0.0)))
    axes.tick_params(colors=_INK)
    axes.spines[:].set_color("#5f6368")
    return figure
