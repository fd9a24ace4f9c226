"""One person among centile curves, and where the brain departs from what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import INK, blank, place, write
from npsle_app.figures.brain.canvas import annotate, canvas
from npsle_app.figures.brain.mosaic import blend, grey_mosaic, signal_window, three_planes
from npsle_app.figures.brain.panels import bounding_box, canonical, onto

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 4
_TICKS = 4
_TOP_PX, _LEFT_PX, _ROW_PX = 46, 46.0, 194
_PLOT_PX, _COLUMN_PX = (262.0, 150.0), 316.0
_BAND, _CRITICAL = "#4fc3f7", "#ff8a50"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A person at one scan."""

    age_years: float
    volume: float
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CentilePanel:
    """One region: volumes (k,) by centile at `ages_years` (k,), and the person's scans.

    The scan at the age `shown` is the one that is spoken of; others are small.
    """

    title: str
    ages_years: Floats
    curves: Mapping[float, Floats]
    visits: Sequence[Visit]
    shown: float = np.nan


def draw_centile_panels(panels: Sequence[CentilePanel], *, text: str, unit: str) -> "Figure":
    """Draw regions side by side, four to a row; `text` says for whom the curves hold."""
    rows = -(-len(panels) // _COLUMNS)
    figure = blank(_TOP_PX + max(rows, 1) * _ROW_PX)
    write(figure, text, x=_LEFT_PX, y=8)
    write(
        figure,
        "lines: centiles 2.5 (dashed), 10, 25, 50, 75, 90, 97.5 (dashed); "
        f"large: this scan, small: others of this person; orange diamond: critical deviation; "
        f"volumes in {unit}, age in years",
        x=_LEFT_PX,
        y=24,
    )
    for number, panel in enumerate(panels):
        row, column = divmod(number, _COLUMNS)
        axes = place(
            figure,
            left=_LEFT_PX + column * _COLUMN_PX,
            top=_TOP_PX + 18 + row * _ROW_PX,
            width=_PLOT_PX[0],
            height=_PLOT_PX[1],
        )
        _draw_panel(axes, panel)
    return figure


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


def _draw_panel(axes: "Axes", panel: CentilePanel) -> None:
    _draw_curves(axes, panel)
    visits = sorted(panel.visits, key=lambda visit: visit.age_years)
    axes.plot([v.age_years for v in visits], [v.volume for v in visits], color=INK, linewidth=0.8)
    for visit in visits:
        colour, mark = (_CRITICAL, "D") if visit.critical else (INK, "o")
        size = 6.5 if visit.age_years == panel.shown else 3.5
        axes.plot([visit.age_years], [visit.volume], mark, color=colour, markersize=size)
    axes.set_title(panel.title, size=9, color=INK, loc="left", pad=3, parse_math=False)
    axes.locator_params(nbins=_TICKS)


def _draw_curves(axes: "Axes", panel: CentilePanel) -> None:
    """Draw all curves and bands at once: hundreds of figures are drawn for a study."""
    from matplotlib.collections import LineCollection, PolyCollection

    centiles, ages = sorted(panel.curves), panel.ages_years
    curves = [np.column_stack([ages, panel.curves[centile]]) for centile in centiles]
    pairs = list(zip(curves, reversed(curves), strict=True))[: len(curves) // 2]
    bands = [np.concatenate([low, high[::-1]]) for low, high in pairs]
    axes.add_collection(PolyCollection(bands, facecolors=_BAND, alpha=0.12, linewidths=0))
    outer = (centiles[0], centiles[-1])
    styles = ["--" if centile in outer else "-" for centile in centiles]
    widths = [1.5 if centile == 50 else 0.7 for centile in centiles]
    axes.add_collection(
        LineCollection(curves, colors=_BAND, linewidths=widths, linestyles=styles), autolim=True
    )
    axes.autoscale_view()
