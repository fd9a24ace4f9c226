"""A measured vessel as figures get it, and what several of them do with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

DPI, WIDTH_PX = 80, 1300
INK, FAINT, FRAME = "#e8eaed", "#9aa0a6", "#5f6368"
BEHIND_TEXT = {"facecolor": "black", "alpha": 0.6, "pad": 1.5, "linewidth": 0}
LUMEN_COLOUR, WALL_COLOUR, REJECTED_COLOUR = "#ffd740", "#40c4ff", "#ff9100"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnVessel:
    """One vessel of a session, n sections along its centreline.

    Attributes
    ----------
    name, mode
        Title, such as `M1 left`, and how the vessel was found: masks, landmarks, automatic.
    points
        (n, 3) centreline in mm, RAS, of the vessel-wall image.
    along_mm
        (n,) length from the first point.
    planes
        (n, m, m) signal by first and second axis of the section's frame, the centreline in the
        middle; NaN outside the image.
    pixel_mm
        Edge of the planes' pixels.
    inner_mm, outer_mm
        (n, 72, 2) closed outlines along the first and second axis, about the centreline.
    accepted
        (n,) whether the section counts.
    nwi, nwi_low, nwi_high, lumen_mm2, lumen_low_mm2, lumen_high_mm2
        (n,) with 95 % limits; NaN where there is none.
    nwi_at_floor
        (n,) NWI of a wall of 1.3 voxels, `floor_mm`, around this lumen.
    nwi_pooled
        None where the vessel is not assessable.
    """

    name: str
    mode: str
    points: Floats
    along_mm: Floats
    planes: Floats
    pixel_mm: float
    inner_mm: Floats
    outer_mm: Floats
    accepted: NDArray[np.bool_]
    nwi: Floats
    nwi_low: Floats
    nwi_high: Floats
    lumen_mm2: Floats
    lumen_low_mm2: Floats
    lumen_high_mm2: Floats
    nwi_at_floor: Floats
    nwi_pooled: float | None
    floor_mm: float

    @property
    def verdict(self) -> str:
        """How many sections count, and what they say."""
        counted = f"{int(self.accepted.sum())} of {len(self.accepted)} sections accepted"
        if self.nwi_pooled is None:
            return f"{counted}: not assessable"
        return f"{counted}, NWI {self.nwi_pooled:.2f}"

    @property
    def window(self) -> tuple[float, float]:
        """Signals that are shown black and white."""
        known = self.planes[np.isfinite(self.planes)]
        if not known.size:
            return 0.0, 1.0
        low, high = (float(value) for value in np.percentile(known, (0.5, 99.5)))
        return low, max(high, low + 1e-6)

    @property
    def reach_mm(self) -> float:
        """How far the planes reach from the centreline."""
        return float(self.planes.shape[1] * self.pixel_mm / 2)


def blank(height_px: float) -> "Figure":
    """Return a black figure of the usual width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_PX / DPI, height_px / DPI), dpi=DPI, facecolor="black")


def place(figure: "Figure", *, left: float, top: float, width: float, height: float) -> "Axes":
    """Put axes on the figure, in pixels from its left upper corner."""
    total = float(figure.get_figheight()) * DPI
    box = (left / WIDTH_PX, 1 - (top + height) / total, width / WIDTH_PX, height / total)
    axes = figure.add_axes(box, facecolor="black")
    axes.tick_params(colors=FAINT, labelsize=7, length=2)
    axes.spines[:].set_color(FRAME)
    return axes


def write(
    figure: "Figure", text: str, *, x: float, y: float, size: float = 9, colour: str = INK
) -> None:
    """Write text, its left upper corner at pixels from that of the figure."""
    total = float(figure.get_figheight()) * DPI
    figure.text(
        x / WIDTH_PX, 1 - y / total, text, color=colour, size=size, va="top", ha="left",
        parse_math=False,
    )  # fmt: skip


def key(figure: "Figure", entries: Sequence[tuple[str, str, str]], *, y: float = 6) -> None:
    """Draw the key: name, colour and line style of each entry, in a row; `x` is a marker."""
    from matplotlib.lines import Line2D

    total, x = float(figure.get_figheight()) * DPI, 10.0
    for name, colour, style in entries:
        marked = style == "x"
        ends = np.array([x + 13] if marked else [x, x + 26]) / WIDTH_PX
        line = Line2D(
            ends,
            [1 - (y + 7) / total] * len(ends),
            color=colour,
            linestyle="" if marked else style,  # type: ignore[arg-type]  # one of a few
            marker="x" if marked else "",
            linewidth=2.5,
        )
        figure.add_artist(line)
        write(figure, name, x=x + 32, y=y)
        x += 56 + 6.6 * len(name)
