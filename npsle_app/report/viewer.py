"""The viewer inside a participant's page: layers that the stage `overview` drew."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from npsle_app.bids.output.writer import Writer
from npsle_app.decoding import decode
from npsle_app.documents import read_json
from npsle_app.report.pictures import embed

_SHOWN_AT_FIRST = ("lesions", "vessels")
# Beside 7.4 MB of other pictures, as text, they leave the page under 12 MB.
BUDGET_BYTES = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    title: str
    name: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notes:
    shape: tuple[int, int, int]
    affine: tuple[tuple[float, float, float, float], ...]
    layers: tuple[_Layer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLayer:
    """One layer as a data URI; an `image` lies below, all others can be laid over it."""

    title: str
    name: str
    uri: str
    image: bool
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownViewer:
    """A viewer of one session; `geometry` is JSON for its script: shape and affine, mm."""

    geometry: str
    images: tuple[ShownLayer, ...]
    overlays: tuple[ShownLayer, ...]
    shape: tuple[int, int, int]

    @property
    def size(self) -> int:
        """Bytes that the layers take in the page."""
        return sum(len(layer.uri) for layer in (*self.images, *self.overlays))


def read_viewers(
    writers: Sequence[Writer], *, budget: int = BUDGET_BYTES
) -> list[ShownViewer | None]:
    """Read the viewers of all sessions, the last first, as far as `budget` bytes go.

    A session whose viewer would make the page too large has none, like one without layers.
    """
    shown: list[ShownViewer | None] = []
    for writer in reversed(writers):
        viewer = read_viewer(writer)
        if viewer is not None and viewer.size > budget:
            viewer = None
        budget -= viewer.size if viewer else 0
        shown.insert(0, viewer)
    return shown


def read_viewer(writer: Writer) -> ShownViewer | None:
    """Read the layers of a session; None where there are none that can be read.

    Pictures are taken from the folder of the notes alone, whatever path these name.
    """
    path = writer.folder / "figures" / f"{writer.id}_viewer.json"
    try:
        notes = decode(_Notes, read_json(path), what=path.name)
    except (OSError, ValueError):
        return None
    found = embed(path.with_name(Path(layer.file).name) for layer in notes.layers)
    layers = [
        ShownLayer(
            title=layer.title,
            name=layer.name,
            uri=found[place],
            image=place.suffix == ".webp",
            shown=layer.name in _SHOWN_AT_FIRST,
        )
        for layer in notes.layers
        if (place := path.with_name(Path(layer.file).name)) in found
    ]
    images = tuple(layer for layer in layers if layer.image)
    if not images:
        return None
    return ShownViewer(
        geometry=json.dumps({"shape": notes.shape, "affine": notes.affine}),
        images=images,
        overlays=tuple(layer for layer in layers if not layer.image),
        shape=notes.shape,
    )


@cache
def viewer_script() -> str:
    """Return brainsprite, the viewer of nilearn's reports, as nilearn ships it."""
    script = files("nilearn").joinpath("_assets", "js", "brainsprite.min.js")
    return script.read_text(encoding="utf-8")
