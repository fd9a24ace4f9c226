"""Compare two tables cell by cell, and two JSON files key by key."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from npsle_app.reproduce.difference import Difference, Kind
from npsle_app.reproduce.tolerances import Compared, Rule, Tolerances

_MOST_TOLD = 200  # cells of one file; the rest is counted in a row of its own


@dataclass(frozen=True, slots=True)
class _Cell:
    part: str
    rule: Rule
    recorded: str
    reproduced: str


def compare_tables(
    recorded: Path, reproduced: Path, *, name: str, tolerances: Tolerances
) -> list[Difference]:
    """Compare tables (TSV) row by row; numbers by their value, all else by its letters.

    Rows are matched by their place where both tables have as many, else by their first cell
    where it names them. `n/a`, `nan` and the like agree with the same word alone.
    """
    before, now = _read_rows(recorded), _read_rows(reproduced)
    if before is None or now is None:
        told = ["no table" if rows is None else "" for rows in (before, now)]
        return [
            Difference(
                kind=Kind.TABLE, file=name, part="file", recorded=told[0], reproduced=told[1]
            )
        ]
    lost = [*_tell_lost("column", before[0], now[0], kind=Kind.TABLE, name=name)]
    pairs, rows_lost = _match(before[1:], now[1:], name=name)
    columns = [column for column in before[0] if column in now[0]]
    cells = (
        _Cell(f"{column}, {label}", rule, _at(one, before[0], column), _at(other, now[0], column))
        for column in columns
        if (rule := tolerances.of_part(name, column)).compared is Compared.CONTENT
        for label, one, other in pairs
    )
    kept = [
        one
        for one in lost
        if tolerances.of_part(name, one.part.partition(" ")[2]).compared is Compared.CONTENT
    ]
    return [*kept, *rows_lost, *_compare_cells(cells, kind=Kind.TABLE, name=name)]


def compare_json(
    recorded: Path, reproduced: Path, *, name: str, tolerances: Tolerances
) -> list[Difference]:
    """Compare JSON files key by key; a key is written as `outer.inner[0]`."""
    (before, wrong), (now, wrong_now) = _read_leaves(recorded), _read_leaves(reproduced)
    if before is None or now is None:
        return [
            Difference(kind=Kind.JSON, file=name, part="file", recorded=wrong, reproduced=wrong_now)
        ]
    rules = {key: tolerances.of_part(name, key) for key in (*before, *now)}
    kept = {key for key, rule in rules.items() if rule.compared is Compared.CONTENT}
    one, other = ([key for key in keys if key in kept] for keys in (before, now))
    lost = [*_tell_lost("key", one, other, kind=Kind.JSON, name=name)]
    cells = (_Cell(key, rules[key], before[key], now[key]) for key in one if key in now)
    return [*lost[:_MOST_TOLD], *_compare_cells(cells, kind=Kind.JSON, name=name)]


def _compare_cells(cells: Iterator[_Cell], *, kind: Kind, name: str) -> Iterator[Difference]:
    n_compared, untold, largest = 0, 0, 0.0
    told: list[Difference] = []
    all_within = True
    for cell in cells:
        n_compared += 1
        if cell.recorded == cell.reproduced:
            continue
        apart, agrees = _measure(cell)
        if agrees is None:
            continue
        if len(told) < _MOST_TOLD:
            told.append(
                Difference(
                    kind=kind,
                    file=name,
                    part=cell.part,
                    recorded=cell.recorded,
                    reproduced=cell.reproduced,
                    largest=apart,
                    tolerance=cell.rule.text,
                    agrees=agrees,
                )
            )
        else:
            untold, largest = untold + 1, max(largest, apart or 0.0)
            all_within = all_within and agrees
    yield from told
    if untold:
        yield Difference(
            kind=kind,
            file=name,
            part="further cells",
            largest=largest,
            n_different=untold,
            n_compared=n_compared,
            agrees=all_within,
        )


def _measure(cell: _Cell) -> tuple[float | None, bool | None]:
    """Return how far two cells are apart and whether that is allowed; None for 1 and 1.0."""
    before, now = _number(cell.recorded), _number(cell.reproduced)
    if before is None or now is None:
        return None, False
    if before == now:
        return 0.0, None
    apart = abs(before - now)
    return apart, cell.rule.allows(apart, size=before)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _match(
    before: Sequence[list[str]], now: Sequence[list[str]], *, name: str
) -> tuple[list[tuple[str, list[str], list[str]]], list[Difference]]:
    """Pair rows; those that have no partner are told."""
    if len(before) == len(now):
        rows = enumerate(zip(before, now, strict=True), start=1)
        return [(f"row {number} ({one[0][:60]})", one, other) for number, (one, other) in rows], []
    keys, others = ({row[0]: row for row in rows} for rows in (before, now))
    if len(keys) < len(before) or len(others) < len(now):
        one, other = (f"{len(rows)} rows" for rows in (before, now))
        return [], [
            Difference(kind=Kind.TABLE, file=name, part="rows", recorded=one, reproduced=other)
        ]
    pairs = [(key[:60], row, others[key]) for key, row in keys.items() if key in others]
    return pairs, [*_tell_lost("row", [*keys], [*others], kind=Kind.TABLE, name=name)]


def _tell_lost(
    what: str, before: Sequence[str], now: Sequence[str], *, kind: Kind, name: str
) -> Iterator[Difference]:
    there = set(before), set(now)
    for key in dict.fromkeys((*before, *now)):
        told = ["there" if key in names else "missing" for names in there]
        if "missing" in told:
            part = f"{what} {key}"
            yield Difference(kind=kind, file=name, part=part, recorded=told[0], reproduced=told[1])


def _read_rows(path: Path) -> list[list[str]] | None:
    """Return header and rows, each as wide as the header; None for what is no table."""
    try:
        rows = [*csv.reader(StringIO(_read(path)), delimiter="\t", quoting=csv.QUOTE_NONE)]
    except (OSError, ValueError, csv.Error):
        return None
    if not rows or not rows[0]:
        return None
    width = len(rows[0])
    return [rows[0], *([*row, *[""] * (width - len(row))] for row in rows[1:] if row)]


def _read_leaves(path: Path) -> tuple[dict[str, str] | None, str]:
    """Return the leaves of JSON by key; None and what is wrong, where it cannot be read."""
    try:
        return dict(_flatten(json.loads(_read(path)))), ""
    except (OSError, ValueError, RecursionError) as error:
        return None, f"cannot be read: {str(error)[:200]}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _at(row: Sequence[str], header: Sequence[str], column: str) -> str:
    return row[header.index(column)]


def _flatten(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """List the leaves of JSON as text; an empty object or list is a leaf."""
    if isinstance(content, dict) and content:
        for name, value in content.items():
            yield from _flatten(value, f"{key}.{name}" if key else str(name))
    elif isinstance(content, list) and content:
        for number, value in enumerate(content):
            yield from _flatten(value, f"{key}[{number}]")
    else:
        yield key, content if isinstance(content, str) else json.dumps(content)
