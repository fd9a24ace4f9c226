"""Parsed JSON or TOML ↔ frozen records, by pydantic; what does not fit is said in plain words."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, to_json, to_jsonable_python

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
_SHOWN_ERRORS = 5
_LIMITS = {
    ("gt", "lt"): "must lie between {} and {}",
    ("gt", "le"): "must be above {} and at most {}",
    ("ge", "le"): "must be from {} to {}",
    ("ge",): "must be at least {}",
}
_NOUNS = {
    str: ("a text", "texts"),
    Path: ("a path", "paths"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
}
Record = TypeVar("Record")


def decode(
    record: type[Record], content: Any, *, what: str, spelt: Callable[[str], str] = str
) -> Record:
    """Make a record of what was read from JSON or TOML.

    Types are taken strictly, as JSON has them: `1` is no text and `"1"` no number; a list
    becomes a tuple, a text a path or an enumeration, where the record has one. What the record
    has a default for may be missing.

    Parameters
    ----------
    record
        A dataclass.
    what
        How people call the whole of it, for where a key of the outermost level is at fault.
    spelt
        How people write a key of the outermost level.

    Raises
    ------
    ValueError
        For a missing or unknown key, a value of another type, or one that the record refuses;
        names each by its path, with what was found and what is expected.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Sphere:
    ...     radius_mm: float = 2.5
    >>> decode(Sphere, {"radius_mm": 3}, what="the sphere")
    Sphere(radius_mm=3.0)
    >>> decode(Sphere, {"radius": 3}, what="the sphere")
    Traceback (most recent call last):
    ValueError: the sphere has no key 'radius'; there are ['radius_mm']: is it 'radius_mm'?
    """
    try:
        # as JSON, for in strict Python a list is no tuple and a text no path
        text = to_json([content], inf_nan_mode="constants")
        made: list[Record] = _reader(record).validate_json(text)  # type: ignore[arg-type]
    except ValidationError as error:
        told = [_tell(one, record, what, spelt) for one in error.errors(include_url=False)]
        more = [f"and {len(told) - _SHOWN_ERRORS} more"] if len(told) > _SHOWN_ERRORS else []
        msg = "; ".join(told[:_SHOWN_ERRORS] + more)
        raise ValueError(msg) from error
    return made[0]


def encode(record: Any) -> Any:
    """Return a record as JSON knows it, keys in the order of its fields."""
    return to_jsonable_python(record, inf_nan_mode="constants")


def overlay(under: Any, *above: Any) -> Any:
    """Lay parsed tables over each other: the last that says something of a key wins.

    Examples
    --------
    >>> overlay({"wmh": {"threshold": 0.2, "seed": 1}}, {"wmh": {"threshold": 0.3}})
    {'wmh': {'threshold': 0.3, 'seed': 1}}
    """
    for over in above:
        if isinstance(under, Mapping) and isinstance(over, Mapping):
            inner = {key: overlay(under.get(key), value) for key, value in over.items()}
            under = {**under, **inner}
        else:
            under = over
    return under


@cache
def _reader(record: Hashable) -> TypeAdapter[Any]:
    # of a list, for a dataclass takes no configuration from outside, a list hands it down
    return TypeAdapter(list[record], config=STRICT)  # type: ignore[valid-type]


def _tell(error: ErrorDetails, record: type, what: str, spelt: Callable[[str], str]) -> str:
    kind, given, place = error["type"], error["input"], error["loc"][1:]
    if kind == "unexpected_keyword_argument" or (kind == "missing" and isinstance(place[-1], str)):
        *outer, name = place
        where = _name(outer, spelt) or what
        if kind == "missing":
            return f"{where} lacks the key {name!r}"
        known = [field.name for field in fields(_split(_find_hint(record, outer))[0])]
        return _tell_unknown(str(name), known, where=where)
    if kind == "missing":
        place = place[:-1]  # one of several numbers: what came is the list
    hint = _find_hint(record, place)
    which = place and isinstance(place[-1], int) and not is_dataclass(_split(hint)[0])
    # which of a list of plain values it is goes without saying
    where = _name(place[:-1] if which else place, spelt)
    if kind == "value_error":
        return ": ".join(filter(None, (where, str(error["ctx"]["error"]))))
    limits = _split(hint)[1]
    if limits and not kind.endswith("_type"):
        expected = f" {_LIMITS[tuple(limits)].format(*limits.values())}"
    else:
        expected = f": expected {_say(hint)}"
    return f"{where or what}{expected}, got {given!r:.100}"


def _tell_unknown(name: str, known: list[str], *, where: str) -> str:
    return f"{where} has no key {name!r}; there are {sorted(known)}{say_nearest(name, known)}"


def say_nearest(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest of the known names is meant; empty if none is near.

    Examples
    --------
    >>> say_nearest("alps_men", ["alps_mean", "age"])
    ": is it 'alps_mean'?"
    """
    return "".join(f": is it {one!r}?" for one in get_close_matches(name, list(known), n=1))


def _name(place: Sequence[str | int], spelt: Callable[[str], str]) -> str:
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in place[1:]]
    return "".join([*(spelt(str(key)) for key in place[:1]), *parts])


def _find_hint(record: type, place: Iterable[str | int]) -> Any:
    """Return what a record declares at a place inside it."""
    hint: Any = record
    for key in place:
        outer, _ = _split(hint)
        if is_dataclass(outer):
            hint = get_type_hints(outer, include_extras=True).get(str(key), Any)
        else:  # of a mapping its values, of a tuple its members
            first, *rest = get_args(outer) or (Any,)
            hint = rest[-1] if rest and rest != [Ellipsis] else first
    return hint


def _split(hint: Any) -> tuple[Any, dict[str, float]]:
    """Part a type from the limits it has; that a value may be None does not count."""
    if get_origin(hint) in (Union, UnionType):
        return _split(next(part for part in get_args(hint) if part is not NoneType))
    if get_origin(hint) is not Annotated:
        return hint, {}
    bare, *extras = get_args(hint)
    declared = [one for extra in extras for one in getattr(extra, "metadata", ())]
    return bare, {
        kind: getattr(one, kind)
        for kind in ("gt", "ge", "lt", "le")
        for one in declared
        if hasattr(one, kind)
    }


def _say(hint: Any) -> str:
    bare, _ = _split(hint)
    if get_origin(bare) is Literal:
        return " or ".join(map(repr, get_args(bare)))
    if isinstance(bare, type) and issubclass(bare, Enum):
        return " or ".join(repr(one.value) for one in bare)
    if get_origin(bare) is tuple:
        members, count = _members(bare)
        return f"a list of {count}{members}"
    return _NOUNS.get(bare, ("a table", ""))[0]


def _members(hint: Any) -> tuple[str, str]:
    """Say what a tuple holds, and how many if that is fixed."""
    first, *rest = get_args(hint)
    count = "" if rest == [Ellipsis] else f"{1 + len(rest)} "
    bare, _ = _split(first)
    other = {tuple: "lists", Literal: "texts"}.get(get_origin(bare), "tables")
    return _NOUNS.get(bare, ("", other))[1], count
