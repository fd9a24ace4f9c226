"""The tables of a study's analyses as readers see them: chosen columns, formatted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from npsle_app.bids.tables import read_table
from npsle_app.cohort.statistics.group_tests import ESTIMATED
from npsle_app.formatting import NOT_AVAILABLE, decimals_for, format_number, format_p
from npsle_app.report.cells import PLACES, ROBUST, Cell, Row, head_column, make_cell

_REGRESSION = ("contrast_label", "label", "unit", "model", "n", "b", "p", ROBUST, "p_hc3", "q_hc3")
# those not named here show all their columns
_SHOWN: dict[str, tuple[str, ...]] = {
    "exclusions": ("reason", "n", "participants"),
    "entering": ("analysis", "what", "population_label", "n", "enters", "why_not"),
    "group_description": ("label", "unit", "group_label", "n", "missing", "mean", "sd", "median"),
    "kruskal_wallis": ("label", "n", "h", "df", "p", "q", "epsilon2", "note"),
    "dunn": ("label", "group_label", "against_label", "z", "p", "p_bonferroni", "p_holm", "delta"),
    "correlations": ("label", "clinical_label", "method", "n", "df", "r", "p", "q"),
    "regressions": (*_REGRESSION, "ratio", "partial_r2", "detectable_b"),
    "power": ("label", "n", "n_against", "effect", "detectable"),
    "deviation_groups": (
        *(
            "population_label",
            "n",
            "mean",
            "sd",
            "median_count",
            "zeros",
            "expected",
            "expected_low",
        ),
        "expected_high",
    ),
    "deviation_counts": (
        *("participant_id", "session_id", "n_assessed", "n_deviations", "n_expected"),
        *("expected_low", "expected_high", "risk", "reason"),
    ),
    "deviation_comparisons": (
        *("contrast_label", "method", "covariates", "n_group", "n_against", "mean_group"),
        *("mean_against", "irr", "p", "permutation_p", "dispersion", "poisson_overdispersion"),
    ),
    "deviation_prevalence": (
        *("contrast_label", "region_label", "n_group", "percent_group", "n_against"),
        *("percent_against", "odds_ratio", "p", "q"),
    ),
    "deviation_associations": (
        *("score_label", "predictor_label", "design", "effect", "model", "n", "visits", "b"),
        *("boot_low", "boot_high", "std_b", "p", "q", "note"),
    ),
    "deviation_transitions": (
        *("population_label", "region_label", "n", "pairs", "worsened", "improved", "stable"),
        *("share_visits", "entropy_bits"),
    ),
    "survival": ("risk", "time", "at_risk", "events", "survival", "low", "high"),
    "cox": (
        *("variable", "n", "events", "hazard_ratio", "p", "schoenfeld_p", "concordance"),
        *("concordance_corrected", "events_per_variable", "note"),
    ),
}
_MISSING = ("n/a", "")
_HIDDEN = ("analysis_frame", "table1_tests")
MOST_ROWS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """A table on the page; `left_out` rows are in the file at `path` alone."""

    name: str
    path: str
    title: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def read_tables(
    output_dir: Path, *, tables: Mapping[str, str], titles: Mapping[str, str], mode: str
) -> list[ShownTable]:
    """Read the tables of an analysis, by name → path from the output; those there are."""
    shown = []
    for name, path in tables.items():
        if name in _HIDDEN or not (output_dir / path).is_file():
            continue
        table = read_table(output_dir / path, missing=_MISSING)
        if name == "table1":
            tests = read_table(output_dir / tables["table1_tests"], missing=_MISSING)
            shown += lay_out_table1(table, tests=tests, path=path, mode=mode)
        else:
            title = titles.get(name, name.replace("_", " "))
            shown.append(lay_out(table, name=name, title=title, path=path))
    return [table for table in shown if table.rows]


def lay_out(table: pd.DataFrame, *, name: str, title: str, path: str) -> ShownTable:
    """Choose and format columns; rows that are not estimable are left to the reasons."""
    if "status" in table:
        table = table[table["status"] == ESTIMATED]
    if name == "group_description":
        table = _tidy_description(table)
    wanted = _SHOWN.get(name, tuple(table.columns))
    columns = [c for c in wanted if c == ROBUST or (c in table and not table[c].isna().all())]
    rows = tuple(
        tuple(make_cell(row, column) for column in columns)
        for row in table.head(MOST_ROWS).to_dict("records")
    )
    numeric = (c == ROBUST or pd.api.types.is_numeric_dtype(table[c]) for c in columns)
    return ShownTable(
        name=name,
        path=path,
        title=title,
        headings=tuple(head_column(column) for column in columns),
        numeric=tuple(numeric),
        rows=rows,
        left_out=max(len(table) - MOST_ROWS, 0),
    )


def _tidy_description(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out measures and groups that nobody has; one number of decimals per measure."""
    empty = table.groupby("measure")["n"].transform("sum") == 0
    kept = table[~empty & (table["n"] + table["missing"] > 0)]
    return kept.assign(**{PLACES: kept.groupby("measure")["sd"].transform("max").map(decimals_for)})


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
        title=f"Characteristics: {' v '.join(populations)}",
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
