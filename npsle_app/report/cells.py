"""How one number of a study's table is written: decimals, intervals, p-values."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsle_app.cohort.study.table_columns import heading
from npsle_app.formatting import (
    NOT_AVAILABLE,
    decimals_for,
    format_interval,
    format_number,
    format_p,
)

Row = Mapping[Hashable, Any]
PLACES = "decimals"  # no column of a table: decimals of what has the unit of a measure
_OF_MEASURE = ("mean", "sd", "median")
# effect sizes and statistics on scales of their own
_FIXED = {"h": 2, "z": 2, "epsilon2": 2, "delta": 2, "r": 2, "partial_r2": 3, "detectable": 2}
ROBUST = "b_hc3"  # no column of a table: B with its robust limits
_P_VALUES = (
    *("p", "q", "p_hc3", "q_hc3", "p_bonferroni", "p_holm", "p_paper", "p_recommended"),
    *("permutation_p", "schoenfeld_p"),
)
_COUNTS = (
    *("n", "missing", "df", "n_against", "n_group", "enters", "count", "visits", "pairs"),
    *("worsened", "improved", "stable", "events", "at_risk", "followed", "sites", "regions"),
    *("n_assessed", "n_deviations"),
)
_INTERVALS = {
    "epsilon2": ("low", "high"),
    "delta": ("delta_low", "delta_high"),
    "r": ("low", "high"),
    "b": ("low", "high"),
    ROBUST: ("low_hc3", "high_hc3"),
    "ratio": ("ratio_low", "ratio_high"),
    "median": ("median_low", "median_high"),
    "irr": ("irr_low", "irr_high"),
    "std_b": ("std_low", "std_high"),
    "hazard_ratio": ("hr_low", "hr_high"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell, and what it is sorted by (`n/a`: last)."""

    text: str
    sort: str


def head_column(column: str) -> str:
    """Return what stands above a column, with the interval if its cells have one."""
    if column == ROBUST:
        return "B (95 % CI), HC3"
    return f"{heading(column)} (95 % CI)" if column in _INTERVALS else heading(column)


def make_cell(row: Row, column: str) -> Cell:
    """Format a cell; a value with limits gets its interval."""
    value = row["b" if column == ROBUST else column]
    if isinstance(value, str):
        text = "" if column == "unit" and value == "1" else value
        return Cell(text=text, sort=text)
    if pd.isna(value):
        return Cell(text=NOT_AVAILABLE, sort=NOT_AVAILABLE)
    return Cell(text=_write(row, column, float(value)), sort=f"{value:.10g}")


def _write(row: Row, column: str, value: float) -> str:
    if column in _P_VALUES:
        return format_p(value)
    if column in _COUNTS:
        return f"{value:.0f}"
    decimals = _FIXED.get(column)
    if column in _OF_MEASURE and PLACES in row:
        decimals = int(row[PLACES])
    if limits := _INTERVALS.get(column):
        low, high = (float(row[name]) for name in limits)
        places = _decimals(high - low) if decimals is None else decimals
        return format_interval(value, low, high, decimals=places)
    return format_number(value, decimals=_decimals(value) if decimals is None else decimals)


def _decimals(spread: float) -> int:
    return decimals_for(abs(spread) / 4)
