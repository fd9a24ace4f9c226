"""Landmarks of vessels: a JSON of our own, or a markup file of 3D Slicer."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from npsle_app.documents import read_json, read_text
from npsle_app.measures.names_of_vessels import VesselName, vessel_name

Point = tuple[float, float, float]

_KEY = re.compile(r"(?P<label>[A-Za-z0-9]+?)(?:_(?P<hemi>[LR]))?")
_NUMBERED = re.compile(r"[-_ ]\d+$")
_EXAMPLE = (
    '{"space": "scanner RAS mm", "vessels": {"M1_L": {"start": [x, y, z], "end": [x, y, z]}}}'
)
_SLICER_CODES = {"0": "RAS", "1": "LPS"}  # of its older files


def read_landmarks(path: Path) -> dict[VesselName, tuple[Point, ...]]:
    """Read the points of each vessel, in mm, RAS, in the order of the vessel.

    A JSON of our own names vessels `M1_L`, `BA` and so on, with `start`, `end` and perhaps
    `via`, or with `points`; its `space` says RAS or LPS. In a file of 3D Slicer
    (`.mrk.json`) the points are labelled `M1_L` or `M1_L-1`, `M1_L-2`; its
    `coordinateSystem` says which.

    Raises
    ------
    ValueError
        If the file is no such JSON, says neither RAS nor LPS, or names no vessel; with the
        name of the file and what to do.
    """
    try:
        content = read_json(path)
        found = _slicer(content) if "markups" in content else _own(content)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        msg = f"{path.name} holds no landmarks of vessels ({_plain(error)}); expected {_EXAMPLE}"
        raise ValueError(msg) from error
    if not found:
        msg = f"{path.name} names no vessel; expected {_EXAMPLE} or labels M1_L-1, M1_L-2 in Slicer"
        raise ValueError(msg)
    return found


def landmark_fault(path: Path) -> str:
    """Say what is wrong with a landmark file; empty if nothing is."""
    try:
        read_landmarks(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path.name} ")
    return ""


def read_line(path: Path) -> tuple[Point, ...]:
    """Read a centreline: a table with the columns x_mm, y_mm and z_mm, RAS.

    Raises
    ------
    ValueError
        If it has no such columns, or a cell is no number; with the name of the file.
    """
    try:
        text = read_text(path)
        rows = csv.DictReader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(_point([row[f"{axis}_mm"] for axis in "xyz"], system="RAS") for row in rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        msg = f"{path.name} is no table of points with columns x_mm, y_mm, z_mm ({_plain(error)})"
        raise ValueError(msg) from error


def _own(content: Mapping[str, Any]) -> dict[VesselName, tuple[Point, ...]]:
    system = _system(str(content.get("space", "")))
    return {
        _name(key): tuple(_point(point, system=system) for point in _ordered(told, key=key))
        for key, told in content["vessels"].items()
    }


def _ordered(told: Mapping[str, Any], *, key: str) -> list[Any]:
    if "points" in told:
        return list(told["points"])
    if not {"start", "end"} <= set(told):
        msg = f"{key} has no start and end"
        raise ValueError(msg)
    return [told["start"], *told.get("via", ()), told["end"]]


def _slicer(content: Mapping[str, Any]) -> dict[VesselName, tuple[Point, ...]]:
    made: dict[VesselName, list[Point]] = {}
    for markup in content["markups"]:
        if markup.get("coordinateUnits") not in (None, "mm", ["mm"]):
            msg = f"its unit is {markup['coordinateUnits']!r}, not mm"
            raise ValueError(msg)
        told = str(markup.get("coordinateSystem", ""))
        system = _system(_SLICER_CODES.get(told, told))
        for label, position in _defined(markup):
            made.setdefault(_name(_NUMBERED.sub("", label)), []).append(
                _point(position, system=system)
            )
    return {name: tuple(points) for name, points in made.items()}


def _defined(markup: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for point in markup["controlPoints"]:
        if point.get("positionStatus", "defined") == "defined":
            yield str(point.get("label") or markup.get("name") or ""), point["position"]


def _name(key: str) -> VesselName:
    parts = _KEY.fullmatch(key)
    if parts is None:
        msg = f"{key!r} is no name of a vessel: write M1_L, M1_R, ICA_L, ICA_R, BA, V4_L or V4_R"
        raise ValueError(msg)
    return vessel_name(parts["label"], hemi=parts["hemi"])


def _system(text: str) -> str:
    told = [name for name in ("RAS", "LPS") if name in text.upper()]
    if len(told) != 1:
        msg = f"it says {text!r} of its axes, where RAS or LPS is needed"
        raise ValueError(msg)
    return told[0]


def _point(values: Any, *, system: str) -> Point:
    x, y, z = (float(value) for value in values)
    if not all(map(math.isfinite, (x, y, z))):
        msg = f"the point {list(values)} is not finite"
        raise ValueError(msg)
    return (x, y, z) if system == "RAS" else (-x, -y, z)


def _plain(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(text.split())[:200]
