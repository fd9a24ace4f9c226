"""JSON sidecars and gradient tables, with the inheritance principle of BIDS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from npsle_app.documents import read_json


def read_metadata(image: Path) -> dict[str, Any]:
    """Merge what the sidecars of an image say; the nearest file has the last word.

    A sidecar that cannot be read adds nothing: `broken_sidecars` names it.
    """
    merged: dict[str, Any] = {}
    for path in inherited(image, extension=".json"):
        content, _ = _read_object(path)
        merged |= content
    return merged


def broken_sidecars(image: Path) -> tuple[tuple[Path, str], ...]:
    """Name the sidecars of an image that cannot be read, each with what is wrong."""
    read = ((path, _read_object(path)[1]) for path in inherited(image, extension=".json"))
    return tuple((path, wrong) for path, wrong in read if wrong)


def inherited(image: Path, *, extension: str) -> tuple[Path, ...]:
    """List the files that speak of an image, from the dataset's root down to its own folder.

    Such a file has the same suffix and no entity that the image lacks.
    """
    suffix, entities = _parts(image)
    return tuple(
        path
        for folder in _folders(image)
        for path in sorted(folder.glob(f"*{extension}"), key=_n_entities)
        if _parts(path)[0] == suffix and _parts(path)[1] <= entities
    )


def dataset_root(image: Path) -> Path:
    """Return the folder that holds the `sub-` folder of an image.

    An image that lies under no folder of its subject is its own dataset's root.
    """
    subject = image.name.split("_")[0]
    above = next((folder for folder in image.parents if folder.name == subject), image)
    return above.parent


def _folders(image: Path) -> Iterator[Path]:
    root = dataset_root(image)
    inside = image.parent.relative_to(root)
    yield from (root / folder for folder in reversed([inside, *inside.parents]))


def _parts(path: Path) -> tuple[str, frozenset[str]]:
    *entities, suffix = path.name.split(".")[0].split("_")
    return suffix, frozenset(entities)


def _n_entities(path: Path) -> tuple[int, str]:
    return len(_parts(path)[1]), path.name


def _read_object(path: Path) -> tuple[dict[str, Any], str]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        return {}, f"{type(error).__name__}: {error}"
    if not isinstance(content, dict):
        return {}, f"a JSON object was expected, got a {type(content).__name__}"
    return content, ""
