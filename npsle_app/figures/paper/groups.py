"""Groups beside each other: every value, their density, their quartiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.paper.paper import (
    COLOURS,
    INK,
    MOST_DOTS,
    name_axis,
    name_ticks,
    paper,
    place_dots,
    scatter,
    thin,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEAST_FOR_DENSITY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One group: its name, (n,) values, and the page behind each.

    `number` gives its colour and mark, the same in every figure of a study.
    """

    name: str
    number: int
    values: Floats
    links: tuple[str, ...]


def draw_raincloud(clouds: Sequence[Cloud], *, label: str) -> "Figure":
    """Draw each group as a line of dots under its density, with quartiles and median.

    The density is a Gaussian kernel estimate (Scott's bandwidth) between the least and the
    greatest value; below 5 values, or if all are the same, a group has none. Of more than
    `MOST_DOTS` values, as many evenly spaced by rank have dots.
    """
    figure, axes = paper(120, 18 + 24 * len(clouds))
    for place, cloud in enumerate(clouds):
        if len(cloud.values):
            _draw_density(axes, cloud, place=place)
            _draw_box(axes, cloud.values, place=place)
            _draw_dots(axes, cloud, place=place)
    name_ticks(axes, [f"{cloud.name}\nn = {len(cloud.values)}" for cloud in clouds], axis="y")
    axes.set_ylim(len(clouds) - 0.5, -0.6)
    name_axis(axes, x=label)
    return figure


def _draw_density(axes: "Axes", cloud: Cloud, *, place: int) -> None:
    from scipy.stats import gaussian_kde

    values = cloud.values
    if len(values) < _LEAST_FOR_DENSITY or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return
    across = np.linspace(values.min(), values.max(), 120)
    height = gaussian_kde(values)(across)
    up = place - 0.08 - 0.42 * height / height.max()
    colour = COLOURS[cloud.number % len(COLOURS)]
    axes.fill_between(across, up, place - 0.08, color=colour, alpha=0.3, linewidth=0)


def _draw_box(axes: "Axes", values: Floats, *, place: int) -> None:
    low, middle, high = np.percentile(values, [25, 50, 75])
    axes.plot([low, high], [place, place], color=INK, linewidth=4, solid_capstyle="butt")
    axes.plot([middle], [place], "o", color="white", markersize=4.5, markeredgecolor=INK)


def _draw_dots(axes: "Axes", cloud: Cloud, *, place: int) -> None:
    kept = thin(cloud.values, most=MOST_DOTS)
    values, links = cloud.values[kept], [cloud.links[i] for i in kept]
    up = place + 0.23 + place_dots(values, width=0.1)
    scatter(axes, x=values, y=up, links=links, number=cloud.number)
