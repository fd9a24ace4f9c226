"""Slices laid into one grey picture, and colours blended over it."""

from collections.abc import Sequence

import numpy as np

from npsle_app.arrays import Bools, Floats, Reals, Volume
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
    lay_out,
    spread,
    widen,
)

_MARGIN_MM = 12.0


def three_planes(grid: RasImage, box: Box) -> list[Panel]:
    """Arrange 14 axial, 7 coronal and 6 sagittal slices that spread over the box."""
    frame = widen(box, margin_mm=_MARGIN_MM, grid=grid)
    panels = lay_out(
        [(AXIAL, spread(box[AXIAL], count=14)), (CORONAL, spread(box[CORONAL], count=7))],
        box=frame,
        grid=grid,
        columns=7,
        top=HEADER_PX,
    )
    sagittal = [(SAGITTAL, spread(box[SAGITTAL], count=6))]
    return panels + lay_out(sagittal, box=frame, grid=grid, columns=6, top=bottom(panels))


def without_tips(head: Volume, load: Floats, *, ends: tuple[int, int]) -> tuple[int, int]:
    """Leave out the last slices of the brain, which show little, unless lesions are there."""
    area = (head > 0).sum(axis=(0, 1))
    worth = np.flatnonzero((area > 0.1 * area.max()) | (load > 0))
    return (int(worth[0]), int(worth[-1])) if worth.size else ends


def signal_window(data: Volume, inside: Volume | Bools) -> tuple[float, float]:
    """Choose the signals that are shown black and white, by those inside; 0 is no signal."""
    values = data[(inside > 0) & (data != 0)]
    if values.size == 0:
        values = data.ravel()
    low, middle, high = (float(value) for value in np.percentile(values, (0.5, 50, 99.7)))
    if middle > 0:  # fat outside the brain must not darken it
        high = min(high, 2 * middle)
    return min(low, 0.6 * high), high


def grey_mosaic(
    volume: RasImage, panels: Sequence[Panel], *, window: tuple[float, float]
) -> Volume:
    """Lay the slices into one picture, (height, width, 3) from 0 to 1."""
    low, high = window
    pixels = np.zeros((bottom(panels), WIDTH_PX, 3), dtype=np.float32)
    for panel in panels:
        shown = (panel.sample(volume.data, order=1) - low) / max(high - low, 1e-6)
        pixels[panel.region] = shown.clip(0, 1)[..., np.newaxis]
    return pixels


def blend(pixels: Volume, opacity: Reals, colour: str) -> None:
    """Lay a colour over pixels, (height, width, 3), in place; opacity is (height, width)."""
    from matplotlib.colors import to_rgb

    veil = opacity[..., np.newaxis]
    pixels[:] = pixels * (1 - veil) + np.array(to_rgb(colour)) * veil
