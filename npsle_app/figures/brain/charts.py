"""Small charts beside the pictures: how one number follows another, how many of each kind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 80
_INK = "#e8eaed"


def draw_curve(
    x: ArrayLike, y: ArrayLike, *, x_label: str, y_label: str, marker: float | None = None
) -> "Figure":
    """Draw y against x, with a vertical line and its y at `marker`.

    `x` ascends; both are (n,) and finite. The value at `marker` is interpolated.
    """
    from matplotlib.figure import Figure

    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    figure = Figure(figsize=(720 / _DPI, 400 / _DPI), dpi=_DPI, facecolor="black")
    axes = figure.add_axes((0.1, 0.15, 0.86, 0.79), facecolor="black")
    axes.plot(across, up, color="#4fc3f7", linewidth=2, marker="o", markersize=4)
    axes.set_xlabel(x_label, color=_INK, parse_math=False)
    axes.set_ylabel(y_label, color=_INK, parse_math=False)
    axes.set_ylim(bottom=min(0.0, float(up.min(initial=0))))
    axes.tick_params(colors=_INK)
    axes.spines[:].set_color("#5f6368")
    axes.grid(color="#3c4043", linewidth=0.6)
    if marker is not None:
        height = float(np.interp(marker, across, up))
        axes.axvline(marker, color="#ffb300", linestyle="--", linewidth=1.2)
        axes.plot([marker], [height], "o", color="#ffb300")
        axes.annotate(
            f"{height:.3g}", (marker, height), (8, 8), textcoords="offset points", color="#ffb300"
        )
    return figure


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
