"""Who enters which analysis, and why the others do not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import PRIMARY, SECONDARY, list_models
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.populations import explain_empty, find_members

CLASSIFIER = "classifier"
COLUMNS = ["analysis", "what", "population", "population_label", "n", "enters", "why_not"]


def count_exclusions(cohort: Cohort) -> pd.DataFrame:
    """Count the participants by the reason why they are left out of everything.

    Returns
    -------
    DataFrame
        `reason`, `n` and `participants` (comma-separated), most frequent first.
    """
    left_out = cohort.frame[cohort.frame[EXCLUDED].notna()]
    rows = [
        (reason, len(people), ", ".join(people["participant_id"]))
        for reason, people in left_out.groupby(EXCLUDED)
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["reason", "n", "participants"])


def tell_who_enters(cohort: Cohort) -> pd.DataFrame:
    """Say per analysis and population how many enter and which columns the others lack.

    A participant who lacks several columns is counted under each of them in `why_not`. Of the
    classifier all enter: it imputes missing predictors inside its folds, and leaves out those
    that no table has.
    """
    study = cohort.study
    sides = {
        name: _Side(
            inside=inside.to_numpy(),
            why_empty=""
            if inside.any()
            else explain_empty(cohort, population=study.populations[name]),
        )
        for name, inside in find_members(cohort).items()
    }
    missing = {str(name): cohort.frame[name].isna().to_numpy() for name in cohort.frame}
    rows = [
        {"analysis": analysis, "what": what, "population": name}
        | {"population_label": study.label(name)}
        | _count(analysis, cohort, sides[name], columns=columns, missing=missing)
        for analysis, what, populations, columns in _list_analyses(cohort)
        for name in populations
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A population: (n,) who is in it; if no one, why."""

    inside: Bools
    why_empty: str


_Asked = tuple[str, str, tuple[str, ...], tuple[str, ...]]  # analysis, what, populations, columns


def _list_analyses(cohort: Cohort) -> Iterator[_Asked]:
    study = cohort.study
    for names in study.comparisons:
        for variable in study.table1.variables:
            yield "table1", variable, names, (variable,)
    for measure in expand(study.group_tests.measures, cohort=cohort):
        yield "group_tests", measure, study.groups, (measure,)
    asked = study.correlations
    for measure in expand(asked.measures, cohort=cohort):
        for clinical in asked.clinical:
            columns = tuple(dict.fromkeys((measure, clinical, *asked.covariates)))
            yield "correlations", f"{measure} × {clinical}", (asked.population,), columns
    yield from _list_regressions(cohort)
    if study.classifier.contrast and study.classifier.predictors:
        contrast = study.contrast(study.classifier.contrast)
        sides = (contrast.against, contrast.group)
        yield CLASSIFIER, contrast.label, sides, study.classifier.predictors


def _list_regressions(cohort: Cohort) -> Iterator[_Asked]:
    study = cohort.study
    for contrast in study.contrasts:
        sides = (contrast.against, contrast.group)
        for measure in expand(study.regressions.outcomes, cohort=cohort):
            for model in list_models(study, measure=measure):
                if model.name in (PRIMARY, SECONDARY):
                    what = f"{measure}, {contrast.label}, {model.name}"
                    yield "regressions", what, sides, (measure, *model.covariates)


def _count(
    analysis: str,
    cohort: Cohort,
    side: _Side,
    *,
    columns: tuple[str, ...],
    missing: Mapping[str, Bools],
) -> dict[str, object]:
    n = int(side.inside.sum())
    if not n:
        return {"n": 0, "enters": 0, "why_not": side.why_empty}
    absent = {name: why for name in columns if (why := cohort.find_absence(name))}
    lacking = {name: missing[name] & side.inside for name in columns if name not in absent}
    if analysis == CLASSIFIER:
        return {"n": n, "enters": n, "why_not": _tell_imputed(columns, absent, lacking)}
    if absent:
        return {"n": n, "enters": 0, "why_not": "; ".join(absent.values())}
    holes = [f"{count} without {name}" for name, gone in lacking.items() if (count := gone.sum())]
    anything = np.any(list(lacking.values()), axis=0)
    return {"n": n, "enters": n - int(anything.sum()), "why_not": ", ".join(holes)}


def _tell_imputed(
    columns: tuple[str, ...],
    absent: Mapping[str, str],
    lacking: Mapping[str, Bools],
) -> str:
    told = []
    for name in columns:
        if name in absent:
            told.append(f"{absent[name]}: no predictor")
        elif count := int(lacking[name].sum()):
            told.append(f"{count} without {name}: imputed")
    return ", ".join(told)
