"""From all participants to those who are analysed, as boxes with arrows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npsle_app.figures.paper.paper import COLOURS, INK, SOFT, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 150.0  # mm, as all lengths here
_LINE = 5.0
_GAP = 9.0
_MIDDLE, _SIDE = 52.0, 120.0


def draw_flow(
    *, first: str, left_out: Sequence[str], second: str, groups: Sequence[str]
) -> "Figure":
    """Draw the participants, who is left out and why, who enters, and the groups.

    Parameters
    ----------
    first, second
        Texts of the upper and the lower box.
    left_out
        One line per reason; the box is not drawn if there is none.
    groups
        One box each, below.
    """
    gap = max(_GAP, _LINE * (len(left_out) + 1) + 2 * _GAP / 3 if left_out else _GAP)
    height = 4 * 12 + gap + _GAP
    figure, axes = paper(_WIDTH, height)
    axes.set_axis_off()
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    lower = 18 + gap
    middle = _MIDDLE if left_out else _WIDTH / 2
    _arrow(axes, (middle, 12), (middle, lower))
    if left_out:
        between = (12 + lower) / 2
        _arrow(axes, (middle, between), (_SIDE - 28, between))
        _draw_box(axes, (_SIDE, between), "\n".join(["Left out", *left_out]), colour=SOFT)
    _draw_box(axes, (middle, 8), first, colour=INK)
    for number, text in enumerate(groups):
        x = _WIDTH * (number + 0.5) / len(groups)
        _arrow(axes, (middle, lower + 5), (x, lower + 5 + _GAP + 6))
        _draw_box(axes, (x, lower + 10 + _GAP + 6), text, colour=COLOURS[number % len(COLOURS)])
    _draw_box(axes, (middle, lower + 4), second, colour=INK)
    return figure


def _draw_box(axes: "Axes", centre: tuple[float, float], text: str, *, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": colour}
    axes.text(
        *centre, text, ha="center", va="center", size=8, color=INK, bbox=style, parse_math=False
    )


def _arrow(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": SOFT})
