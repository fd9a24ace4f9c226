"""How deviations and disability go together: across people, and over visits."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.deviations import N_DEVIATIONS, Deviations
from npsle_app.cohort.estimators.linear_model import LinearFit
from npsle_app.cohort.estimators.longitudinal import (
    BETWEEN,
    WITHIN,
    associate,
    bootstrap_over_time,
    fit_over_time,
    split_within_between,
)
from npsle_app.cohort.estimators.mixed_model import TIME, fit_mixed
from npsle_app.cohort.statistics.multiple_testing import control_false_discoveries
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import encode
from npsle_app.cohort.study.normative_question import say_region
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.visits import IS_BASELINE, SCAN, YEARS, index_scans
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

ADJUSTED, PUBLISHED = "adjusted", "as published"
ACROSS, OVER_TIME = "across people", "over time"
COUNT_LABEL = "number of deviations"
RISK, RISK_LABEL = "high_risk", "high risk at the baseline"
COLUMNS = [
    *("score", "score_label", "predictor", "predictor_label", "design", "effect", "model"),
    *("covariates", "n", "visits", "b", "low", "high", "p", "std_b", "std_low", "std_high"),
    *("boot_low", "boot_high", "q", "status", "reason", "note"),
]
_EFFECTS = {BETWEEN: "between people", WITHIN: "within people", TIME: "per year"}


def relate_scores(deviations: Deviations, *, samples: int, seed: int) -> pd.DataFrame:
    """Relate each disability score to the number of deviations and to each region's z.

    Across people at baseline: least squares with HC3, adjusted for the covariates; as
    published: without covariates and with equal variances. Over time: a mixed model whose
    effects between and within people stand apart; as published: one effect of both. `std_b`
    is in standard deviations of the score per standard deviation of the predictor, or of its
    part between or within people. q is that
    of all tests of the same kind: counts, or regions, by design, effect and model.

    Parameters
    ----------
    samples
        Bootstrap samples of people for the limits over time, which the model's rest on a
        normal distribution; 0 for none.
    """
    rows = [
        row
        for score in deviations.study.normative.scores
        for row in _relate(deviations, score, samples, seed)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    regional = ~table["predictor"].isin([N_DEVIATIONS, RISK])
    for _, own in table.groupby(["design", "effect", "model", regional], dropna=False):
        table.loc[own.index, "q"] = control_false_discoveries(own["p"].to_numpy(dtype=float))
    return table


def _relate(
    deviations: Deviations, score: str, samples: int, seed: int
) -> Iterator[dict[str, Any]]:
    told = {"score": score, "score_label": describe_column(score).label}
    counted = told | {"predictor": N_DEVIATIONS, "predictor_label": COUNT_LABEL}
    absence = deviations.cohort.find_absence(score)
    if absence and score not in deviations.visits:
        yield counted | {"status": NOT_ESTIMABLE, "reason": absence}
        return
    population = deviations.study.populations[deviations.study.normative.population]
    visits = deviations.visits[members(deviations.visits, population=population)]
    baseline = visits[visits[IS_BASELINE].astype(bool)]
    for model in (ADJUSTED, PUBLISHED):
        yield counted | _across(deviations, baseline, score, N_DEVIATIONS, model)
    over_time = _over_time(deviations, visits, score, N_DEVIATIONS, samples=samples, seed=seed)
    yield from (counted | row for row in over_time)
    yield from (told | row for row in _by_risk(deviations, visits, score))
    yield from (told | row for row in _each_region(deviations, baseline, score))
    yield from (told | row for row in _each_region_over_time(deviations, visits, score))


def _across(
    deviations: Deviations, rows: pd.DataFrame, score: str, predictor: str, model: str
) -> dict[str, Any]:
    names = deviations.study.normative.covariates if model == ADJUSTED else ()
    told = {"design": ACROSS, "effect": "", "model": model, "covariates": ", ".join(names)}
    try:
        frame, encoded = _encode(deviations, rows, (score, predictor), names)
        fit = associate(frame, score=score, predictor=predictor, covariates=encoded)
    except ValueError as error:
        return told | {"status": NOT_ESTIMABLE, "reason": str(error)}
    spreads = frame[predictor].astype(float).std() / frame[score].astype(float).std()
    return told | _lay_out(fit, model, spreads)


def _lay_out(fit: LinearFit, model: str, spreads: float) -> dict[str, Any]:
    own = fit.hc3 if model == ADJUSTED else fit.classic
    known = np.isfinite(own.p)
    note = (
        "" if fit.max_cook < 1 else f"one person decides much: Cook's distance {fit.max_cook:.1f}"
    )
    return {
        "n": fit.n,
        "visits": fit.n,
        "b": fit.estimate,
        "low": own.low,
        "high": own.high,
        "p": own.p,
        "std_b": fit.estimate * spreads,
        "std_low": own.low * spreads,
        "std_high": own.high * spreads,
        "status": ESTIMATED if known else NOT_ESTIMABLE,
        "reason": "" if known else "one person alone decides the estimate",
        "note": note,
    }


def _each_region(
    deviations: Deviations, baseline: pd.DataFrame, score: str
) -> Iterator[dict[str, Any]]:
    """Relate the score to each region's z, adjusted."""
    own = deviations.counted[index_scans(deviations.counted).isin(index_scans(baseline))]
    wide = own.pivot_table(index="participant_id", columns="region", values="z", dropna=False)
    joined = baseline.drop(columns=[name for name in wide if name in baseline])
    joined = joined.merge(wide, left_on="participant_id", right_index=True)
    for region in (name for name in deviations.study.normative.counted_regions if name in wide):
        told = {"predictor": region, "predictor_label": f"z of {say_region(region)}"}
        yield told | _across(deviations, joined, score, region, ADJUSTED)


def _each_region_over_time(
    deviations: Deviations, visits: pd.DataFrame, score: str
) -> Iterator[dict[str, Any]]:
    """Relate the score to each region's z over visits; nothing where nobody has two.

    The limits are those of the model: a bootstrap of each region would take an hour.
    """
    if not _is_repeated(visits, score):
        return
    own = deviations.counted
    wide = own.pivot_table(index=list(SCAN), columns="region", values="z", dropna=False)
    joined = visits.drop(columns=[name for name in wide if name in visits])
    joined = joined.merge(wide, left_on=list(SCAN), right_index=True)
    for region in (name for name in deviations.study.normative.counted_regions if name in wide):
        told = {"predictor": region, "predictor_label": f"z of {say_region(region)}"}
        for row in _over_time(deviations, joined, score, region, samples=0, seed=0):
            yield told | row


def _is_repeated(visits: pd.DataFrame, score: str) -> bool:
    if score not in visits:
        return False
    known = visits[visits[score].notna() & visits[YEARS].notna()]
    return bool(known["participant_id"].duplicated().any())


def _by_risk(deviations: Deviations, visits: pd.DataFrame, score: str) -> Iterator[dict[str, Any]]:
    """Relate the score over visits to the risk at the baseline: its level, and its course."""
    if not _is_repeated(visits, score):
        return
    told = {"predictor": RISK, "predictor_label": RISK_LABEL, "design": OVER_TIME}
    names = deviations.study.normative.covariates
    told |= {"model": ADJUSTED, "covariates": ", ".join(names)}
    first = visits[visits[IS_BASELINE].astype(bool)].set_index("participant_id")["risk"]
    high = visits["participant_id"].map(first).map({"high": 1.0, "low": 0.0})
    try:
        timed = _at_first_age(_complete_time(visits.assign(**{RISK: high.astype(float)})))
        frame, encoded = _encode(deviations, timed, (score, RISK), names)
        frame = frame.assign(participant_id=timed["participant_id"], time=timed[YEARS]).dropna()
        level = fit_mixed(frame, score=score, fixed=[RISK, TIME, *encoded])
        product = frame.assign(course=frame[RISK] * frame[TIME])
        course = fit_mixed(product, score=score, fixed=["course", RISK, TIME, *encoded])
    except ValueError as error:
        yield told | {"effect": "", "status": NOT_ESTIMABLE, "reason": str(error)}
        return
    spread = float(frame[score].std())
    for fit, name, effect in (
        (level, RISK, _EFFECTS[BETWEEN]),
        (course, "course", "per year, high against low"),
    ):
        values = frame[RISK] if name == RISK else product["course"]
        row = _take_effect(fit.effects, name, float(values.std()) / spread)
        yield (
            told
            | row
            | {
                "effect": effect,
                "n": fit.people,
                "visits": fit.visits,
                "note": fit.note,
            }
        )


def _over_time(
    deviations: Deviations,
    visits: pd.DataFrame,
    score: str,
    predictor: str,
    *,
    samples: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    told = {"design": OVER_TIME, "effect": "", "model": ADJUSTED}
    names = deviations.study.normative.covariates
    try:
        timed = _at_first_age(_complete_time(visits))
        frame, encoded = _encode(deviations, timed, (score, predictor), names)
        frame = frame.assign(participant_id=timed["participant_id"], time=timed[YEARS])
        fit = fit_over_time(frame, score=score, predictor=predictor, covariates=encoded)
        limits = bootstrap_over_time(
            frame.dropna(),
            fit=fit,
            score=score,
            predictor=predictor,
            covariates=encoded,
            samples=samples,
            seed=seed,
        )
    except ValueError as error:
        yield told | {"status": NOT_ESTIMABLE, "reason": str(error)}
        return
    sizes = {"n": fit.people, "visits": fit.visits, "covariates": ", ".join(names)}
    spreads = _spread(frame, score, predictor)
    for effect in (BETWEEN, WITHIN, TIME):
        low, high = limits.get(effect, (np.nan, np.nan))
        row = _take_effect(fit.effects, effect, spreads[effect])
        row |= {"boot_low": low, "boot_high": high, "note": fit.note}
        yield told | sizes | row | {"effect": _EFFECTS[effect]}
    yield _as_published(frame, score, predictor, spreads[predictor])


def _spread(frame: pd.DataFrame, score: str, predictor: str) -> dict[str, float]:
    """Return the standard deviation of each part of the predictor over that of the score."""
    split = split_within_between(frame.dropna(), predictor=predictor)
    whole = float(split[score].std())
    parts = (BETWEEN, WITHIN, predictor)
    return {name: float(split[name].std()) / whole for name in parts} | {TIME: np.nan}


def _as_published(
    frame: pd.DataFrame, score: str, predictor: str, spreads: float
) -> dict[str, Any]:
    told = {"design": OVER_TIME, "effect": "both together", "model": PUBLISHED, "covariates": ""}
    try:
        fit = fit_mixed(frame.dropna(), score=score, fixed=[predictor])
    except ValueError as error:
        return told | {"status": NOT_ESTIMABLE, "reason": str(error)}
    row = _take_effect(fit.effects, predictor, spreads)
    return told | row | {"n": fit.people, "visits": fit.visits, "note": fit.note}


def _take_effect(effects: pd.DataFrame, name: str, spreads: float) -> dict[str, Any]:
    row = effects.set_index("variable").loc[name]
    return {
        "b": row["b"],
        "low": row["low"],
        "high": row["high"],
        "p": row["p"],
        "std_b": row["b"] * spreads,
        "std_low": row["low"] * spreads,
        "std_high": row["high"] * spreads,
        "status": ESTIMATED,
        "reason": "",
    }


def _complete_time(visits: pd.DataFrame) -> pd.DataFrame:
    repeated = visits["participant_id"].duplicated(keep=False)
    if not repeated.any():
        msg = "no one has two sessions with a score"
        raise ValueError(msg)
    if visits.loc[repeated, YEARS].isna().all():
        msg = "the time between sessions is not known: give acq_time or age in sub-*_sessions.tsv"
        raise ValueError(msg)
    return visits


def _at_first_age(visits: pd.DataFrame) -> pd.DataFrame:
    """Give each visit the age at the baseline: time has an effect of its own."""
    return visits.assign(age=visits["age"].astype(float) - visits[YEARS].astype(float))


def _encode(
    deviations: Deviations, rows: pd.DataFrame, needed: tuple[str, str], names: tuple[str, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the complete rows with numbers for all covariates, and the names of these.

    Raises
    ------
    ValueError
        If a column is not there, holds text where a number is needed, or no row is complete.
    """
    wanted = [name for name in names if name not in needed]
    for name in (*needed, *wanted):
        if name not in rows:
            raise ValueError(deviations.cohort.find_absence(name) or f"no column {name}")
    complete = rows.dropna(subset=[*needed, *wanted])
    if complete.empty:
        msg = f"no one has all of {', '.join((*needed, *wanted))}"
        raise ValueError(msg)
    columns: dict[str, Any] = {}
    for name in needed:
        if not pd.api.types.is_numeric_dtype(complete[name]):
            msg = f"{name} holds texts, not numbers"
            raise ValueError(msg)
        columns[name] = complete[name].to_numpy(dtype=float)
    encoded = {key: one for name in wanted for key, one in encode(complete[name]).items()}
    return pd.DataFrame(columns | encoded, index=complete.index), list(encoded)
