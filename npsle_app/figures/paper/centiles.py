"""One person's volumes among centile curves, as SVG.

A study has a picture per session: written from a template each costs some milliseconds, drawn by
matplotlib a third of a second.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import ArrayLike

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import FAINT, FRAME, INK, WIDTH_PX

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.ticker import MaxNLocator

_COLUMNS = 4
_TICKS = 4
_TOP_PX, _LEFT_PX, _ROW_PX = 46, 46.0, 194
_PLOT_PX, _COLUMN_PX = (262.0, 150.0), 316.0
_BAND, _CRITICAL = "#4fc3f7", "#ff8a50"
_TICK_PX = 3
_LINE_PX = 8  # from the upper end of a text to its base line
_PER_PX = 10  # coordinates of paths are whole tenths of a pixel
_EVERY = 2  # of the points of a curve: half as many lie within 0.1 px of it
_LARGE, _SMALL = 1.0, 0.6
_MEDIAN = 50
_KEY = (
    "lines: centiles 2.5 (dashed), 10, 25, 50, 75, 90, 97.5 (dashed); large: this scan, small: "
    "others of this person; orange diamond: critical deviation; volumes in {unit}, age in years"
)
# relative to a scan, in tenths of a pixel
_DISC = "m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z"
_DIAMOND = "m0-{r}l{r} {r}-{r} {r}-{r}-{r}z"
_DISC_RADIUS, _DIAMOND_RADIUS = 42, 58


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


def draw_centile_panels(panels: Sequence[CentilePanel], *, text: str, unit: str) -> str:
    """Draw regions side by side, four to a row; `text` says for whom the curves hold.

    Returns
    -------
    str
        An SVG document, 1,300 pixels wide. Labels of the study are escaped.
    """
    frames = [_Frame.around(panel, number) for number, panel in enumerate(panels)]
    pairs = list(zip(panels, frames, strict=True))
    ticks, marks = _lay_out_ticks(frames)
    heads = ((_LEFT_PX, 8 + _LINE_PX, text), (_LEFT_PX, 26 + _LINE_PX, _KEY.format(unit=unit)))
    titles = ((frame.left, frame.top - 6, panel.title) for panel, frame in pairs)
    return _template().render(
        width=WIDTH_PX,
        height=_TOP_PX + max(-(-len(panels) // _COLUMNS), 1) * _ROW_PX,
        text=_printable(text),
        words=[_Label(x=x, y=y, text=_printable(words)) for x, y, words in (*heads, *titles)],
        ticks=ticks,
        frames=_trace(marks),
        ink=INK,
        faint=FAINT,
        frame=FRAME,
        band=_BAND,
        critical=_CRITICAL,
        **_trace_curves(pairs),
        **_trace_visits(pairs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Label:
    """A text, and where its base line begins, in pixels."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """All scans that are marked alike, as one path."""

    path: str
    critical: bool


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


def _trace(lines: Iterable[Floats], *, end: str = "") -> str:
    """Write polylines (n, 2) in pixels as one path of whole tenths, each point from the last."""
    parts = []
    for line in lines:
        tenths = np.rint(line * _PER_PX).astype(int)
        (x, y), steps = tenths[0].tolist(), np.diff(tenths, axis=0).ravel().tolist()
        parts.append(f"M{x} {y}l{' '.join(map(str, steps))}{end}" if steps else "")
    return "".join(parts)


def _trace_curves(pairs: Sequence[tuple[CentilePanel, _Frame]]) -> dict[str, str | list[str]]:
    """Write the curves by how they are drawn, and the bands from pair to pair of centiles."""
    lines: dict[str, list[Floats]] = {"outer": [], "inner": [], "median": []}
    bands: dict[int, list[Floats]] = defaultdict(list)
    for panel, frame in pairs:
        centiles = sorted(panel.curves)
        curves = [
            _thin(frame.locate(panel.ages_years, panel.curves[centile])) for centile in centiles
        ]
        for centile, curve in zip(centiles, curves, strict=True):
            outermost = centile in (centiles[0], centiles[-1])
            lines["median" if centile == _MEDIAN else "outer" if outermost else "inner"] += [curve]
        for place in range(len(curves) // 2):
            bands[place].append(np.concatenate([curves[place], curves[-1 - place][::-1]]))
    closed = [_trace(band, end="z") for band in bands.values()]
    return {name: _trace(drawn) for name, drawn in lines.items()} | {"bands": closed}


def _thin(curve: Floats) -> Floats:
    return np.concatenate([curve[:-1:_EVERY], curve[-1:]])


def _lay_out_ticks(frames: Sequence[_Frame]) -> tuple[dict[str, list[_Label]], list[Floats]]:
    """Place the numbers of all axes, by what they are aligned to, and draw frames and ticks."""
    from matplotlib.ticker import MaxNLocator

    locator, marks = MaxNLocator(nbins=_TICKS), [frame.outline for frame in frames]
    numbers: dict[str, list[_Label]] = {"middle": [], "end": []}
    for frame in frames:
        for age in _ticks_of(locator, frame.ages):
            x, y = frame.locate([age], [frame.volumes[0]])[0].round(1).tolist()
            marks.append(np.array([[x, y], [x, y + _TICK_PX]]))
            numbers["middle"].append(_Label(x=x, y=y + _TICK_PX + 9, text=f"{age:g}"))
        for volume in _ticks_of(locator, frame.volumes):
            x, y = frame.locate([frame.ages[0]], [volume])[0].round(1).tolist()
            marks.append(np.array([[x, y], [x - _TICK_PX, y]]))
            numbers["end"].append(_Label(x=x - _TICK_PX - 2, y=round(y + 3, 1), text=f"{volume:g}"))
    return numbers, marks


def _ticks_of(locator: "MaxNLocator", ends: tuple[float, float]) -> list[float]:
    found = np.round(np.asarray(locator.tick_values(*ends)), 10)
    return [float(one) for one in found if ends[0] <= one <= ends[1]]


def _trace_visits(pairs: Sequence[tuple[CentilePanel, _Frame]]) -> dict[str, str | list[_Mark]]:
    """Write the scans, the lines between them, and their limits."""
    tracks: list[Floats] = []
    bars: list[Floats] = []
    marked: dict[tuple[bool, bool], list[str]] = defaultdict(list)
    for panel, frame in pairs:
        visits = sorted(panel.visits, key=lambda visit: visit.age_years)
        if not visits:
            continue
        ages = [visit.age_years for visit in visits]
        places = frame.locate(ages, [visit.volume for visit in visits])
        tracks.append(places)
        ends = (frame.locate(ages, [getattr(v, end) for v in visits]) for end in ("low", "high"))
        bars += [np.array(pair) for pair in zip(*ends, strict=True) if np.isfinite(pair).all()]
        for visit, place in zip(visits, places, strict=True):
            shown = visit.age_years == panel.shown
            x, y = np.rint(place * _PER_PX).astype(int).tolist()
            marked[visit.critical, shown].append(f"M{x} {y}{_shape(visit, shown=shown)}")
    marks = [_Mark(path="".join(alike), critical=key[0]) for key, alike in marked.items()]
    return {"tracks": _trace(tracks), "bars": _trace(bars), "marks": marks}


def _shape(visit: Visit, *, shown: bool) -> str:
    whole = _DIAMOND_RADIUS if visit.critical else _DISC_RADIUS
    radius = round(whole * (_LARGE if shown else _SMALL))
    return (_DIAMOND if visit.critical else _DISC).format(r=radius, d=2 * radius)


def _printable(text: str) -> str:
    """Replace what XML has no place for, escaped or not: a picture with it is not shown."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


@cache
def _template() -> "Template":
    environment = Environment(
        loader=PackageLoader("npsle_app.figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("centiles.svg.j2")
