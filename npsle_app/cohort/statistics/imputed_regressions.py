"""The linear models again with missing covariates imputed several times."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.imputation import impute, pool
from npsle_app.cohort.estimators.linear_model import LinearFit, fit_linear
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import (
    COLUMNS,
    PRIMARY,
    SECONDARY,
    Model,
    Sides,
    list_models,
    list_sides,
    take_sides,
    transform_outcome,
)
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import encode, take_covariates
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE


def regress_imputed(cohort: Cohort, *, rng: np.random.Generator) -> pd.DataFrame:
    """Fit the primary and secondary models with imputed covariates; Rubin's rules pool them.

    Covariates are imputed from each other, the contrast and the outcome; those without the
    outcome itself are left out (von Hippel 2007). Without imputation in the study there are
    no rows.
    """
    study = cohort.study
    if not study.imputation.datasets:
        return pd.DataFrame(columns=COLUMNS)
    rows = [
        _regress(cohort, sides, measure, model, rng)
        for sides in list_sides(cohort)
        for measure in expand(study.regressions.outcomes, cohort=cohort)
        for model in _models(study, measure)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _models(study: Study, measure: str) -> Iterator[Model]:
    models = list_models(study, measure=measure)
    asked = (PRIMARY, SECONDARY)
    return (model for model in models if model.name in asked)


def _regress(
    cohort: Cohort,
    sides: Sides,
    measure: str,
    model: Model,
    rng: np.random.Generator,
) -> dict[str, object]:
    study = cohort.study
    contrast, column = sides.contrast, describe_column(measure)
    name = f"{model.name}, imputed"
    told: dict[str, object] = {
        "contrast": contrast.name,
        "contrast_label": contrast.label,
        "measure": measure,
        "label": column.label,
        "unit": column.unit,
        "model": name,
        "covariates": ", ".join(model.covariates),
    }
    try:
        columns = (measure, *model.covariates, *model.acquisition)
        side, rows = take_sides(cohort, sides=sides, columns=columns)
        for needed in (measure, *model.covariates):
            if absence := cohort.find_absence(needed):
                raise ValueError(absence)  # noqa: TRY301 - told in the row, as all other reasons
        rows = rows[rows[measure].notna()]
        group = side[rows.index].to_numpy()
        outcome, transform, n_zero = transform_outcome(rows[measure], study=study)
        scanned = take_covariates(
            cohort,
            rows=rows,
            names=(),
            needed=(measure,),
            acquisition=model.acquisition,
            apart=side,
        )
        told["covariates"] = ", ".join((*model.covariates, *scanned.used))
        values = np.column_stack([group, outcome, _encode(rows, model.covariates), scanned.matrix])
        n_imputed = int(np.isnan(values).any(axis=1).sum())
        fits = _fit_each(values, study, rng)
    except ValueError as error:
        reason = f"{measure}, {contrast.label}, {name}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    counts = {
        "transform": transform,
        "n": len(rows),
        "n_group": int(group.sum()),
        "n_against": int((1 - group).sum()),
        "missing": len(side) - len(rows),
        "n_zero": n_zero,
    }
    note = f"{len(fits)} data sets; covariates of {n_imputed} participants were imputed"
    return told | counts | _pooled_columns(fits, transform) | {"note": note}


def _fit_each(values: Floats, study: Study, rng: np.random.Generator) -> list[LinearFit]:
    filled = impute(
        values,
        datasets=study.imputation.datasets,
        iterations=study.imputation.iterations,
        rng=rng,
    )
    return [fit_linear(one[:, 1], design=np.delete(one, 1, axis=1)) for one in filled]


def _encode(rows: pd.DataFrame, names: tuple[str, ...]) -> Floats:
    """Turn covariates into numbers, missing where they are; levels of more than two are refused."""
    columns = []
    for name in names:
        known = rows[name].dropna()
        coded = encode(known)
        if len(coded) > 1:
            msg = f"{name} has more than two levels, which are not imputed"
            raise ValueError(msg)
        columns += [
            pd.Series(numbers, index=known.index).reindex(rows.index).to_numpy()
            for numbers in coded.values()
        ]
    return np.column_stack(columns) if columns else np.empty((len(rows), 0))


def _pooled_columns(fits: list[LinearFit], transform: str) -> dict[str, object]:
    estimates = [fit.estimate for fit in fits]
    df = float(fits[0].df)
    classic = pool(estimates, errors=[fit.classic.se for fit in fits], df_complete=df)
    robust = pool(estimates, errors=[fit.hc3.se for fit in fits], df_complete=df)
    limits = (classic.estimate, classic.low, classic.high, robust.low, robust.high)
    ratios = np.exp(limits) if transform.startswith("ln") else np.full(5, np.nan)
    spread = float(np.mean([fit.residual_sd for fit in fits]))
    return {
        "df": classic.df,
        "b": classic.estimate,
        "se": classic.se,
        "low": classic.low,
        "high": classic.high,
        "p": classic.p,
        "se_hc3": robust.se,
        "low_hc3": robust.low,
        "high_hc3": robust.high,
        "p_hc3": robust.p,
        "ratio": float(ratios[0]),
        "ratio_low": float(ratios[1]),
        "ratio_high": float(ratios[2]),
        "ratio_low_hc3": float(ratios[3]),
        "ratio_high_hc3": float(ratios[4]),
        "beta": classic.estimate / spread if spread else np.nan,
        "missing_information": classic.missing_information,
        "status": ESTIMATED,
        "reason": "",
    }
