"""Table 1: who the participants are, and how far their groups differ."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.rank_tests import FEW
from npsle_app.cohort.estimators.two_sample import (
    LEAST_FOR_SHAPE,
    Comparison,
    compare_counts,
    compare_numbers,
    is_symmetric,
    standardised_difference,
    standardised_difference_of_shares,
)
from npsle_app.cohort.statistics.group_tests import summarise
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.populations import explain_empty, find_members, members, take
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import (
    ESTIMATED,
    NOT_AVAILABLE,
    NOT_ESTIMABLE,
    decimals_for,
    decimals_for_median,
    format_count,
    format_mean,
    format_median,
)

MEAN_SD, MEDIAN, SHARE = "mean ± SD", "median (10–90 %)", "n (%)"
_PAIR = 2
CELL_COLUMNS = [
    *("comparison", "variable", "label", "unit", "level", "population", "population_label"),
    *("n", "missing", "count", "percent", "mean", "sd", "median", "p10", "p90"),
    *("summary", "shown"),
]
TEST_COLUMNS = [
    *("comparison", "variable", "label", "unit", "summary"),
    *("test_paper", "statistic_paper", "df_paper", "p_paper"),
    *("test_recommended", "statistic_recommended", "df_recommended", "p_recommended"),
    *("standardised_difference", "status", "reason", "note"),
]


def name_comparison(names: Sequence[str]) -> str:
    """Name a comparison after its populations."""
    return " v ".join(names)


def make_table1(cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Describe each variable in each population, and test it between them.

    Returns
    -------
    cells, tests
        `cells` has a row per comparison, variable, level and population, `shown` being what a
        reader sees; `tests` one per comparison and variable, with the test that the papers
        did and the one recommended, and the standardised difference of two populations. A
        population without any value, as controls have no duration of a disease, is left out
        of the test, and `note` says so. Whether mean or median describes a variable is chosen once,
    by all populations together, so that it is described alike in all comparisons.
    """
    study = cohort.study
    symmetric = {name: _is_symmetric(cohort, name) for name in study.table1.variables}
    cells: list[dict[str, object]] = []
    tests: list[dict[str, object]] = []
    for names in study.comparisons:
        rows = {
            name: take(
                cohort.frame,
                inside=members(cohort.frame, population=study.populations[name]),
                columns=study.table1.variables,
            )
            for name in names
        }
        for variable in study.table1.variables:
            more, tested = _describe(cohort, rows, variable, symmetric=symmetric[variable])
            cells += more
            tests.append(tested)
    return pd.DataFrame(cells, columns=CELL_COLUMNS), pd.DataFrame(tests, columns=TEST_COLUMNS)


def _is_symmetric(cohort: Cohort, variable: str) -> bool:
    """Say whether mean and SD describe a variable in every population with 8 values or more."""
    if variable not in cohort.frame or cohort.frame[variable].dtype == object:
        return False
    inside = find_members(cohort)
    names = dict.fromkeys(name for names in cohort.study.comparisons for name in names)
    samples = [cohort.frame.loc[inside[name], variable].dropna() for name in names]
    large = [one.to_numpy(dtype=float) for one in samples if len(one) >= LEAST_FOR_SHAPE]
    return bool(large) and is_symmetric(large)


def _describe(
    cohort: Cohort, rows: dict[str, pd.DataFrame], variable: str, *, symmetric: bool
) -> tuple[list[dict[str, object]], dict[str, object]]:
    study = cohort.study
    column = describe_column(variable)
    told: dict[str, object] = {
        "comparison": name_comparison(list(rows)),
        "variable": variable,
        "label": column.label,
        "unit": column.unit,
    }
    try:
        _refuse_absent(cohort, rows, variable)
        counted = column.kind == "yes_no" or cohort.frame[variable].dtype == object
        make = _count if counted else partial(_measure, symmetric=symmetric)
        cells, tested = make(rows, variable, study)
        lacking = _tell_lacking(rows, variable, study)
        notes = [note for note in (lacking.get("note"), _tell_few(rows, variable)) if note]
        tested |= lacking | ({"note": "; ".join(map(str, notes))} if notes else {})
    except ValueError as error:
        reason = f"{variable}, {told['comparison']}: {error}"
        return [], told | {"status": NOT_ESTIMABLE, "reason": reason}
    return [told | cell for cell in cells], told | tested


def _refuse_absent(cohort: Cohort, rows: dict[str, pd.DataFrame], variable: str) -> None:
    if absence := cohort.find_absence(variable):
        raise ValueError(absence)
    for name, people in rows.items():
        if people.empty:
            raise ValueError(explain_empty(cohort, population=cohort.study.populations[name]))
    if all(people[variable].isna().all() for people in rows.values()):
        msg = "missing for all"
        raise ValueError(msg)


def _tell_lacking(rows: dict[str, pd.DataFrame], variable: str, study: Study) -> dict[str, object]:
    """Say which populations the test leaves out; where only one is left, there is none."""
    seen = [study.label(name) for name in rows if _has_values(rows[name], variable)]
    lacking = [study.label(name) for name in rows if not _has_values(rows[name], variable)]
    if not lacking:
        return {}
    if len(seen) < _PAIR:
        reason = f"{variable}: no values outside {seen[0]}"
        return {"status": NOT_ESTIMABLE, "reason": reason}
    return {"note": f"{' v '.join(seen)} alone: no values in {', '.join(lacking)}"}


def _tell_few(rows: dict[str, pd.DataFrame], variable: str) -> str:
    """Say that a group is too small for what its test rests on elsewhere."""
    sizes = [n for people in rows.values() if (n := int(people[variable].notna().sum()))]
    few = bool(sizes) and min(sizes) < FEW
    return f"fewer than {FEW} in a group: p is exact or permuted, and says little" if few else ""


def _has_values(people: pd.DataFrame, variable: str) -> bool:
    return bool(people[variable].notna().any())


def _count(
    rows: dict[str, pd.DataFrame], variable: str, study: Study
) -> tuple[list[dict[str, object]], dict[str, object]]:
    every = pd.concat([people[variable] for people in rows.values()]).dropna()
    levels = sorted(set(every))
    shown = [1.0] if set(levels) <= {0.0, 1.0} else levels
    table = np.array(
        [[(people[variable] == level).sum() for level in levels] for people in rows.values()]
    )
    cells = []
    for level in shown:
        for name, people in rows.items():
            n, count = int(people[variable].notna().sum()), int((people[variable] == level).sum())
            cells.append(
                _cell(name, people, n, study)
                | {
                    "level": "yes" if level == 1.0 and shown == [1.0] else str(level),
                    "count": count,
                    "percent": 100 * count / n if n else np.nan,
                    "summary": SHARE,
                    "shown": format_count(count, n) if n else NOT_AVAILABLE,
                }
            )
    two = len(rows) == _PAIR
    difference = standardised_difference_of_shares(table[1], table[0]) if two else np.nan
    papers, recommended = (
        _try(partial(compare_counts, table, recommended=done)) for done in (False, True)
    )
    return cells, _test(papers, recommended, difference, SHARE, variable)


def _measure(
    rows: dict[str, pd.DataFrame], variable: str, study: Study, *, symmetric: bool
) -> tuple[list[dict[str, object]], dict[str, object]]:
    samples = [people[variable].dropna().to_numpy(dtype=float) for people in rows.values()]
    compared = [values for values in samples if len(values)]
    places = max((_decimals(values, symmetric=symmetric) for values in compared), default=2)
    cells = [
        _cell(name, people, len(values), study)
        | _summary(values, symmetric=symmetric, decimals=places)
        for (name, people), values in zip(rows.items(), samples, strict=True)
    ]
    # as the papers: the later population minus the first
    two = len(samples) == _PAIR
    difference = standardised_difference(samples[1], samples[0]) if two else np.nan
    compare = partial(compare_numbers, compared, symmetric=symmetric)
    papers = _try(partial(compare, recommended=False))
    recommended = _try(partial(compare, recommended=True))
    kind = MEAN_SD if symmetric else MEDIAN
    return cells, _test(papers, recommended, difference, kind, variable)


def _cell(name: str, people: pd.DataFrame, n: int, study: Study) -> dict[str, object]:
    return {
        "population": name,
        "population_label": study.label(name),
        "n": n,
        "missing": len(people) - n,
    }


def _decimals(values: Floats, *, symmetric: bool) -> int:
    found = summarise(values)
    places = (
        decimals_for(found["sd"])
        if symmetric
        else decimals_for_median(found["median"], found["p10"], found["p90"])
    )
    if (values % 1 != 0).any():
        return places
    whole = not symmetric and all(found[one] % 1 == 0 for one in ("median", "p10", "p90"))
    return 0 if whole else min(places, 1)


def _summary(values: Floats, *, symmetric: bool, decimals: int) -> dict[str, object]:
    found = summarise(values)
    if not len(values):
        shown = NOT_AVAILABLE
    elif symmetric:
        shown = format_mean(found["mean"], found["sd"], decimals=decimals)
    else:
        shown = format_median(found["median"], found["p10"], found["p90"], decimals=decimals)
    kept = ("mean", "sd", "median", "p10", "p90")
    return {name: found[name] for name in kept} | {
        "summary": MEAN_SD if symmetric else MEDIAN,
        "shown": shown,
    }


def _try(compare: Callable[[], Comparison]) -> Comparison | str:
    try:
        return compare()
    except ValueError as error:
        return str(error)


def _test(
    papers: Comparison | str,
    recommended: Comparison | str,
    difference: float,
    summary: str,
    variable: str,
) -> dict[str, object]:
    """Put both tests in one row; a test that cannot be done leaves its reason."""
    row: dict[str, object] = {"summary": summary, "standardised_difference": difference}
    reasons = [found for found in (papers, recommended) if isinstance(found, str)]
    for mode, found in (("paper", papers), ("recommended", recommended)):
        if isinstance(found, Comparison):
            row |= {
                f"test_{mode}": found.name,
                f"statistic_{mode}": found.statistic,
                f"df_{mode}": found.df,
                f"p_{mode}": found.p,
            }
    done = len(reasons) < _PAIR
    reason = f"{variable}: {reasons[0]}" if reasons else ""
    return row | {"status": ESTIMATED if done else NOT_ESTIMABLE, "reason": reason}
