"""Regions on maps of fibre direction, and the directions themselves as sticks.

Colours say where fibres run: red right-left, green front-back, blue up-down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats, Reals, Volume
from npsle_app.figures.brain.canvas import annotate, canvas, outline
from npsle_app.figures.brain.panels import (
    AXIAL,
    CORONAL,
    HEADER_PX,
    SAGITTAL,
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

_COLUMNS = 4
_ZOOM_MM = 22.0
_BRIGHTNESS = 1.6
_OUTLINES = ("#ffffff", "#ffd740", "#ffffff", "#ffd740")
_LEAST_FA = 0.1
_STICK = 0.9  # of a voxel, at FA 1 and in the plane


@dataclass(frozen=True, slots=True)
class _Fibres:
    """FA with its grid, directions (I, J, K, 3) along world axes, labels; canonical order."""

    fa: RasImage
    directions: Volume
    labels: Volume

    @property
    def colour(self) -> Volume:
        shown: Volume = abs(self.directions) * self.fa.data[..., None] * _BRIGHTNESS
        return shown


def draw_regions_on_colour(
    fa: nib.Nifti1Image,
    *,
    directions: Reals,
    labels: nib.Nifti1Image,
    names: Mapping[int, str],
) -> "Figure":
    """Draw an axial, a coronal and two sagittal slices of colour FA with regions outlined.

    Slices are those that show most of the regions, which need not all lie in one; sagittal ones
    run through the first label of each half of `names`. Without any labelled voxel they run
    through the middle of the image.

    Parameters
    ----------
    fa : Nifti1Image
        0 to 1, any orientation.
    directions : (I, J, K, 3) array
        V1 along world axes, on the grid of `fa`.
    labels : Nifti1Image
        On the grid of `fa`.
    names : mapping
        Labels to draw, those of the left side first.
    """
    fibres = _canonical(fa, directions=directions, labels=labels)
    frame = widen(bounding_box(fibres.fa.data > _LEAST_FA), margin_mm=4, grid=fibres.fa)
    numbers = list(names)
    middle, left, right = (
        _middle(fibres.labels, numbers=chosen)
        for chosen in (numbers, numbers[:1], numbers[len(numbers) // 2 :][:1])
    )
    cuts = ((AXIAL, middle), (CORONAL, middle), (SAGITTAL, left), (SAGITTAL, right))
    panels = _row([(axis, frame, centre) for axis, centre in cuts], grid=fibres.fa)
    figure, axes = canvas(_paint(fibres, panels), legend=_legend(names))
    _outline_regions(axes, fibres, panels=panels, names=names)
    annotate(axes, panels, grid=fibres.fa)
    return figure


def draw_sticks(
    fa: nib.Nifti1Image,
    *,
    directions: Reals,
    labels: nib.Nifti1Image,
    names: Mapping[int, str],
) -> "Figure":
    """Draw V1 as sticks around the regions of each side, on axial and coronal slices.

    A stick is as long as FA and as the part of V1 that lies in the plane; fibres that pierce
    the plane are dots. Parameters as in `draw_regions_on_colour`.
    """
    fibres = _canonical(fa, directions=directions, labels=labels)
    numbers, half = list(names), len(names) // 2
    cuts: list[tuple[int, Box, Floats]] = []
    for axis in (AXIAL, CORONAL):
        for side in (numbers[half:], numbers[:half]):  # the right side is on the left
            centre = _middle(fibres.labels, numbers=side)
            cuts.append((axis, _around(centre, grid=fibres.fa), centre))
    panels = _row(cuts, grid=fibres.fa)
    pixels = np.float32(0.35) * np.repeat(
        _paint(fibres, panels).mean(axis=2, keepdims=True), 3, axis=2
    )
    figure, axes = canvas(pixels, legend=_legend(names))
    for panel in panels:
        _draw_sticks(axes, fibres, panel=panel)
    _outline_regions(axes, fibres, panels=panels, names=names)
    annotate(axes, panels, grid=fibres.fa)
    return figure


def _canonical(fa: nib.Nifti1Image, *, directions: Reals, labels: nib.Nifti1Image) -> _Fibres:
    vectors = nib.Nifti1Image(np.asarray(directions, dtype=np.float32), fa.affine)
    return _Fibres(
        fa=canonical(fa),
        directions=np.asarray(nib.as_closest_canonical(vectors).dataobj, dtype=np.float32),
        labels=canonical(labels).data,
    )


def _middle(labels: Volume, *, numbers: Sequence[int]) -> Floats:
    """Return the slice of each axis that shows most of the labels: a mean slice may show none."""
    where = np.argwhere(np.isin(labels, numbers))
    if not len(where):
        return (np.array(labels.shape) - 1) / 2
    fullest = [np.bincount(where[:, axis]).argmax() for axis in range(3)]
    return np.array(fullest, dtype=float)


def _around(centre: Floats, *, grid: RasImage) -> Box:
    index = np.clip(np.rint(centre).astype(int), 0, np.array(grid.data.shape) - 1)
    i, j, k = ((int(one), int(one)) for one in index)
    return widen((i, j, k), margin_mm=_ZOOM_MM, grid=grid)


def _row(cuts: Sequence[tuple[int, Box, Floats]], *, grid: RasImage) -> list[Panel]:
    """Lay slices of different axes beside one another."""
    return [
        replace(
            lay_out(
                [(axis, [round(float(centre[axis]))])], box=box, grid=grid, columns=_COLUMNS,
                top=HEADER_PX,
            )[0],
            corner=(round(place * WIDTH_PX / _COLUMNS), HEADER_PX),
        )
        for place, (axis, box, centre) in enumerate(cuts)
    ]  # fmt: skip


def _paint(fibres: _Fibres, panels: Sequence[Panel]) -> Volume:
    pixels = np.zeros((bottom(panels), WIDTH_PX, 3), dtype=np.float32)
    colour = fibres.colour
    for panel in panels:
        channels = [panel.sample(colour[..., channel], order=1) for channel in range(3)]
        pixels[panel.region] = np.stack(channels, axis=-1).clip(0, 1)
    return pixels


def _legend(names: Mapping[int, str]) -> dict[str, str]:
    """Name axes and tracts; the side, last in a region's name, shows in the picture."""
    outlines = {
        name.rpartition(" ")[0] or name: _OUTLINES[number % len(_OUTLINES)]
        for number, name in enumerate(names.values())
    }
    return {"right-left": "#ff0000", "front-back": "#00ff00", "up-down": "#0000ff"} | outlines


def _outline_regions(
    axes: "Axes", fibres: _Fibres, *, panels: Sequence[Panel], names: Mapping[int, str]
) -> None:
    for place, number in enumerate(names):
        colour = _OUTLINES[place % len(_OUTLINES)]
        outline(axes, np.isclose(fibres.labels, number), panels=panels, colour=colour)


def _draw_sticks(axes: "Axes", fibres: _Fibres, *, panel: Panel) -> None:
    from matplotlib.collections import LineCollection

    u, v = (other for other in range(3) if other != panel.axis)
    voxel_mm = fibres.fa.voxel_mm
    along = fibres.fa.affine[:3, :3] / voxel_mm
    directions = fibres.directions @ along.astype(np.float32)
    fa, first, second = (
        panel.cut(data) for data in (fibres.fa.data, directions[..., u], directions[..., v])
    )
    colours = np.stack([panel.cut(fibres.colour[..., channel]) for channel in range(3)], axis=-1)
    at = np.argwhere(fa > _LEAST_FA)
    chosen = tuple(at.T)
    half = _STICK * fa[chosen][:, None] * np.column_stack([first[chosen], second[chosen]])
    half *= voxel_mm.min() / voxel_mm[[u, v]]
    ends = np.stack([panel.place(at - half), panel.place(at + half)], axis=1)
    bright = colours[chosen] / np.maximum(colours[chosen].max(axis=1, keepdims=True), 1e-6)
    lines = LineCollection(list(ends), colors=bright, linewidths=1.3, capstyle="round")
    axes.add_collection(lines, autolim=False)
