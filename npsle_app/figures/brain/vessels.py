"""Vessel walls: straightened, and in cross-section."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import BEHIND_TEXT, INK, blank, key, place, write
from npsle_app.figures.brain.drawn_vessel import (
    LUMEN_COLOUR,
    REJECTED_COLOUR,
    WALL_COLOUR,
    DrawnVessel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TOP_PX, _LEFT_PX = 30, 14
_CUT_MM = 4.5  # shown on either side of the centreline
_PX_PER_MM, _ROW_GAP_PX = 22.0, 44
_N_SECTIONS, _SECTION_MM, _SECTION_PX = 9, 5.0, 138
_SECTION_GAP_PX, _SECTION_TEXT_PX = 4, 40
_KEY = (("lumen", LUMEN_COLOUR, "-"), ("outer wall", WALL_COLOUR, "-"))


def draw_straightened(vessels: Sequence[DrawnVessel]) -> "Figure":
    """Draw each vessel straightened, in two cuts along it that cross at right angles.

    All are to the same scale, and the signal window is each vessel's own. Crosses below mark
    sections that do not count.
    """
    longest = max(float(vessel.along_mm[-1]) for vessel in vessels) + 0.5
    width = (1300 - 3 * _LEFT_PX - 30) / 2
    scale = min(_PX_PER_MM, width / longest)
    height = 2 * _CUT_MM * scale
    figure = blank(_TOP_PX + len(vessels) * (height + _ROW_GAP_PX) + 16)
    key(figure, (*_KEY, ("section left out", REJECTED_COLOUR, "x")))
    for row, vessel in enumerate(vessels):
        top = _TOP_PX + row * (height + _ROW_GAP_PX)
        text = f"{vessel.name} ({vessel.mode}): {vessel.verdict}"
        write(figure, text, x=_LEFT_PX + 24, y=top)
        for column in (0, 1):
            left = _LEFT_PX + 24 + column * (width + _LEFT_PX + 8)
            axes = place(
                figure, left=left, top=top + 17, width=_width_px(vessel, scale), height=height
            )
            _draw_cut(axes, vessel, axis=column)
    return figure


def _width_px(vessel: DrawnVessel, px_per_mm: float) -> float:
    """Width of a straightened vessel in pixels, half a step beyond each end."""
    return (float(vessel.along_mm[-1]) + 0.5) * px_per_mm


def _draw_cut(axes: "Axes", vessel: DrawnVessel, *, axis: int) -> None:
    """Draw the cut along the centreline and the first (0) or second (1) axis of the frame."""
    middle = vessel.planes.shape[1] // 2
    cut = vessel.planes[:, :, middle] if axis == 0 else vessel.planes[:, middle, :]
    low, high = vessel.window
    along, reach = vessel.along_mm, vessel.reach_mm
    axes.imshow(
        cut.T, cmap="gray", vmin=low, vmax=high, origin="lower",
        extent=(-0.25, float(along[-1]) + 0.25, -reach, reach), interpolation="bilinear",
        aspect="auto",
    )  # fmt: skip
    for outlines, colour in ((vessel.inner_mm, LUMEN_COLOUR), (vessel.outer_mm, WALL_COLOUR)):
        for edge in crossings(outlines, axis=axis):
            axes.plot(along, edge, color=colour, linewidth=1.1)
    out = np.where(vessel.accepted, np.nan, -_CUT_MM + 0.2)
    axes.plot(along, out, color=REJECTED_COLOUR, linestyle="", marker="x", markersize=4)
    axes.set(xlim=(-0.25, along[-1] + 0.25), ylim=(-_CUT_MM, _CUT_MM), yticks=(-3, 0, 3))


def crossings(outlines: Floats, *, axis: int) -> tuple[Floats, Floats]:
    """Return where outlines cross an axis of their plane, lowest and highest, (n,) each.

    `outlines` is (n, m, 2), closed; NaN where an outline does not cross the axis.
    """
    along, across = outlines[..., axis], outlines[..., 1 - axis]
    ahead, beyond = np.roll(along, -1, axis=1), np.roll(across, -1, axis=1)
    crosses = (across < 0) != (beyond < 0)
    share = across / np.where(crosses, across - beyond, 1.0)
    at = along + share * (ahead - along)
    any_crosses = crosses.any(axis=1) & np.isfinite(outlines).all(axis=(1, 2))
    low = np.where(crosses, at, np.inf).min(axis=1)
    high = np.where(crosses, at, -np.inf).max(axis=1)
    return np.where(any_crosses, low, np.nan), np.where(any_crosses, high, np.nan)


def draw_gallery(vessels: Sequence[DrawnVessel]) -> "Figure":
    """Draw nine sections of each vessel, evenly spread, with their outlines and NWI.

    Sections that do not count have dotted outlines and say so. Each is seen along the vessel
    from its start; the frame turns as little as it can from one to the next.
    """
    row_px = _SECTION_PX + _SECTION_TEXT_PX
    figure = blank(_TOP_PX + len(vessels) * row_px)
    key(figure, (*_KEY, ("section left out", REJECTED_COLOUR, ":")))
    for row, vessel in enumerate(vessels):
        top = _TOP_PX + row * row_px
        write(figure, f"{vessel.name} ({vessel.mode}): {vessel.verdict}", x=_LEFT_PX, y=top)
        chosen = np.unique(np.linspace(1, len(vessel.along_mm) - 2, _N_SECTIONS).round())
        for place_in_row, index in enumerate(chosen.astype(int)):
            left = _LEFT_PX + place_in_row * (_SECTION_PX + _SECTION_GAP_PX)
            axes = place(figure, left=left, top=top + 17, width=_SECTION_PX, height=_SECTION_PX)
            _draw_section(axes, vessel, index=int(index))
    return figure


def _draw_section(axes: "Axes", vessel: DrawnVessel, *, index: int) -> None:
    low, high = vessel.window
    reach, counts = vessel.reach_mm, bool(vessel.accepted[index])
    plane = vessel.planes[index].T
    axes.imshow(
        plane, cmap="gray", vmin=low, vmax=high,
        origin="lower", extent=(-reach, reach, -reach, reach), interpolation="bilinear",
    )  # fmt: skip
    style = "-" if counts else ":"
    for outlines, colour in ((vessel.inner_mm, LUMEN_COLOUR), (vessel.outer_mm, WALL_COLOUR)):
        closed = np.concatenate([outlines[index], outlines[index][:1]])
        axes.plot(closed[:, 0], closed[:, 1], color=colour, linewidth=1.2, linestyle=style)
    seen = f"NWI {vessel.nwi[index]:.2f}" if np.isfinite(vessel.nwi[index]) else "no fit"
    edge = _SECTION_MM
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=(), yticks=())
    axes.text(-edge + 0.2, edge - 0.2, f"{vessel.along_mm[index]:.1f} mm", color=INK, size=7,
              va="top", bbox=BEHIND_TEXT)  # fmt: skip
    text = seen if counts else f"left out ({seen})"
    axes.text(-edge + 0.2, -edge + 0.2, text, color=INK if counts else REJECTED_COLOUR, size=8,
              va="bottom", bbox=BEHIND_TEXT)  # fmt: skip
    if not counts:
        axes.spines[:].set(color=REJECTED_COLOUR, linestyle=":", linewidth=1.5)
