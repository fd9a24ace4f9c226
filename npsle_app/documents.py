"""Read JSON and TOML of strangers: whatever is wrong with a file is an OSError or ValueError.

Such a file may be a pipe that never ends, hold gigabytes, or be nested so deeply that whoever
walks through it runs out of stack. All that is refused here, once; callers name the file.
"""

import json
import math
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LARGEST_BYTES = 16 * 2**20  # a reference of 100 regions at 1,000 sites has 4 MB
DEEPEST = 64  # what BIDS, 3D Slicer and this app write is nested less than 10 deep
_TOO_DEEP = f"it is nested more than {DEEPEST} deep"
_PART_OF_KEY = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART_OF_KEY}){{{DEEPEST}}}")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    OSError
        If the file is not there, may not be read, or is a pipe, a device or a folder.
    ValueError
        If it is no JSON in UTF-8, too large or too deep, names a key twice, or holds NaN or
        another number that is not finite.
    """
    return _parse(read_text(path), _load_json)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; it may hold `nan` and `inf`, which TOML knows.

    Raises
    ------
    OSError
        If the file is not there, may not be read, or is a pipe, a device or a folder.
    ValueError
        If it is no TOML in UTF-8, too large or too deep.
    """
    content: dict[str, Any] = _parse(read_text(path), _load_toml)
    return content


def null_where_unknown(content: Any) -> Any:
    """Return JSON-like content with None for each number that is not finite, at any depth.

    A statistic of few or of perfectly separated people is NaN or infinite; JSON knows neither.

    Examples
    --------
    >>> null_where_unknown({"auc": 1.0, "limits": (float("nan"), float("inf"))})
    {'auc': 1.0, 'limits': [None, None]}
    """
    if isinstance(content, Mapping):
        return {key: null_where_unknown(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [null_where_unknown(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises
    ------
    OSError
        If the file is not there, may not be read, or is a pipe, a device or a folder.
    ValueError
        If it is too large or no UTF-8.
    """
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        msg = f"{path} is a pipe, a device or a folder, where a file is needed"
        raise OSError(msg)
    if state.st_size > LARGEST_BYTES:
        msg = f"it has {state.st_size / 2**20:.0f} MB, more than {LARGEST_BYTES // 2**20} MB"
        raise ValueError(msg)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"it is no text in UTF-8 (byte {error.start})"
        raise ValueError(msg) from error


def _parse(text: str, load: Callable[[str], Any]) -> Any:
    try:
        content = load(text)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check(content)
    return content


def _load_json(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_no_key_twice, parse_float=_finite, parse_constant=_finite
    )


def _load_toml(text: str) -> Any:
    # tomllib would take 10 GB for one key of 50,000 parts
    if _DEEP_KEY.search(text):
        raise ValueError(_TOO_DEEP)
    return tomllib.loads(text)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        msg = f"it has the key {twice!r} twice"
        raise ValueError(msg)
    return content


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = f"it holds {text:.40}, which is not finite"
        raise ValueError(msg)
    return number


def _check(content: Any) -> None:
    """Refuse what is nested too deeply, and texts that can be written to no file."""
    level = [content]
    for _ in range(DEEPEST + 1):
        tables = [one for one in level if isinstance(one, dict)]
        for text in (*(key for table in tables for key in table), *level):
            if isinstance(text, str) and not text.isascii():
                _check_letters(text)
        level = [part for one in level if isinstance(one, list) for part in one]
        level += [part for table in tables for part in table.values()]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _check_letters(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        msg = f"it holds {text[error.start]!r}, which is no letter"
        raise ValueError(msg) from error
