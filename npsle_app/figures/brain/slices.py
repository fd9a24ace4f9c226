"""Slices of images with outlines, heat maps and labels on them, for the eye to check.

Figures are 1300 pixels wide at 80 dots per inch. The same images give the same bytes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Volume
from npsle_app.figures.brain.canvas import COLOURS, annotate, canvas, outline
from npsle_app.figures.brain.mosaic import (
    blend,
    grey_mosaic,
    signal_window,
    three_planes,
    without_tips,
)
from npsle_app.figures.brain.panels import (
    AXIAL,
    HEADER_PX,
    Panel,
    RasImage,
    bottom,
    bounding_box,
    canonical,
    lay_out,
    onto,
    spread_over,
    widen,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REGION_OPACITY = 0.55
_REGION_OUTLINE = "#ffffff"


def draw_contours(
    image: nib.Nifti1Image,
    *,
    masks: Mapping[str, nib.Nifti1Image],
    focus: nib.Nifti1Image | None = None,
) -> "Figure":
    """Draw the outlines of masks on axial, coronal and sagittal slices.

    Slices spread over the bounding box of `focus`, or of the first mask, or of the image.
    Images may have any orientation; masks on another grid are resampled. An empty mask has
    a place in the legend and no outline.
    """
    grid = canonical(image)
    shapes = {name: onto(mask, grid, order=0) > 0.5 for name, mask in masks.items()}
    about = onto(focus, grid, order=0) if focus else next(iter(shapes.values()), grid.data)
    panels = three_planes(grid, bounding_box(about))
    legend = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(shapes)}
    figure, axes = canvas(
        grey_mosaic(grid, panels, window=signal_window(grid.data, about)), legend=legend
    )
    for name, shape in shapes.items():
        outline(axes, shape, panels=panels, colour=legend[name])
    annotate(axes, panels, grid=grid)
    return figure


def draw_lesions(
    image: nib.Nifti1Image,
    *,
    probability: nib.Nifti1Image,
    mask: nib.Nifti1Image,
    brain: nib.Nifti1Image,
) -> "Figure":
    """Draw 21 axial slices with lesion outlines and, below, again with the probability.

    Slices spread over the brain, each moved to the neighbour with the most lesion voxels.
    """
    grid = canonical(image)
    lesions, head = onto(mask, grid, order=0) > 0.5, onto(brain, grid, order=0)
    heat, box = onto(probability, grid, order=1), bounding_box(head)
    load = lesions.sum(axis=(0, 1)).astype(float)
    slices = spread_over(load, without_tips(head, load, ends=box[AXIAL]), count=21)
    frame = widen(box, margin_mm=4, grid=grid)
    above = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=7, top=HEADER_PX)
    below = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=7, top=bottom(above))
    pixels = grey_mosaic(grid, [*above, *below], window=signal_window(grid.data, head))
    _blend_heat(pixels, heat, panels=below)
    legend = {"lesion mask": COLOURS[0], **_HEAT_LEGEND}
    figure, axes = canvas(pixels, legend=legend)
    outline(axes, lesions, panels=above, colour=COLOURS[0])
    annotate(axes, [*above, *below], grid=grid)
    return figure


def draw_change(
    before: nib.Nifti1Image,
    after: nib.Nifti1Image,
    *,
    changes: Mapping[str, tuple[nib.Nifti1Image, str]],
    brain: nib.Nifti1Image,
) -> "Figure":
    """Draw 10 axial slices before and, below, the same after, with outlines of what changed.

    `changes` holds masks and their colours by name, on the grid of `before`; the first is what
    stayed. Slices spread over all of them, each moved to the neighbour that changed most;
    where there are none, over the brain.
    """
    grid, head = canonical(before), onto(brain, canonical(before), order=0)
    shapes = {name: onto(mask, grid, order=0) > 0.5 for name, (mask, _) in changes.items()}
    slices = _where_changed(list(shapes.values()), head=head)
    frame = widen(bounding_box(head), margin_mm=4, grid=grid)
    above = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=5, top=HEADER_PX)
    below = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=5, top=bottom(above) + 6)
    pixels = grey_mosaic(grid, [*above, *below], window=signal_window(grid.data, head))
    later = onto(after, grid, order=1)
    second = grey_mosaic(RasImage(later, grid.affine), below, window=signal_window(later, head))
    pixels[bottom(above) :] = second[bottom(above) :]
    figure, axes = canvas(pixels, legend={name: colour for name, (_, colour) in changes.items()})
    for name, (_, colour) in changes.items():
        outline(axes, shapes[name], panels=[*above, *below], colour=colour)
    annotate(axes, [*above, *below], grid=grid)
    return figure


def draw_labels(
    image: nib.Nifti1Image, *, labels: nib.Nifti1Image, names: Mapping[int, str]
) -> "Figure":
    """Draw a label map as transparent colours; labels that `names` lacks stay uncoloured."""
    grid = canonical(image)
    numbers = onto(labels, grid, order=0)
    panels = three_planes(grid, bounding_box(numbers))
    pixels = grey_mosaic(grid, panels, window=signal_window(grid.data, numbers))
    legend = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names.values())}
    for panel in panels:
        shown = panel.sample(numbers, order=0)
        for number, name in names.items():
            blend(pixels[panel.region], np.isclose(shown, number) * 0.45, legend[name])
    figure, axes = canvas(pixels, legend=legend)
    annotate(axes, panels, grid=grid)
    return figure


def draw_regions(
    image: nib.Nifti1Image,
    *,
    labels: nib.Nifti1Image,
    names: Mapping[int, str],
    brain: nib.Nifti1Image,
    outlined: tuple[str, nib.Nifti1Image],
) -> "Figure":
    """Draw 21 axial slices with each label in its colour and the outline of one mask.

    Slices spread over `brain`, each moved to the neighbour with the most labelled voxels; at
    least the labels of `names` are in the legend. All images may have grids of their own.
    """
    grid = canonical(image)
    numbers, head = onto(labels, grid, order=0), onto(brain, grid, order=0)
    box = bounding_box(head)
    load = (numbers > 0).sum(axis=(0, 1)).astype(float)
    slices = spread_over(load, without_tips(head, load, ends=box[AXIAL]), count=21)
    frame = widen(box, margin_mm=4, grid=grid)
    panels = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=7, top=HEADER_PX)
    pixels = grey_mosaic(grid, panels, window=signal_window(grid.data, head))
    legend = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names.values())}
    for panel in panels:
        shown = panel.sample(numbers, order=0)
        for number, name in names.items():
            blend(pixels[panel.region], np.isclose(shown, number) * _REGION_OPACITY, legend[name])
    figure, axes = canvas(pixels, legend=legend | {outlined[0]: _REGION_OUTLINE})
    outline(axes, onto(outlined[1], grid, order=0) > 0.5, panels=panels, colour=_REGION_OUTLINE)
    annotate(axes, panels, grid=grid)
    return figure


def draw_pair(
    before: nib.Nifti1Image,
    after: nib.Nifti1Image,
    *,
    focus: nib.Nifti1Image | None = None,
    contours: Mapping[str, nib.Nifti1Image] | None = None,
) -> "tuple[Figure, Figure]":
    """Draw two images on the same slices at the same size, to alternate in the report.

    `after` is resampled to the grid of `before` if it has another; the outlines are the
    same in both. Each image has an intensity window of its own.
    """
    grid = canonical(before)
    other = RasImage(onto(after, grid, order=1), grid.affine)
    shapes = {name: onto(mask, grid, order=0) > 0.5 for name, mask in (contours or {}).items()}
    about = onto(focus, grid, order=0) if focus else _bright(grid.data)
    panels = three_planes(grid, bounding_box(about))
    legend = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(shapes)}
    figures = []
    for volume in (grid, other):
        pixels = grey_mosaic(volume, panels, window=signal_window(volume.data, about))
        figure, axes = canvas(pixels, legend=legend)
        for name, shape in shapes.items():
            outline(axes, shape, panels=panels, colour=legend[name])
        annotate(axes, panels, grid=grid)
        figures.append(figure)
    return figures[0], figures[1]


def _where_changed(shapes: Sequence[Bools], *, head: Volume) -> list[int]:
    """Choose 10 axial slices; one voxel of change outweighs all that stayed."""
    loads = [shape.sum(axis=(0, 1)).astype(float) for shape in shapes]
    changed = np.sum(loads[1:], axis=0)
    filled = np.flatnonzero(loads[0] + changed)
    brain = bounding_box(head)[AXIAL]
    ends = (int(filled[0]), int(filled[-1])) if filled.size else brain
    return spread_over(loads[0] + 1e6 * changed, ends, count=10)


def _bright(data: Volume) -> Volume:
    """Where the head is, roughly: a quarter of the way to the brightest voxels."""
    rough: Volume = (data > 0.25 * np.percentile(data, 98)).astype(np.float32)
    return rough


_HEAT = ((0.05, "#3d5afe"), (0.2, "#00e5ff"), (0.5, "#ffea00"), (0.8, "#ff6d00"))
_HEAT_LEGEND = {f"p ≥ {level}": colour for level, colour in _HEAT}


def _blend_heat(pixels: Volume, heat: Volume, *, panels: Sequence[Panel]) -> None:
    ends = [*(level for level, _ in _HEAT[1:]), np.inf]
    for panel in panels:
        shown = panel.sample(heat, order=1)
        for (level, colour), end in zip(_HEAT, ends, strict=True):
            blend(pixels[panel.region], ((shown >= level) & (shown < end)) * 0.55, colour)
