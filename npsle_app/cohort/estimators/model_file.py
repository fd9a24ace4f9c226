"""Files that hold a fitted model: one that this version cannot read is refused as a whole."""

from collections.abc import Mapping
from typing import Any, TypeVar

from npsle_app.decoding import decode

File = TypeVar("File")


def read_model_file(
    record: type[File], content: Any, *, name: str, version: int, what: str
) -> File:
    """Decode what was read from a model's JSON.

    Parameters
    ----------
    record
        The keys of such a file, `format` and `format_version` among them.
    name, version
        What `format` and `format_version` must be.
    what
        How people call such a model.

    Raises
    ------
    ValueError
        If it is no model of this name and version, or not whole; with what was found.
    """
    if not isinstance(content, Mapping) or content.get("format") != name:
        msg = f"it is no {what} of this app: its 'format' must be {name!r}"
        raise ValueError(msg)
    if content.get("format_version") != version:
        msg = f"its format_version is {content.get('format_version')!r}, known is {version}"
        raise ValueError(msg)
    try:
        return decode(record, content, what="it")
    except ValueError as error:
        msg = f"it is no whole {what} ({error}); fit it again"
        raise ValueError(msg) from error
