"""A picture with the words around it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure and what it is called among those of its session."""

    name: str
    figure: "Figure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture, or two that alternate, the second being `after`; title and caption."""

    title: str
    caption: str
    picture: Picture
    after: Picture | None = None
