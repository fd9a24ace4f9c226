"""Lesions coloured by where they lie."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.figures.brain.canvas import COLOURS, annotate, canvas, outline
from npsle_app.figures.brain.panels import (
    AXIAL,
    bounding_box,
    canonical,
    lay_out,
    onto,
    spread_over,
    widen,
)
from npsle_app.figures.brain.slices import _HEADER_PX, _blend, _grey, _window, _without_tips

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OPACITY = 0.55
_OUTLINE = "#ffffff"


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
    slices = spread_over(load, _without_tips(head, load, ends=box[AXIAL]), count=21)
    frame = widen(box, margin_mm=4, grid=grid)
    panels = lay_out([(AXIAL, slices)], box=frame, grid=grid, columns=7, top=_HEADER_PX)
    pixels = _grey(grid, panels, window=_window(grid.data, head))
    legend = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names.values())}
    for panel in panels:
        shown = panel.sample(numbers, order=0)
        for number, name in names.items():
            _blend(pixels[panel.region], np.isclose(shown, number) * _OPACITY, legend[name])
    figure, axes = canvas(pixels, legend=legend | {outlined[0]: _OUTLINE})
    outline(axes, onto(outlined[1], grid, order=0) > 0.5, panels=panels, colour=_OUTLINE)
    annotate(axes, panels, grid=grid)
    return figure
