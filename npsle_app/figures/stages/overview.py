"""One slice for each marker, the one to look at first, as square pictures for the cards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Volume
from npsle_app.figures.brain.canvas import canvas, mark_sides, outline
from npsle_app.figures.brain.mosaic import blend, signal_window
from npsle_app.figures.brain.panels import (
    AXIAL,
    Panel,
    RasImage,
    bounding_box,
    canonical,
    onto,
    widen,
)
from npsle_app.figures.stages.drawing import Drawing, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE_PX = 480
_MARGIN_MM = 8.0
_TISSUES = {1: "#ff5252", 2: "#40c4ff", 3: "#ffd740"}  # as the figure of the tissues has them
_OPACITY = 0.45
_BRIGHTNESS = 1.6  # of colour FA
_HEIGHT = 0.6  # of the brain, where nothing says which slice


def draw_lesion_slice(
    flair: nib.Nifti1Image, *, mask: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Drawing:
    """Draw the axial slice with the largest area of lesions, outlined."""
    grid = canonical(flair)
    lesions, head = onto(mask, grid, order=0) > 0.5, onto(brain, grid, order=0)
    panel = _frame(grid, head, index=_fullest(lesions, head))
    pixels = _grey(grid, head, panel)
    figure = _show(pixels, panel, outlines=[(lesions, "#ff5252")])
    return _card("wmh", "Slice with the largest area of lesions", figure)


def draw_tissue_slice(
    t1w: nib.Nifti1Image, *, tissues: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Drawing:
    """Draw an axial slice with the tissues in colour."""
    grid = canonical(t1w)
    labels, head = onto(tissues, grid, order=0), onto(brain, grid, order=0)
    panel = _frame(grid, head, index=_fullest(np.zeros(head.shape, dtype=bool), head))
    pixels = _grey(grid, head, panel)
    shown = panel.sample(labels, order=0)
    for number, colour in _TISSUES.items():
        blend(pixels, _OPACITY * (shown == number), colour)
    return _card("brain", "Tissues", _show(pixels, panel))


def draw_fibre_slice(colour_fa: nib.Nifti1Image, *, regions: nib.Nifti1Image) -> Drawing:
    """Draw the axial slice of colour FA that shows most of the DTI-ALPS regions, outlined."""
    fa = canonical(nib.Nifti1Image(np.asarray(colour_fa.dataobj).max(axis=3), colour_fa.affine))
    spheres = onto(regions, fa, order=0)
    turned = np.asarray(nib.as_closest_canonical(colour_fa).dataobj, dtype=np.float32)
    panel = _frame(fa, fa.data > 0.1, index=_fullest(spheres > 0, fa.data > 0.1))
    channels = [panel.sample(turned[..., number], order=1) for number in range(3)]
    pixels = (np.stack(channels, axis=-1) * _BRIGHTNESS).clip(0, 1).astype(np.float32)
    outlines = [(spheres == number, "#ffffff") for number in np.unique(spheres[spheres > 0])]
    return _card("alps", "DTI-ALPS regions on colour FA", _show(pixels, panel, outlines=outlines))


def _card(name: str, title: str, figure: "Figure") -> Drawing:
    picture = Picture(f"overview-{name}", figure)
    return Drawing(title=title, caption="", picture=picture)


def _fullest(shape: Bools, head: Volume | Bools) -> int:
    """Return the axial slice with most of a shape; without one, a slice through the brain."""
    area = shape.sum(axis=(0, 1))
    low, high = bounding_box(head)[AXIAL]
    return int(area.argmax()) if area.any() else round(low + _HEIGHT * (high - low))


def _frame(grid: RasImage, head: Volume | Bools, *, index: int) -> Panel:
    """Put an axial slice of what holds the head into the middle of a square."""
    box = widen(bounding_box(head), margin_mm=_MARGIN_MM, grid=grid)[:AXIAL]
    voxel = grid.voxel_mm[:AXIAL]
    spans = [(high - low + 1) * mm for (low, high), mm in zip(box, voxel, strict=True)]
    mm_per_px = max(spans) / SIDE_PX
    width, height = (max(round(span / mm_per_px), 1) for span in spans)
    return Panel(
        axis=AXIAL,
        index=index,
        low=(box[0][0], box[1][0]),
        high=(box[0][1], box[1][1]),
        step=(mm_per_px / voxel[0], mm_per_px / voxel[1]),
        size=(width, height),
        corner=((SIDE_PX - width) // 2, (SIDE_PX - height) // 2),
    )


def _grey(grid: RasImage, head: Volume, panel: Panel) -> Volume:
    """Sample the panel, (height, width, 3) from 0 to 1."""
    low, high = signal_window(grid.data, head)
    shown = (panel.sample(grid.data, order=1) - low) / max(high - low, 1e-6)
    return np.repeat(shown.clip(0, 1)[..., np.newaxis], 3, axis=2).astype(np.float32)


def _show(pixels: Volume, panel: Panel, *, outlines: Sequence[tuple[Bools, str]] = ()) -> "Figure":
    """Put a panel's pixels on black, with the outlines of shapes and the sides of the body."""
    square = np.zeros((SIDE_PX, SIDE_PX, 3), dtype=np.float32)
    square[panel.region] = pixels
    figure, axes = canvas(square, legend={}, told="")
    for shape, colour in outlines:
        outline(axes, shape, panels=[panel], colour=colour)
    whole = replace(panel, corner=(0, 0), size=(SIDE_PX, SIDE_PX))
    mark_sides(axes, whole)
    return figure
