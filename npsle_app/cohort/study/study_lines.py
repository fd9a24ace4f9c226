"""Lines of a study file that would tell what a table does not, ready to paste."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

UNKNOWN = "?"  # stands where a person must say what is meant; a study file with it is refused
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_INTRODUCTION = "lines for the study file, to paste and to complete where ? stands:"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One key of a study file.

    Attributes
    ----------
    section
        Keys that lead to the table it stands in: `("table", "levels", "group")`.
    value
        A text, or several as a list.
    remark
        What to choose from, as a comment behind it.
    sure
        Whether it may be wrong: then it is a comment itself.
    """

    section: tuple[str, ...]
    key: str
    value: str | tuple[str, ...]
    remark: str = ""
    sure: bool = True


def write_lines(lines: Iterable[StudyLine]) -> list[str]:
    """Write lines as TOML, those of one table together, with an introduction; none for none.

    Examples
    --------
    >>> line = StudyLine(section=("table", "levels", "group"), key="2", value="?", remark="or so")
    >>> write_lines([line])[1:]
    ['[table.levels.group]', '2 = "?"  # or so']
    """
    by_section: dict[tuple[str, ...], dict[str, StudyLine]] = {}
    for line in lines:
        by_section.setdefault(line.section, {}).setdefault(line.key, line)
    written = [
        text
        for section, own in by_section.items()
        for text in (f"[{'.'.join(map(_key, section))}]", *map(_write, own.values()))
    ]
    return [_INTRODUCTION, *written] if written else []


def _write(line: StudyLine) -> str:
    value = _text(line.value) if isinstance(line.value, str) else _list(line.value)
    # a comment ends with its line
    told = "".join(letter if letter.isprintable() else " " for letter in line.remark)
    start, remark = "" if line.sure else "# ", f"  # {told}" if told else ""
    return f"{start}{_key(line.key)} = {value}{remark}"


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """Quote a text: JSON's escapes are TOML's as well, but for that of DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def list_unknown(content: object, *, place: str = "") -> Iterator[str]:
    """List the keys of a parsed study file that still hold `?`."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from list_unknown(value, place=f"{place}.{key}" if place else str(key))
    elif content == UNKNOWN:
        yield place
