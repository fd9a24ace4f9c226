"""Many short texts as one filled outline: text by text they are most of what a figure costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.figures.brain.board import DPI

if TYPE_CHECKING:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

_POINTS_PER_INCH = 72
_KEPT = 4096  # outlines: the figures of a study share their numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text and its place, in pixels from the left upper corner.

    `across` and `down` say which part of the text lies there: 0 its left or upper end, 0.5 its
    middle, 1 its right or lower end.
    """

    text: str
    x: float
    y: float
    across: float
    down: float


def outline_labels(labels: Sequence[Label], *, size: float, colour: str) -> "PathPatch":
    """Return all texts as one patch, for axes in pixels that count downwards; `size` in points.

    Of texts that the app wrote: a dollar sign would begin a formula.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    parts = [_place(label, size) for label in labels if label.text.strip()]
    joined = Path.make_compound_path(*parts) if parts else Path(np.zeros((0, 2)))
    return PathPatch(joined, facecolor=colour, linewidth=0)


def _place(label: Label, size: float) -> "Path":
    from matplotlib.path import Path

    vertices, codes, (width, height) = _outline(label.text, size)
    shift = (label.x - label.across * width, label.y + (1 - label.down) * height)
    return Path(vertices * (1, -1) + shift, codes)


@lru_cache(_KEPT)
def _outline(text: str, size: float) -> tuple[Floats, np.ndarray, tuple[float, float]]:
    """Return the vertices of a text in pixels, its left lower corner at 0, and its extent."""
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), text, size=size * DPI / _POINTS_PER_INCH)
    box = path.get_extents()
    return path.vertices - box.min, np.asarray(path.codes), (float(box.width), float(box.height))
