"""Linear models of each outcome on each contrast: primary, secondary and sensitivity."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.linear_model import LinearFit, fit_linear
from npsle_app.cohort.estimators.power import detectable_coefficient
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import Covariates, take_covariates
from npsle_app.cohort.study.populations import explain_empty, find_members, take
from npsle_app.cohort.study.study import Contrast, Study
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

PRIMARY, SECONDARY = "primary", "secondary"
RANKS = "primary, ranks"
LN_FACTOR = 1e6  # keeps logarithms of mL positive, as Inglese 2021 did; moves no B, CI or p
WITHOUT_ACQUISITION = "primary, site and scanner left out"
_RATIO = ("ratio", "ratio_low", "ratio_high", "ratio_low_hc3", "ratio_high_hc3")
_MANY_ZEROS = 0.25  # of the outcomes
COLUMNS = [
    *("contrast", "contrast_label", "measure", "label", "unit", "model", "transform"),
    *("covariates", "n", "n_group", "n_against", "missing", "n_zero", "df"),
    *("b", "se", "low", "high", "p", "se_hc3", "low_hc3", "high_hc3", "p_hc3"),
    *_RATIO,
    *("beta", "partial_r2", "r2", "detectable_b", "vif", "max_vif"),
    "missing_information",
    *("max_cook", "max_cook_participant", "heteroscedasticity_p", "normality_p"),
    *("status", "reason", "note"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One way to ask a question; `extra` covariates make a sensitivity analysis.

    Of a model with an `interaction` the effect is by how much the difference between the sides
    grows per unit of that variable, or from its first level to its second.
    """

    name: str
    covariates: tuple[str, ...]
    extra: tuple[str, ...] = ()
    ranks: bool = False
    interaction: str = ""
    acquisition: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Who is in the group of a contrast, and on either side; or the problem with that."""

    contrast: Contrast
    group: pd.Series
    either: pd.Series
    problem: str


def list_models(study: Study, *, measure: str) -> Iterator[Model]:
    """List the models of an outcome: primary, secondary, one per sensitivity covariate.

    An outcome that enters as a logarithm has a model of its ranks as well, which needs no
    value for zeros.
    """
    asked = study.regressions
    own = tuple(name for name in asked.covariates if name != measure)
    also = study.adjusts_for
    yield Model(name=PRIMARY, covariates=own, acquisition=also)
    if asked.secondary:
        yield Model(name=SECONDARY, covariates=(*own, *asked.secondary), acquisition=also)
    for name in (one for one in asked.sensitivity if one not in also):
        yield Model(name=f"primary + {name}", covariates=own, extra=(name,), acquisition=also)
    if also:
        yield Model(name=WITHOUT_ACQUISITION, covariates=own)
    for name in (one for one in asked.interactions if one != measure):
        names = tuple(dict.fromkeys((*own, name)))
        told = f"primary × {name}"
        yield Model(name=told, covariates=names, interaction=name, acquisition=also)
    if measure in asked.ln_outcomes:
        yield Model(name=RANKS, covariates=own, ranks=True, acquisition=also)


def regress(cohort: Cohort) -> pd.DataFrame:
    """Fit each model of each outcome for each contrast, on the people of that contrast alone.

    B is the difference group minus the population it is compared with, in units of the
    outcome, at equal covariates; `ratio` is exp(B) of outcomes that enter as ln(value × 10⁶).
    `beta` is B over the standard deviation of the residuals, `detectable_b` what the model
    would have found with 80 % power.
    """
    study = cohort.study
    varies = any(name in cohort.frame for name in study.adjusts_for)
    rows = [
        _regress(cohort, sides, measure, model)
        for sides in list_sides(cohort)
        for measure in expand(study.regressions.outcomes, cohort=cohort)
        for model in list_models(study, measure=measure)
        if varies or model.name != WITHOUT_ACQUISITION
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def transform_outcome(
    values: pd.Series, *, study: Study, ranks: bool = False
) -> tuple[Floats, str, int]:
    """Return the outcome as it enters the model, the name of its transform, and its zeros.

    Raises
    ------
    ValueError
        If all values are equal, or one is below zero, which has no logarithm.
    """
    from scipy import stats

    numbers = values.to_numpy(dtype=float)
    if len(numbers) and np.ptp(numbers) == 0:
        msg = f"the outcome is constant ({numbers[0]:g})"
        raise ValueError(msg)
    if ranks:
        return stats.rankdata(numbers), "rank", int((numbers == 0).sum())
    if values.name not in study.regressions.ln_outcomes:
        return numbers, "none", 0
    if (numbers < 0).any():
        msg = f"{values.name} is below 0 ({numbers.min():g}), and has no logarithm"
        raise ValueError(msg)
    filled = np.where(numbers == 0, study.regressions.zero_becomes, numbers)
    return np.log(filled * LN_FACTOR), "ln(value × 10⁶)", int((numbers == 0).sum())


def list_sides(cohort: Cohort) -> Iterator[Sides]:
    """List the contrasts of the study with those who are on either side."""
    study = cohort.study
    inside = find_members(cohort)
    for contrast in study.contrasts:
        group, against = inside[contrast.group], inside[contrast.against]
        problem = ""
        if both := int((group & against).sum()):
            problem = f"{both} participants are on both sides of {contrast.label}"
        for name in (contrast.against, contrast.group):
            if not inside[name].any():
                problem = explain_empty(cohort, population=study.populations[name])
        yield Sides(contrast=contrast, group=group, either=group | against, problem=problem)


def take_sides(
    cohort: Cohort, *, sides: Sides, columns: Iterable[str]
) -> tuple[pd.Series, pd.DataFrame]:
    """Return 1 for the group of a contrast and 0 for the other side, and columns of their rows.

    Raises
    ------
    ValueError
        If a side is empty, or someone is on both.
    """
    if sides.problem:
        raise ValueError(sides.problem)
    rows = take(cohort.frame, inside=sides.either, columns=columns)
    return sides.group[rows.index].astype(float), rows


def _regress(cohort: Cohort, sides: Sides, measure: str, model: Model) -> dict[str, object]:
    study = cohort.study
    contrast = sides.contrast
    column = describe_column(measure)
    told: dict[str, object] = {
        "contrast": contrast.name,
        "contrast_label": contrast.label,
        "measure": measure,
        "label": column.label,
        "unit": column.unit,
        "model": model.name,
        "covariates": ", ".join((*model.covariates, *model.extra)),
    }
    try:
        names = (*model.covariates, *model.extra)
        columns = (measure, *names, *model.acquisition)
        side, rows = take_sides(cohort, sides=sides, columns=columns)
        taken = take_covariates(
            cohort,
            rows=rows,
            names=names,
            needed=(measure,),
            acquisition=model.acquisition,
            apart=side,
        )
        _refuse_constant_extra(taken, model)
        group = side[taken.rows].to_numpy()
        _refuse_small_sides(group, contrast, study)
        values = rows.loc[taken.rows, measure]
        outcome, transform, n_zero = transform_outcome(values, study=study, ranks=model.ranks)
        fit = fit_linear(
            outcome,
            design=_make_design(group, taken, model),
            names=_name_columns(contrast.label, taken, model),
        )
    except ValueError as error:
        reason = f"{measure}, {contrast.label}, {model.name}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    counts = {
        "transform": transform,
        "covariates": ", ".join(taken.used),
        "n_group": int(group.sum()),
        "n_against": int((1 - group).sum()),
        "missing": len(rows) - fit.n,
        "n_zero": n_zero,
        "max_cook_participant": rows.loc[taken.rows[fit.max_cook_row], "participant_id"],
    }
    return (
        told
        | counts
        | _columns_of(fit, study)
        | _ratio(fit, transform)
        | _note(taken, n_zero, study)
    )


def _make_design(group: Floats, taken: Covariates, model: Model) -> Floats:
    columns = [group, taken.matrix]
    if model.interaction:
        places = _find_columns(taken, model.interaction)
        if len(places) != 1:
            msg = f"{model.interaction} has {len(places) + 1} levels here, and needs two or numbers"
            raise ValueError(msg)
        columns.insert(0, group * taken.matrix[:, places[0]])
    return np.column_stack(columns)


def _name_columns(label: str, taken: Covariates, model: Model) -> tuple[str, ...]:
    product = (f"{label} × {model.interaction}",) if model.interaction else ()
    return (*product, label, *taken.names)


def _find_columns(taken: Covariates, name: str) -> list[int]:
    return [
        place
        for place, column in enumerate(taken.names)
        if column == name or column.startswith(f"{name}: ")
    ]


def _columns_of(fit: LinearFit, study: Study) -> dict[str, object]:
    return {
        "n": fit.n,
        "df": fit.df,
        "b": fit.estimate,
        "se": fit.classic.se,
        "low": fit.classic.low,
        "high": fit.classic.high,
        "p": fit.classic.p,
        "se_hc3": fit.hc3.se,
        "low_hc3": fit.hc3.low,
        "high_hc3": fit.hc3.high,
        "p_hc3": fit.hc3.p,
        "beta": fit.estimate / fit.residual_sd if fit.residual_sd else np.nan,
        "partial_r2": fit.partial_r2,
        "r2": fit.r2,
        "detectable_b": detectable_coefficient(fit.classic.se, df=fit.df, alpha=study.alpha),
        "vif": fit.vif,
        "max_vif": fit.max_vif,
        "max_cook": fit.max_cook if np.isfinite(fit.max_cook) else np.nan,
        "heteroscedasticity_p": fit.heteroscedasticity_p,
        "normality_p": fit.normality_p,
        "status": ESTIMATED,
        "reason": "",
    }


def _ratio(fit: LinearFit, transform: str) -> dict[str, float]:
    robust = (fit.hc3.low, fit.hc3.high)
    limits = (fit.estimate, fit.classic.low, fit.classic.high, *robust)
    logged = transform.startswith("ln")
    return dict(zip(_RATIO, (float(np.exp(x)) if logged else np.nan for x in limits), strict=True))


def _note(taken: Covariates, n_zero: int, study: Study) -> dict[str, str]:
    notes = []
    if taken.constant:
        notes.append(f"constant and left out: {', '.join(taken.constant)}")
    if n_zero:
        notes.append(f"{n_zero} zeros became {study.regressions.zero_becomes:g}")
    if n_zero > _MANY_ZEROS * len(taken.rows):
        share = f"{100 * n_zero / len(taken.rows):.0f} % of the outcome is the substitute for zero"
        notes.append(f"{share}: read the model of ranks or of any against none")
    notes += taken.notes
    return {"note": "; ".join(notes)}


def _refuse_constant_extra(taken: Covariates, model: Model) -> None:
    if constant := set(taken.constant) & set(model.extra):
        msg = f"{', '.join(sorted(constant))} has one level here: nothing to adjust for"
        raise ValueError(msg)


def _refuse_small_sides(group: Floats, contrast: Contrast, study: Study) -> None:
    for name, n in ((contrast.group, group.sum()), (contrast.against, (1 - group).sum())):
        if n < 2:
            msg = f"{study.label(name)}: {n:.0f} participants with all columns"
            raise ValueError(msg)
