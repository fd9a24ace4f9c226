"""Outcomes that are yes or no, or numbers of lesions, on each contrast at equal covariates."""

import numpy as np
import pandas as pd

from npsle_app.cohort.estimators.generalised_linear import Ratio, fit_numbers, fit_odds
from npsle_app.cohort.statistics.regressions import Sides, list_sides, take_sides
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import take_covariates
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

ODDS, NUMBERS = "logistic", "negative binomial"
ANY = " > 0"  # after the name of a measure: whether there is any
COLUMNS = [
    *("contrast", "contrast_label", "outcome", "label", "model", "covariates", "n", "n_group"),
    *("n_against", "missing", "with_group", "with_against", "ratio", "ratio_low", "ratio_high"),
    *("p", "dispersion", "status", "reason", "note"),
]


def regress_outcomes(cohort: Cohort) -> pd.DataFrame:
    """Regress each yes-or-no outcome and each number on each contrast.

    `ratio` is the odds ratio, or how many times as many, group over the population it is
    compared with. An outcome that no table has is passed over unless the study file names it.
    """
    asked = cohort.study.outcomes
    wanted = [(name, ODDS) for name in asked.yes_no] + [(name, NUMBERS) for name in asked.numbers]
    rows = [
        _regress(cohort, sides, name, model)
        for name, model in wanted
        if _column(name) in cohort.frame or _column(name) in cohort.study.typed
        for sides in list_sides(cohort)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _column(outcome: str) -> str:
    return outcome.removesuffix(ANY)


def _regress(cohort: Cohort, sides: Sides, outcome: str, model: str) -> dict[str, object]:
    study, contrast, name = cohort.study, sides.contrast, _column(outcome)
    label = describe_column(name).label
    told: dict[str, object] = {
        "contrast": contrast.name,
        "contrast_label": contrast.label,
        "outcome": outcome,
        "label": f"any {label}" if outcome.endswith(ANY) else label,
        "model": model,
        "covariates": ", ".join(study.outcomes.covariates),
    }
    try:
        columns = (name, *study.outcomes.covariates, *study.adjusts_for)
        side, rows = take_sides(cohort, sides=sides, columns=columns)
        taken = take_covariates(
            cohort,
            rows=rows,
            names=study.outcomes.covariates,
            needed=(name,),
            acquisition=study.adjusts_for,
            apart=side,
        )
        y = _read(rows.loc[taken.rows, name], is_any=outcome.endswith(ANY))
        group = side[taken.rows].to_numpy()
        fit = fit_odds if model == ODDS else fit_numbers
        result = fit(y, design=np.column_stack([group, taken.matrix]))
    except ValueError as error:
        reason = f"{outcome}, {contrast.label}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    notes = [f"constant and left out: {', '.join(taken.constant)}"] if taken.constant else []
    counts = {
        "covariates": ", ".join(taken.used),
        "n_group": int(group.sum()),
        "n_against": int((1 - group).sum()),
        "missing": len(rows) - len(y),
        "with_group": int((y[group == 1] > 0).sum()),
        "with_against": int((y[group == 0] > 0).sum()),
        "note": "; ".join([*notes, *taken.notes]),
    }
    return told | counts | _lay_out(result)


def _read(values: pd.Series, *, is_any: bool) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values):
        msg = f"{values.name} holds levels, not numbers"
        raise ValueError(msg)
    numbers = values.to_numpy(dtype=float)
    return (numbers > 0).astype(float) if is_any else numbers


def _lay_out(result: Ratio) -> dict[str, object]:
    known = bool(np.isfinite(result.p))
    return {
        "n": result.n,
        "ratio": result.ratio,
        "ratio_low": result.low,
        "ratio_high": result.high,
        "p": result.p,
        "dispersion": result.dispersion,
        "status": ESTIMATED if known else NOT_ESTIMABLE,
        "reason": "" if known else "one person alone decides the estimate",
    }
