"""Whether measures change otherwise in one group than in another: mixed models of all visits."""

from typing import Any

import pandas as pd

from npsle_app.cohort.estimators.mixed_model import TIME, MixedFit, fit_mixed
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import transform_outcome
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import encode
from npsle_app.cohort.study.populations import explain_empty, members
from npsle_app.cohort.study.study import Contrast, Study
from npsle_app.cohort.study.visits import YEARS, list_visits
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

_LEAST_PEOPLE, _LEAST_REPEATED = 10, 5
_LEAST_FOR_SLOPES = 3  # visits of most people
_GROUP, _BOTH = "in_group", "in_group_by_time"
EFFECTS = {_BOTH: "difference of yearly changes", TIME: "yearly change, against"}
COLUMNS = [
    *("contrast", "contrast_label", "measure", "label", "unit", "transform", "effect", "random"),
    *("covariates", "n", "visits", "b", "se", "low", "high", "p", "status", "reason", "note"),
]


def compare_changes(cohort: Cohort) -> pd.DataFrame:
    """Compare the yearly change of each measure between the sides of each contrast.

    measure = β₀ + group + time + group × time + covariates at the first visit + person, by
    REML; people have slopes of their own where half of them have three visits and such slopes
    can be told from noise. A row per
    effect: the difference of the yearly changes, and that of the population compared with.
    """
    study = cohort.study
    visits = list_visits(cohort)
    if not visits["participant_id"].duplicated().any():
        return pd.DataFrame(columns=COLUMNS)
    rows = [
        row
        for contrast in study.contrasts
        for measure in expand(study.change.measures, cohort=cohort)
        for row in _compare(cohort, visits, contrast, measure)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _compare(
    cohort: Cohort, visits: pd.DataFrame, contrast: Contrast, measure: str
) -> list[dict[str, Any]]:
    column = describe_column(measure)
    told = {
        "contrast": contrast.name,
        "contrast_label": contrast.label,
        "measure": measure,
        "label": column.label,
        "unit": column.unit,
    }
    try:
        frame, transform, used = _take(cohort, visits, contrast, measure)
        counts = frame["participant_id"].value_counts()
        slopes = bool((counts >= _LEAST_FOR_SLOPES).mean() >= 0.5)
        fixed = [_GROUP, TIME, _BOTH, *used]
        fit = fit_mixed(frame, score=measure, fixed=fixed, random_slope=slopes)
        if slopes and fit.note:  # no own slopes can be told: their standard errors would be wrong
            fit = fit_mixed(frame, score=measure, fixed=fixed, random_slope=False)
    except ValueError as error:
        reason = f"{measure}, {contrast.label}: {error}"
        return [told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}]
    told |= {"transform": transform, "covariates": ", ".join(used)}
    return [told | _lay_out(fit, name, effect) for name, effect in EFFECTS.items()]


def _take(
    cohort: Cohort, visits: pd.DataFrame, contrast: Contrast, measure: str
) -> tuple[pd.DataFrame, str, list[str]]:
    """Return the complete visits of both sides with numbers alone.

    Raises
    ------
    ValueError
        If a column is not there, a side is empty, or too few have two visits.
    """
    study = cohort.study
    names = _list_covariates(study, visits, measure)
    if measure not in visits:
        raise ValueError(cohort.find_absence(measure) or f"no column {measure}")
    sides = [
        members(visits, population=study.populations[name])
        for name in (contrast.group, contrast.against)
    ]
    for side, name in zip(sides, (contrast.group, contrast.against), strict=True):
        if not side.any():
            raise ValueError(explain_empty(cohort, population=study.populations[name]))
    own = visits[sides[0] ^ sides[1]]
    own = own.assign(**{_GROUP: sides[0][own.index].astype(float), TIME: own[YEARS]})
    own["age"] = own["age"].astype(float) - own[YEARS].astype(float)
    complete = own.dropna(subset=[measure, TIME, *names])
    counts = complete["participant_id"].value_counts()
    if len(counts) < _LEAST_PEOPLE or int((counts > 1).sum()) < _LEAST_REPEATED:
        msg = (
            f"{len(counts)} people have complete visits with a date and {int((counts > 1).sum())} "
            f"have two or more; needed are {_LEAST_PEOPLE} and {_LEAST_REPEATED}"
        )
        raise ValueError(msg)
    outcome, transform, _ = transform_outcome(complete[measure].astype(float), study=study)
    encoded = {key: one for name in names for key, one in encode(complete[name]).items()}
    frame = pd.DataFrame(
        {
            "participant_id": complete["participant_id"].to_numpy(),
            measure: outcome,
            _GROUP: complete[_GROUP].to_numpy(),
            TIME: complete[TIME].to_numpy(dtype=float),
            **encoded,
        }
    )
    return frame.assign(**{_BOTH: frame[_GROUP] * frame[TIME]}), transform, list(encoded)


def _list_covariates(study: Study, visits: pd.DataFrame, measure: str) -> list[str]:
    return [name for name in study.change.covariates if name in visits and name != measure]


def _lay_out(fit: MixedFit, name: str, effect: str) -> dict[str, Any]:
    row = fit.effects.set_index("variable").loc[name]
    return {
        "effect": effect,
        "random": fit.random,
        "n": fit.people,
        "visits": fit.visits,
        **{key: row[key] for key in ("b", "se", "low", "high", "p")},
        "status": ESTIMATED,
        "reason": "",
        "note": fit.note,
    }
