"""Partial correlations of measures with clinical variables."""

from dataclasses import asdict

import pandas as pd

from npsle_app.cohort.assembly import Cohort
from npsle_app.cohort.columns import describe_column
from npsle_app.cohort.designs import take_covariates
from npsle_app.cohort.group_tests import ESTIMATED, NOT_ESTIMABLE, expand
from npsle_app.cohort.partial_correlation import Method, partial_correlation
from npsle_app.cohort.populations import explain_empty, members, take
from npsle_app.cohort.study import Study

METHODS: tuple[Method, ...] = ("pearson", "spearman")
_COLUMNS = ["population", "measure", "label", "clinical", "clinical_label", "method"]
_COLUMNS += ["covariates", "n", "missing", "df", "r", "low", "high", "p"]


def correlate(cohort: Cohort, *, study: Study) -> pd.DataFrame:
    """Correlate each measure with each clinical variable, covariates taken away.

    Each pair takes those who have both and all covariates (`n`); `missing` counts the others
    of the population. Pearson's and Spearman's stand in rows of their own.
    """
    asked = study.correlations
    population = study.populations[asked.population]
    inside = members(cohort.frame, population=population)
    rows = [
        _correlate(cohort, study, inside, (measure, clinical), method)
        for method in METHODS
        for measure in expand(asked.measures, cohort=cohort)
        for clinical in asked.clinical
    ]
    return pd.DataFrame(rows, columns=[*_COLUMNS, "status", "reason", "note"])


def _correlate(
    cohort: Cohort, study: Study, inside: pd.Series, pair: tuple[str, str], method: Method
) -> dict[str, object]:
    measure, clinical = pair
    population = study.populations[study.correlations.population]
    names = tuple(name for name in study.correlations.covariates if name not in (measure, clinical))
    rows = take(cohort.frame, inside=inside, columns=(measure, clinical, *names))
    told: dict[str, object] = {
        "population": population.name,
        "measure": measure,
        "label": describe_column(measure).label,
        "clinical": clinical,
        "clinical_label": describe_column(clinical).label,
        "method": method,
        "covariates": ", ".join(names),
    }
    try:
        if rows.empty:
            raise ValueError(explain_empty(cohort, population=population))  # noqa: TRY301
        taken = take_covariates(cohort, rows=rows, names=names, needed=(measure, clinical))
        values = rows.loc[taken.rows, [measure, clinical]]
        _refuse_levels_and_constants(values)
        found = partial_correlation(
            values[measure].to_numpy(dtype=float),
            y=values[clinical].to_numpy(dtype=float),
            covariates=taken.matrix,
            method=method,
        )
    except ValueError as error:
        reason = f"{measure} × {clinical}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    left_out = ", ".join(taken.constant)
    return (
        told
        | asdict(found)
        | {
            "missing": len(rows) - found.n,
            "status": ESTIMATED,
            "reason": "",
            "note": f"constant and left out: {left_out}" if left_out else "",
        }
    )


def _refuse_levels_and_constants(pair: pd.DataFrame) -> None:
    for name in pair:
        if not pd.api.types.is_numeric_dtype(pair[name]):
            msg = f"{name} holds levels, not numbers"
            raise ValueError(msg)
        if (pair[name] == pair[name].iloc[0]).all():
            msg = f"{name} is constant ({pair[name].iloc[0]:g})"
            raise ValueError(msg)
