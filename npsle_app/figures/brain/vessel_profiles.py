"""NWI and lumen area along vessels, beside what the voxels can show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import FAINT, blank, key, place, write
from npsle_app.figures.brain.drawn_vessel import (
    LUMEN_COLOUR,
    REJECTED_COLOUR,
    WALL_COLOUR,
    DrawnVessel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TOP_PX, _ROW_PX, _PLOT_PX = 34, 160, 108
_LEFTS_PX, _PLOT_WIDTH_PX = (50.0, 700.0), 580.0
_FLOOR_COLOUR = "#e8eaed"


def draw_profiles(vessels: Sequence[DrawnVessel]) -> "Figure":
    """Draw NWI (left) and lumen area (right) along each vessel with their 95 % intervals.

    Beside the NWI lies that of a wall of 1.3 voxels around the same lumen: below it a value rests
    on the model of the point spread. Sections that do not count are crosses.
    """
    figure = blank(_TOP_PX + len(vessels) * _ROW_PX + 20)
    key(figure, (
        ("NWI", WALL_COLOUR, "-"),
        ("lumen area", LUMEN_COLOUR, "-"),
        ("wall of 1.3 voxels (resolution floor)", _FLOOR_COLOUR, "--"),
        ("pooled NWI", WALL_COLOUR, ":"),
        ("section left out", REJECTED_COLOUR, "x"),
    ))  # fmt: skip
    longest = max(float(vessel.along_mm[-1]) for vessel in vessels)
    widest = max(_largest(vessel.lumen_mm2) for vessel in vessels)
    for row, vessel in enumerate(vessels):
        top = _TOP_PX + row * _ROW_PX
        text = f"{vessel.name} ({vessel.mode}): {vessel.verdict}; floor {vessel.floor_mm:.2f} mm"
        write(figure, text, x=_LEFTS_PX[0], y=top)
        nwi, area = (
            place(figure, left=left, top=top + 19, width=_PLOT_WIDTH_PX, height=_PLOT_PX)
            for left in _LEFTS_PX
        )
        _draw_nwi(nwi, vessel)
        limits = (vessel.lumen_low_mm2, vessel.lumen_high_mm2)
        _draw_values(area, vessel, values=vessel.lumen_mm2, limits=limits, colour=LUMEN_COLOUR)
        area.set(ylim=(0, 1.3 * widest))
        area.set_ylabel("mm²", color=FAINT, size=8)
        for axes in (nwi, area):
            axes.set(xlim=(0, longest))
            axes.grid(color="#3c4043", linewidth=0.5)
            axes.set_xlabel("mm along the vessel", color=FAINT, size=7, labelpad=1)
    return figure


def _draw_nwi(axes: "Axes", vessel: DrawnVessel) -> None:
    axes.plot(vessel.along_mm, vessel.nwi_at_floor, color=_FLOOR_COLOUR, linestyle="--",
              linewidth=1)  # fmt: skip
    _draw_values(
        axes, vessel, values=vessel.nwi, limits=(vessel.nwi_low, vessel.nwi_high),
        colour=WALL_COLOUR,
    )  # fmt: skip
    if vessel.nwi_pooled is not None:
        axes.axhline(vessel.nwi_pooled, color=WALL_COLOUR, linestyle=":", linewidth=1)
    axes.set(ylim=(0, 1), yticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set_ylabel("NWI", color=FAINT, size=8)


def _draw_values(
    axes: "Axes",
    vessel: DrawnVessel,
    *,
    values: Floats,
    limits: tuple[Floats, Floats],
    colour: str,
) -> None:
    """Draw accepted sections as a line in its band, the others as crosses."""
    along, kept = vessel.along_mm, vessel.accepted
    low, high = (np.where(kept, limit, np.nan) for limit in limits)
    axes.fill_between(along, low, high, color=colour, alpha=0.3, linewidth=0)
    axes.plot(along, np.where(kept, values, np.nan), color=colour, linewidth=1.6, marker=".",
              markersize=4)  # fmt: skip
    axes.plot(along, np.where(kept, np.nan, values), color=REJECTED_COLOUR, linestyle="",
              marker="x", markersize=5)  # fmt: skip


def _largest(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, 90)) if known.size else 1.0
