"""One person among centile curves, and where the brain departs from what was expected."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import FAINT, FRAME, INK, WIDTH_PX, blank, write
from npsle_app.figures.brain.canvas import annotate, canvas
from npsle_app.figures.brain.mosaic import blend, grey_mosaic, signal_window, three_planes
from npsle_app.figures.brain.outlines import Label, outline_labels
from npsle_app.figures.brain.panels import bounding_box, canonical, onto

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

_COLUMNS = 4
_TICKS = 4
_TOP_PX, _LEFT_PX, _ROW_PX = 46, 46.0, 194
_PLOT_PX, _COLUMN_PX = (262.0, 150.0), 316.0
_BAND, _CRITICAL = "#4fc3f7", "#ff8a50"
_TICK_PX = 3
_KEY = (
    "lines: centiles 2.5 (dashed), 10, 25, 50, 75, 90, 97.5 (dashed); large: this scan, small: "
    "others of this person; orange diamond: critical deviation; volumes in {unit}, age in years"
)
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
    """A person at one scan; `low` and `high` are limits of the volume, NaN where none are."""

    age_years: float
    volume: float
    critical: bool
    low: float = np.nan
    high: float = np.nan


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
    """Draw regions side by side, four to a row; `text` says for whom the curves hold.

    All panels lie in one pair of axes, in pixels: a study has a figure per session, and axes for
    each panel cost four times as long.
    """
    height = _TOP_PX + max(-(-len(panels) // _COLUMNS), 1) * _ROW_PX
    figure = blank(height)
    write(figure, text, x=_LEFT_PX, y=8)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH_PX), ylim=(height, 0))
    frames = [_Frame.around(panel, number) for number, panel in enumerate(panels)]
    _draw_curves(axes, panels, frames)
    _draw_ticks(axes, frames)
    titles = [
        Label(text=panel.title, x=frame.left, y=frame.top - 4, across=0, down=1)
        for panel, frame in zip(panels, frames, strict=True)
    ]
    told = Label(text=_KEY.format(unit=unit), x=_LEFT_PX, y=26, across=0, down=0)
    axes.add_artist(outline_labels([told, *titles], size=9, colour=INK))
    _draw_visits(axes, panels, frames)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Where a panel lies, in pixels from the left upper corner, and the values at its edges."""

    left: float
    top: float
    ages: tuple[float, float]
    volumes: tuple[float, float]

    @classmethod
    def around(cls, panel: CentilePanel, number: int) -> "_Frame":
        """Place the panel of a number, with its curves and scans inside."""
        row, column = divmod(number, _COLUMNS)
        scans = panel.visits
        return cls(
            left=_LEFT_PX + column * _COLUMN_PX,
            top=_TOP_PX + 18 + row * _ROW_PX,
            ages=_range_of([*panel.ages_years, *(scan.age_years for scan in scans)]),
            volumes=_range_of(
                [
                    *np.concatenate(list(panel.curves.values())),
                    *(end for scan in scans for end in (scan.volume, scan.low, scan.high)),
                ]
            ),
        )

    def locate(self, ages: ArrayLike, volumes: ArrayLike) -> Floats:
        """Return (n, 2) pixels of ages and volumes."""
        across, down = (
            (np.asarray(values, dtype=float) - low) / (high - low)
            for values, (low, high) in ((ages, self.ages), (volumes, self.volumes))
        )
        width, height = _PLOT_PX
        return np.column_stack([self.left + across * width, self.top + (1 - down) * height])

    @property
    def outline(self) -> Floats:
        """The (5, 2) corners, in pixels."""
        (x0, x1), (y0, y1) = self.ages, self.volumes
        return self.locate([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0])


def _range_of(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of finite values with a margin of 5 %; of one value, around it."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return (low - margin, high + margin)


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


def _draw_curves(axes: "Axes", panels: Sequence[CentilePanel], frames: Sequence[_Frame]) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    bands, lines, styles, widths = [], [], [], []
    for panel, frame in zip(panels, frames, strict=True):
        centiles = sorted(panel.curves)
        curves = [frame.locate(panel.ages_years, panel.curves[one]) for one in centiles]
        pairs = list(zip(curves, reversed(curves), strict=True))[: len(curves) // 2]
        bands += [np.concatenate([low, high[::-1]]) for low, high in pairs]
        lines += curves
        styles += ["--" if one in (centiles[0], centiles[-1]) else "-" for one in centiles]
        widths += [1.5 if one == 50 else 0.7 for one in centiles]
    axes.add_collection(PolyCollection(bands, facecolors=_BAND, alpha=0.12, linewidths=0))
    axes.add_collection(LineCollection(lines, colors=_BAND, linewidths=widths, linestyles=styles))


def _draw_ticks(axes: "Axes", frames: Sequence[_Frame]) -> None:
    """Draw the frame of each panel with its ticks and their numbers."""
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import MaxNLocator

    locator, marks = MaxNLocator(nbins=_TICKS), [frame.outline for frame in frames]
    numbers: list[Label] = []
    for frame in frames:
        bottom, left = frame.volumes[0], frame.ages[0]
        for age in _ticks_of(locator, frame.ages):
            x, y = frame.locate([age], [bottom])[0]
            marks.append(np.array([[x, y], [x, y + _TICK_PX]]))
            place = y + _TICK_PX + 3
            numbers.append(Label(text=f"{age:g}", x=x, y=place, across=0.5, down=0))
        for volume in _ticks_of(locator, frame.volumes):
            x, y = frame.locate([left], [volume])[0]
            marks.append(np.array([[x, y], [x - _TICK_PX, y]]))
            place = x - _TICK_PX - 2
            numbers.append(Label(text=f"{volume:g}", x=place, y=y, across=1, down=0.5))
    axes.add_artist(outline_labels(numbers, size=7, colour=FAINT))
    axes.add_collection(LineCollection(marks, colors=FRAME, linewidths=0.8))


def _ticks_of(locator: "MaxNLocator", ends: tuple[float, float]) -> list[float]:
    found = np.round(np.asarray(locator.tick_values(*ends)), 10)
    return [float(one) for one in found if ends[0] <= one <= ends[1]]


def _draw_visits(axes: "Axes", panels: Sequence[CentilePanel], frames: Sequence[_Frame]) -> None:
    from matplotlib.collections import LineCollection

    tracks: list[Floats] = []
    bars: list[Floats] = []
    marked: dict[tuple[bool, bool], list[Floats]] = defaultdict(list)
    for panel, frame in zip(panels, frames, strict=True):
        visits = sorted(panel.visits, key=lambda visit: visit.age_years)
        ages = [visit.age_years for visit in visits]
        places = frame.locate(ages, [visit.volume for visit in visits])
        tracks.append(places)
        ends = (frame.locate(ages, [getattr(v, end) for v in visits]) for end in ("low", "high"))
        bars += [np.array(pair) for pair in zip(*ends, strict=True) if np.isfinite(pair).all()]
        for visit, place in zip(visits, places, strict=True):
            marked[visit.critical, visit.age_years == panel.shown].append(place)
    axes.add_collection(LineCollection(tracks, colors=INK, linewidths=0.8))
    axes.add_collection(LineCollection(bars, colors=INK, linewidths=1.6, alpha=0.7))
    for (critical, shown), alike in marked.items():
        colour, mark = (_CRITICAL, "D") if critical else (INK, "o")
        axes.plot(*np.transpose(alike), mark, color=colour, markersize=6.5 if shown else 3.5)
