"""Partial correlations of measures with clinical variables."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from npsle_app.cohort.estimators.partial_correlation import (
    Method,
    partial_correlation,
    permute_correlation,
)
from npsle_app.cohort.estimators.two_sample import is_symmetric
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import transform_outcome
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import Covariates, take_covariates
from npsle_app.cohort.study.populations import explain_empty, members
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

METHODS: tuple[Method, ...] = ("pearson", "spearman")
_COLUMNS = ["population", "measure", "label", "clinical", "clinical_label", "method"]
_COLUMNS += ["quoted", "transform", "covariates", "n", "missing", "df", "r", "low", "high", "p"]
_FEW_FREEDOM = 10  # below, p is that of a permutation of the residuals
LN = "ln"


def correlate(cohort: Cohort) -> pd.DataFrame:
    """Correlate each measure with each clinical variable, covariates taken away.

    Each pair takes those who have both and all covariates (`n`); `missing` counts the others
    of the population. Pearson's and Spearman's stand in rows of their own; `quoted` says which
    of them counts: Spearman's if one of the two is skewed in the population by the rule of
    Table 1, which looks at each variable alone and not at what goes with it. Outcomes of the
    regressions that enter as logarithms do so here.
    """
    study = cohort.study
    asked = study.correlations
    population = study.populations[asked.population]
    people = cohort.frame[members(cohort.frame, population=population)]
    rows = [
        row
        for measure in expand(asked.measures, cohort=cohort)
        for clinical in asked.clinical
        for row in _correlate_pair(cohort, people, (measure, clinical))
    ]
    rows.sort(key=lambda row: METHODS.index(row["method"]))
    return pd.DataFrame(rows, columns=[*_COLUMNS, "status", "reason", "note"])


def _correlate_pair(
    cohort: Cohort, people: pd.DataFrame, pair: tuple[str, str]
) -> Iterator[dict[str, Any]]:
    """Correlate by each method; those who have all columns are the same for all."""
    study = cohort.study
    names = tuple(name for name in study.correlations.covariates if name not in pair)
    wanted = dict.fromkeys((*pair, *names, *study.adjusts_for))
    rows = people[[name for name in wanted if name in people]]
    taken: Covariates | str
    try:
        if rows.empty:
            population = study.populations[study.correlations.population]
            raise ValueError(explain_empty(cohort, population=population))  # noqa: TRY301
        rows = _take_logarithms(rows, pair, study)
        taken = take_covariates(
            cohort, rows=rows, names=names, needed=pair, acquisition=study.adjusts_for
        )
        _refuse_levels_and_constants(rows.loc[taken.rows, list(pair)])
    except ValueError as error:
        taken = str(error)
    quoted = choose_method(rows, pair)
    for method in METHODS:
        told = _describe(study, pair, names, method) | {
            "quoted": "yes" if method == quoted else "no"
        }
        yield told | _correlate(rows, pair, taken, method)


def choose_method(rows: pd.DataFrame, pair: tuple[str, str]) -> Method:
    """Choose ranks where one of two variables is skewed, by its own values alone."""
    for name in pair:
        if name in rows and pd.api.types.is_numeric_dtype(rows[name]):
            values = rows[name].dropna().to_numpy(dtype=float)
            if not is_symmetric([values]):
                return "spearman"
    return "pearson"


def _take_logarithms(rows: pd.DataFrame, pair: tuple[str, str], study: Study) -> pd.DataFrame:
    logged = {
        name: pd.Series(transform_outcome(known, study=study)[0], index=known.index)
        for name in pair
        if name in study.regressions.ln_outcomes and name in rows
        for known in [rows[name].dropna()]
    }
    return rows.assign(**{name: values.reindex(rows.index) for name, values in logged.items()})


def _describe(
    study: Study, pair: tuple[str, str], names: tuple[str, ...], method: Method
) -> dict[str, Any]:
    measure, clinical = pair
    logged = [name for name in pair if name in study.regressions.ln_outcomes]
    return {
        "population": study.correlations.population,
        "measure": measure,
        "label": describe_column(measure).label,
        "clinical": clinical,
        "clinical_label": describe_column(clinical).label,
        "method": method,
        "transform": f"{LN}({', '.join(logged)})" if logged else "none",
        "covariates": ", ".join(names),
    }


def _correlate(
    rows: pd.DataFrame, pair: tuple[str, str], taken: Covariates | str, method: Method
) -> dict[str, Any]:
    try:
        if isinstance(taken, str):
            raise ValueError(taken)  # noqa: TRY004, TRY301
        x, y = (rows.loc[taken.rows, name].to_numpy(dtype=float) for name in pair)
        found = partial_correlation(x, y=y, covariates=taken.matrix, method=method)
        few = found.df < _FEW_FREEDOM
        p = permute_correlation(x, y=y, covariates=taken.matrix, method=method) if few else found.p
    except ValueError as error:
        reason = f"{pair[0]} × {pair[1]}: {error}"
        return {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    notes = [f"constant and left out: {', '.join(taken.constant)}"] if taken.constant else []
    notes += taken.notes
    if few:
        notes.append(f"{found.df} degrees of freedom: p by permutation, limits are not to be read")
    return asdict(found) | {
        "p": p,
        "covariates": ", ".join(taken.used),
        "missing": len(rows) - found.n,
        "status": ESTIMATED,
        "reason": "",
        "note": "; ".join(notes),
    }


def _refuse_levels_and_constants(pair: pd.DataFrame) -> None:
    for name in pair:
        if not pd.api.types.is_numeric_dtype(pair[name]):
            msg = f"{name} holds levels, not numbers"
            raise ValueError(msg)
        if (pair[name] == pair[name].iloc[0]).all():
            msg = f"{name} is constant ({pair[name].iloc[0]:g})"
            raise ValueError(msg)
