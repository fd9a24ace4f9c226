"""Where vessels run: their centrelines on projections of the darkest signal near them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats, Volume
from npsle_app.figures.brain.board import BEHIND_TEXT
from npsle_app.figures.brain.canvas import COLOURS, canvas
from npsle_app.figures.brain.drawn_vessel import DrawnVessel
from npsle_app.figures.brain.panels import (
    AXIAL,
    CORONAL,
    HEADER_PX,
    WIDTH_PX,
    Box,
    Panel,
    RasImage,
    bottom,
    bounding_box,
    canonical,
    lay_out,
    widen,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN_MM = 12.0
_HALF_SLAB_MM = 2.0
_NAMES = {AXIAL: "axial", CORONAL: "coronal"}


@dataclass(frozen=True, slots=True)
class _View:
    """A projection, its panel, and the axes of the volume that it shows."""

    panel: Panel
    pixels: Volume
    across: tuple[int, int]


def draw_courses(image: nib.Nifti1Image, *, vessels: Sequence[DrawnVessel]) -> "Figure":
    """Draw axial and coronal minimum-intensity projections, bare and with centrelines.

    The projected slab, 4 mm thick, follows the vessels through the volume: through all of it,
    fluid and air would be darker than blood. A dot marks each vessel's start. Radiological
    convention; oblique images are shown as acquired.
    """
    grid = canonical(image)
    to_voxels = np.linalg.inv(grid.affine)
    lines = [nib.affines.apply_affine(to_voxels, vessel.points) for vessel in vessels]
    frame = widen(_box_of_points(np.concatenate(lines), grid=grid), margin_mm=_MARGIN_MM, grid=grid)
    views = [
        _view(grid, lines=lines, axis=axis, box=frame, column=column)
        for column, axis in enumerate((AXIAL, CORONAL))
    ]
    height = bottom([view.panel for view in views])
    pixels = np.zeros((2 * height - HEADER_PX, WIDTH_PX, 3), np.float32)
    lower = [replace(view.panel, corner=(view.panel.corner[0], height)) for view in views]
    for view, below in zip(views, lower, strict=True):
        pixels[view.panel.region] = pixels[below.region] = view.pixels[..., None]
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(vessels))]
    legend = {vessel.name: colour for vessel, colour in zip(vessels, colours, strict=True)}
    figure, axes = canvas(pixels, legend=legend)
    for view, below in zip(views, lower, strict=True):
        for panel in (view.panel, below):
            _annotate(axes, panel)
        for vessel, line, colour in zip(vessels, lines, colours, strict=True):
            at = below.place(line[:, view.across] - below.low)
            _draw_line(axes, at, name=vessel.name, colour=colour)
    return figure


def _box_of_points(points: Floats, *, grid: RasImage) -> Box:
    shape = np.array(grid.data.shape)
    inside = np.zeros(grid.data.shape, dtype=bool)
    nearest = np.clip(np.rint(points).astype(int), 0, shape - 1)
    inside[tuple(nearest.T)] = True
    return bounding_box(inside)


def _view(grid: RasImage, *, lines: Sequence[Floats], axis: int, box: Box, column: int) -> _View:
    u, v = (other for other in range(3) if other != axis)
    flat = _projected(grid, points=np.concatenate(lines), axis=axis, box=box)
    seen = np.expand_dims(flat, axis)
    panel = lay_out([(axis, [0])], box=box, grid=grid, columns=2, top=HEADER_PX)[0]
    panel = replace(panel, corner=(round(column * WIDTH_PX / 2), HEADER_PX))
    whole = np.zeros(tuple(1 if k == axis else n for k, n in enumerate(grid.data.shape)))
    whole = whole.astype(np.float32)
    where = tuple(slice(0, 1) if k == axis else slice(box[k][0], box[k][1] + 1) for k in range(3))
    whole[where] = seen
    low, high = (float(value) for value in np.percentile(flat, (0.5, 99)))
    shown = (panel.sample(whole, order=1) - low) / max(high - low, 1e-6)
    return _View(panel=panel, pixels=shown.clip(0, 1), across=(u, v))


def _projected(grid: RasImage, *, points: Floats, axis: int, box: Box) -> Volume:
    """Return the darkest signal of a slab that follows the points, over the box's other axes."""
    u, v = (other for other in range(3) if other != axis)
    step_mm = grid.voxel_mm
    first, second = (np.arange(box[k][0], box[k][1] + 1) for k in (u, v))
    across = (first[:, None, None] - points[::2, u]) * step_mm[u]
    upwards = (second[None, :, None] - points[::2, v]) * step_mm[v]
    weight = 1 / (across**2 + upwards**2 + 1.0) ** 2
    depth = (weight * points[::2, axis]).sum(axis=2) / weight.sum(axis=2)
    reach = max(round(_HALF_SLAB_MM / step_mm[axis]), 1)
    turned = np.moveaxis(grid.data, axis, 2)[np.ix_(first, second)]
    index = np.rint(depth).astype(int)[..., None] + np.arange(-reach, reach + 1)
    index = index.clip(0, turned.shape[2] - 1)
    darkest: Volume = np.take_along_axis(turned, index, axis=2).min(axis=2)
    return darkest


def _annotate(axes: "Axes", panel: Panel) -> None:
    (left, top), (width, height) = panel.corner, panel.size
    text = f"{_NAMES[panel.axis]}, darkest of 4 mm along the vessels"
    axes.text(
        left + 5, top + height - 5, text, color="white", size=7, va="bottom", bbox=BEHIND_TEXT
    )
    for letter, x, side in (("R", left + 4, "left"), ("L", left + width - 4, "right")):
        axes.text(
            x,
            top + height / 2,
            letter,
            color="white",
            size=9,
            ha=side,
            va="center",
            bbox=BEHIND_TEXT,
        )


def _draw_line(axes: "Axes", line: Floats, *, name: str, colour: str) -> None:
    axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=1.4)
    axes.plot(*line[0], color=colour, marker="o", markersize=5)
    x, y = line[len(line) // 2]
    axes.annotate(
        name, (x, y), xytext=(0, 9), textcoords="offset points", color=colour, size=8,
        ha="center", parse_math=False, bbox=BEHIND_TEXT,
    )  # fmt: skip
