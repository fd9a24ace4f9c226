"""A picture made of slices, with lines and letters on it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Bools, Volume
from npsle_app.figures.brain.panels import SAGITTAL, Panel, RasImage, position_mm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#ff5252", "#40c4ff", "#ffd740", "#69f0ae", "#e040fb", "#ff9100", "#b2ff59", "#f48fb1")
_DPI = 80
_CONVENTION = "radiological convention: the patient's right (R) is on the left of the picture"


def canvas(
    pixels: Volume, *, legend: Mapping[str, str], told: str = _CONVENTION
) -> "tuple[Figure, Axes]":
    """Put the picture on a figure, one data unit to the pixel, y downwards.

    The legend stands at the top, on the right of it `told`.
    """
    from matplotlib.figure import Figure

    height, width = pixels.shape[:2]
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    x = 8.0
    for name, colour in legend.items():
        axes.plot([x, x + 18], [13, 13], color=colour, linewidth=3)
        axes.text(x + 24, 13, name, color="white", size=9, va="center", parse_math=False)
        x += 44 + 7.5 * len(name)
    axes.text(width - 8, 13, told, color="#9aa0a6", size=8, va="center", ha="right")
    return figure, axes


def outline(axes: "Axes", shape: Bools, *, panels: Sequence[Panel], colour: str) -> None:
    """Draw the border of a (I, J, K) shape in every panel; it stays open where it leaves one."""
    from matplotlib.collections import LineCollection
    from skimage.measure import find_contours

    solid = shape.astype(np.float32)
    lines = [
        panel.place(line)
        for panel in panels
        if min(panel.cut(solid).shape) > 1
        for line in find_contours(panel.cut(solid), 0.5)  # type: ignore[no-untyped-call]
    ]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=1.1), autolim=False)


def annotate(axes: "Axes", panels: Sequence[Panel], *, grid: RasImage) -> None:
    """Write the slice's position and the sides of the body into every panel."""
    for panel in panels:
        (left, top), (_, height) = panel.corner, panel.size
        where = f"{'xyz'[panel.axis]} = {round(position_mm(panel, grid))} mm"
        axes.text(left + 5, top + height - 5, where, color="#bdc1c6", size=7, va="bottom")
        mark_sides(axes, panel)


def mark_sides(axes: "Axes", panel: Panel) -> None:
    """Write the sides of the body into a panel."""
    (left, top), (width, height) = panel.corner, panel.size
    ends = ("A", "P") if panel.axis == SAGITTAL else ("R", "L")
    for letter, x, side in zip(ends, (left + 4, left + width - 4), ("left", "right"), strict=True):
        axes.text(x, top + height / 2, letter, color="white", size=8, ha=side, va="center")
