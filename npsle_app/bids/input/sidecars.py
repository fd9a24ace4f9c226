"""JSON sidecars and gradient tables, with the inheritance principle of BIDS."""

import os
from functools import lru_cache
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
    suffix, entities = _parts(image.name)
    return tuple(
        folder / name
        for folder in _folders(image.parent, image.name.split("_")[0])
        for name in _list_names(folder, extension, _changed_ns(folder))
        if _parts(name)[0] == suffix and _parts(name)[1] <= entities
    )


@lru_cache(maxsize=64)  # those of a session, whose images are looked at in turn
def _folders(folder: Path, subject: str) -> tuple[Path, ...]:
    """List a folder and those above it, from the dataset's root down.

    The root holds the `sub-` folder of an image; one that lies under no folder of its subject
    is alone.
    """
    parents = (folder, *folder.parents)
    above = next((n for n, one in enumerate(parents) if one.name == subject), -1)
    return tuple(reversed(parents[: above + 2]))


def _changed_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1024)  # the root is listed once, and not anew for each of 10,000 participants
def _list_names(folder: Path, extension: str, _changed: int) -> tuple[str, ...]:
    """List the names in a folder that end so, those with fewer entities first."""
    try:
        with os.scandir(folder) as entries:
            names = [one.name for one in entries if one.name.endswith(extension)]
    except OSError:  # nothing is inherited from what is not there or may not be looked at
        return ()
    return tuple(sorted(names, key=_n_entities))


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, frozenset[str]]:
    *entities, suffix = name.split(".")[0].split("_")
    return suffix, frozenset(entities)


def _n_entities(name: str) -> tuple[int, str]:
    return len(_parts(name)[1]), name


def _read_object(path: Path) -> tuple[dict[str, Any], str]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        return {}, f"{type(error).__name__}: {error}"
    if not isinstance(content, dict):
        return {}, f"a JSON object was expected, got a {type(content).__name__}"
    return content, ""
