"""The tables of a study's analyses as readers see them: chosen columns, formatted cells."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from npsle_app.bids.tables import read_table
from npsle_app.formatting import (
    ESTIMATED,
    NOT_AVAILABLE,
    decimals_for,
    format_interval,
    format_number,
    format_p,
)
from npsle_app.group_tables import Column, GroupTable, group_tables

Row = Mapping[Hashable, Any]
MOST_ROWS = 300
_MISSING = ("n/a", "")
_DESCRIBING = ("group_description",)
_PLACES = "decimals"  # no column of a file: decimals of what has the unit of a measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell, and what it is sorted by (`n/a`: last)."""

    text: str
    sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """A table on the page; `left_out` rows are in the file at `path` alone.

    One that `describes` counts or describes people and tells nothing of what was asked.
    """

    name: str
    path: str
    title: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    describes: bool = False


def read_tables(output_dir: Path, *, tables: Mapping[str, str], mode: str) -> list[ShownTable]:
    """Read the tables of an analysis, by name → path from the output; those there are."""
    shown = []
    for name, path in tables.items():
        described = group_tables().get(PurePosixPath(path).stem)
        if not (described and described.title and (output_dir / path).is_file()):
            continue
        table = read_table(output_dir / path, missing=_MISSING)
        if name == "table1":
            tests = read_table(output_dir / tables["table1_tests"], missing=_MISSING)
            shown += lay_out_table1(table, tests=tests, path=path, mode=mode)
        else:
            shown.append(lay_out(table, described=described, name=name, path=path))
    return [table for table in shown if table.rows]


def lay_out(table: pd.DataFrame, *, described: GroupTable, name: str, path: str) -> ShownTable:
    """Choose and format columns; rows that are not estimable are left to the reasons."""
    if "status" in table:
        table = table[table["status"] == ESTIMATED]
    if any(column.format == "measure" for column in described.shown):
        table = _tidy_measures(table)
    columns = [
        column
        for column in described.choose(map(str, table.columns))
        if column.source in table and not table[column.source].isna().all()
    ]
    rows = tuple(
        tuple(_make_cell(row, column) for column in columns)
        for row in table.head(MOST_ROWS).to_dict("records")
    )
    return ShownTable(
        name=name,
        path=path,
        title=described.title,
        headings=tuple(column.head for column in columns),
        numeric=tuple(pd.api.types.is_numeric_dtype(table[one.source]) for one in columns),
        rows=rows,
        left_out=max(len(table) - MOST_ROWS, 0),
        describes="status" not in table and name in _DESCRIBING,
    )


def _tidy_measures(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out measures and groups that nobody has; one number of decimals per measure."""
    empty = table.groupby("measure")["n"].transform("sum") == 0
    kept = table[~empty & (table["n"] + table["missing"] > 0)]
    places = kept.groupby("measure")["sd"].transform("max").map(decimals_for)
    return kept.assign(**{_PLACES: places})


def _make_cell(row: Row, column: Column) -> Cell:
    """Format a cell; a value with limits gets its interval."""
    value = row[column.source]
    if isinstance(value, str):
        text = "" if column.format == "unit" and value == "1" else value
        return Cell(text=text, sort=text)
    if pd.isna(value):
        return Cell(text=NOT_AVAILABLE, sort=NOT_AVAILABLE)
    return Cell(text=_write(row, column, float(value)), sort=f"{value:.10g}")


def _write(row: Row, column: Column, value: float) -> str:
    if column.format == "p":
        return format_p(value)
    if column.format == "count":
        return f"{value:.0f}"
    decimals = int(row[_PLACES]) if column.format == "measure" else column.decimals
    if column.limits:
        low, high = (float(row[name]) for name in column.limits)
        places = _choose_decimals(high - low) if decimals is None else decimals
        return format_interval(value, low, high, decimals=places)
    return format_number(value, decimals=_choose_decimals(value) if decimals is None else decimals)


def _choose_decimals(spread: float) -> int:
    return decimals_for(abs(spread) / 4)


def lay_out_table1(
    cells: pd.DataFrame, *, tests: pd.DataFrame, path: str, mode: str
) -> list[ShownTable]:
    """Lay out Table 1: a column per population, a row per variable or level."""
    return [
        _lay_out_comparison(part, tests=tests[tests["comparison"] == name], path=path, mode=mode)
        for name, part in cells.groupby("comparison", sort=False)
    ]


def _lay_out_comparison(
    cells: pd.DataFrame, *, tests: pd.DataFrame, path: str, mode: str
) -> ShownTable:
    populations = list(dict.fromkeys(cells["population_label"]))
    tested = {row["variable"]: row for row in tests.to_dict("records")}
    rows, before = [], ""
    for (variable, _), part in cells.groupby(["variable", "level"], sort=False, dropna=False):
        test = tested.get(str(variable), {}) if variable != before else {}
        rows.append(_table1_row(part, populations=populations, test=test, mode=mode))
        before = str(variable)
    headings = ("Variable", *populations, "Missing", "p", "Standardised difference", "Note")
    kept = [i for i in range(len(headings)) if any(row[i].text for row in rows)]
    return ShownTable(
        name="table1_" + "_".join(str(name) for name in dict.fromkeys(cells["population"])),
        path=path,
        title=f"{group_tables()['table1'].title}: {' v '.join(populations)}",
        headings=tuple(headings[i] for i in kept),
        numeric=tuple(0 < i < len(headings) - 1 for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in rows),
    )


def _table1_row(
    part: pd.DataFrame, *, populations: Sequence[str], test: Row, mode: str
) -> tuple[Cell, ...]:
    first = part.iloc[0]
    level = "" if pd.isna(first["level"]) else f": {first['level']}"
    unit = "" if pd.isna(first["unit"]) else f", {first['unit']}"
    shown = part["shown"].fillna(NOT_AVAILABLE)
    by_population = dict(zip(part["population_label"], shown, strict=True))
    difference = test.get("standardised_difference")
    texts = [
        f"{first['label']}{level}{unit}",
        *(str(by_population.get(name, NOT_AVAILABLE)) for name in populations),
        str(int(part["missing"].sum())),
        format_p(test[f"p_{mode}"]) if test else "",
        "" if difference is None or pd.isna(difference) else format_number(difference, decimals=2),
        _text_of(test, "note") or _text_of(test, "reason").removeprefix(f"{first['variable']}: "),
    ]
    return tuple(Cell(text=text, sort=text) for text in texts)


def _text_of(row: Row, column: str) -> str:
    text = row.get(column)
    return text if isinstance(text, str) else ""
