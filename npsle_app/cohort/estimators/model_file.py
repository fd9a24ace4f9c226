"""Whether a file holds a model that this version can read."""

from collections.abc import Mapping
from typing import Any


def check_format(content: Any, *, name: str, version: int, what: str) -> None:
    """Refuse what is no model of this name and version.

    Parameters
    ----------
    content
        What was read from JSON.
    name, version
        What `format` and `format_version` must be.
    what
        How people call such a model.

    Raises
    ------
    ValueError
        With what was found.
    """
    if not isinstance(content, Mapping) or content.get("format") != name:
        msg = f"it is no {what} of this app: its 'format' must be {name!r}"
        raise ValueError(msg)
    if content.get("format_version") != version:
        msg = f"its format_version is {content.get('format_version')!r}, known is {version}"
        raise ValueError(msg)
