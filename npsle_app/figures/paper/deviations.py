"""Where one person's brain departs from what was expected."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.figures.brain.canvas import annotate, canvas
from npsle_app.figures.brain.mosaic import blend, grey_mosaic, signal_window, three_planes
from npsle_app.figures.brain.panels import bounding_box, canonical, onto

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GROUND = 0.45  # brightness of the scan beneath the colours
_OPACITY = 0.65
# upper ends of z, colour, name: dark ends are critical, and colour-blind eyes tell them apart
_STEPS = (
    (-1.96, "#e6550d", "z below −1.96"),
    (-1.0, "#fdd0a2", "−1.96 to −1"),
    (1.0, "#707070", "−1 to 1"),
    (1.96, "#9ecae1", "1 to 1.96"),
    (np.inf, "#3182bd", "above 1.96"),
)


def draw_score_map(
    image: nib.Nifti1Image, *, labels: nib.Nifti1Image, scores: Mapping[int, float]
) -> "Figure":
    """Colour the labels of an image by their scores, in five steps; what has none stays grey.

    Parameters
    ----------
    scores
        z by label; NaN and labels that are not there are left uncoloured.
    """
    grid = canonical(image)
    numbers = onto(labels, grid, order=0)
    panels = three_planes(grid, bounding_box(numbers))
    pixels = _GROUND * grey_mosaic(grid, panels, window=signal_window(grid.data, numbers))
    known = {label: z for label, z in scores.items() if np.isfinite(z)}
    for panel in panels:
        shown = np.rint(panel.sample(numbers, order=0)).astype(int)
        low = -np.inf
        for high, colour, _ in _STEPS:
            own = [label for label, z in known.items() if low <= z < high]
            blend(pixels[panel.region], np.isin(shown, own) * _OPACITY, colour)
            low = high
    figure, axes = canvas(pixels, legend={name: colour for _, colour, name in _STEPS})
    annotate(axes, panels, grid=grid)
    return figure
