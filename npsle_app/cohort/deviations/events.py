"""High risk by deviations, and the events that followed."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.deviations import Deviations, risk_rule
from npsle_app.cohort.estimators.cox import CoxFit, correct_concordance, fit_cox
from npsle_app.cohort.estimators.survival import compare_survival, estimate_survival
from npsle_app.cohort.study.covariates import encode
from npsle_app.cohort.study.normative_question import say_region
from npsle_app.cohort.study.populations import members
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

GROUPS = ("low", "high")
UNDECIDED = "not decidable"
HIGH = "high risk"
GROUP_COLUMNS = [
    *("risk", "n", "followed", "events", "time_median", "time_greatest", "status", "reason"),
]
CURVE_COLUMNS = ["risk", "time", "at_risk", "events", "survival", "low", "high"]
COX_COLUMNS = [
    *("variable", "n", "events", "b", "se", "hazard_ratio", "hr_low", "hr_high", "p"),
    *("schoenfeld_rho", "schoenfeld_p", "concordance", "concordance_corrected"),
    *("events_per_variable", "status", "reason", "note"),
]
TEST_COLUMNS = ["test", "chi2", "df", "p", "n", "events", "status", "reason"]
_DAYS_PER_YEAR = 365.25
_FEW_EVENTS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Patients with a risk and a time: (n,) each; `time` in years from the baseline scan."""

    rows: pd.DataFrame
    time: np.ndarray[Any, np.dtype[np.float64]]
    event: np.ndarray[Any, np.dtype[np.bool_]]

    @property
    def risk(self) -> pd.Series:
        """`low` or `high`."""
        return self.rows["risk"]


def follow_up(deviations: Deviations) -> FollowUp:
    """Take the patients whose risk can be decided and whose follow-up is known.

    Raises
    ------
    ValueError
        If a column is not there, a time is below 0, or no one is followed.
    """
    asked = deviations.study.normative
    population = deviations.study.populations[asked.population]
    for name in (asked.time, asked.event):
        if name not in deviations.visits:
            raise ValueError(deviations.cohort.find_absence(name) or f"no column {name}")
    rows = deviations.baseline[members(deviations.baseline, population=population)]
    rows = rows[rows["risk"].isin(GROUPS)].dropna(subset=[asked.time, asked.event])
    if rows.empty:
        msg = f"{population.label}: no one has a risk, {asked.time} and {asked.event}"
        raise ValueError(msg)
    days = pd.to_numeric(rows[asked.time], errors="coerce").to_numpy(dtype=float)
    event = pd.to_numeric(rows[asked.event], errors="coerce").to_numpy(dtype=float)
    if not np.isin(event, (0.0, 1.0)).all():
        msg = f"{asked.event} should hold 1 or 0, yes or no"
        raise ValueError(msg)
    return FollowUp(rows=rows, time=days / _DAYS_PER_YEAR, event=event == 1)


def describe_risk(deviations: Deviations) -> pd.DataFrame:
    """Count patients by risk, and how many of them are followed and had the event."""
    asked = deviations.study.normative
    population = deviations.study.populations[asked.population]
    rows = deviations.baseline[members(deviations.baseline, population=population)]
    try:
        followed, gap = follow_up(deviations), ""
    except ValueError as error:
        followed, gap = None, str(error)
    told = []
    for risk in (*GROUPS, UNDECIDED):
        own = rows["risk"].isna() if risk == UNDECIDED else rows["risk"] == risk
        row: dict[str, Any] = {"risk": risk, "n": int(own.sum())}
        row |= {"status": NOT_ESTIMABLE if gap else ESTIMATED, "reason": gap}
        if followed is not None:
            inside = (followed.risk == risk).to_numpy()
            times = followed.time[inside]
            row |= {"followed": int(inside.sum()), "events": int(followed.event[inside].sum())}
            if len(times):
                row |= {
                    "time_median": float(np.median(times)),
                    "time_greatest": float(times.max()),
                }
        told.append(row)
    return pd.DataFrame(told, columns=GROUP_COLUMNS)


def estimate_curves(deviations: Deviations) -> pd.DataFrame:
    """Estimate the share without the event over years, by risk; empty if no one is followed."""
    try:
        followed = follow_up(deviations)
    except ValueError:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    parts = []
    for risk in GROUPS:
        own = (followed.risk == risk).to_numpy()
        if own.any() and (followed.time[own] > 0).all():
            curve = estimate_survival(followed.time[own], event=followed.event[own])
            parts.append(curve.assign(risk=risk)[CURVE_COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CURVE_COLUMNS)


def compare_curves(deviations: Deviations) -> pd.DataFrame:
    """Compare high and low risk by the log-rank test."""
    told: dict[str, Any] = {"test": "log-rank, high v low risk"}
    try:
        followed = follow_up(deviations)
        test = compare_survival(followed.time, event=followed.event, groups=followed.risk.to_list())
    except ValueError as error:
        gap = told | {"status": NOT_ESTIMABLE, "reason": str(error)}
        return pd.DataFrame([gap], columns=TEST_COLUMNS)
    row = told | {"chi2": test.chi2, "df": test.df, "p": test.p, "n": len(followed.time)}
    row |= {"events": int(followed.event.sum()), "status": ESTIMATED, "reason": ""}
    return pd.DataFrame([row], columns=TEST_COLUMNS)


def regress_hazards(deviations: Deviations, *, samples: int, seed: int) -> pd.DataFrame:
    """Fit Cox regression of the risk, adjusted for the covariates of the study.

    Parameters
    ----------
    samples
        Bootstrap samples that correct Harrell's C for optimism; 0 for none.
    """
    try:
        followed, design = _design(deviations)
        fit = fit_cox(followed.time, event=followed.event, design=design)
        corrected = (
            correct_concordance(
                followed.time, event=followed.event, design=design, samples=samples, seed=seed
            )
            if samples
            else np.nan
        )
    except ValueError as error:
        gap = {"variable": HIGH, "status": NOT_ESTIMABLE, "reason": str(error)}
        return pd.DataFrame([gap], columns=COX_COLUMNS)
    return _lay_out(fit, corrected)


def _design(deviations: Deviations) -> tuple[FollowUp, pd.DataFrame]:
    followed = follow_up(deviations)
    names = deviations.study.normative.covariates
    for name in names:
        if name not in followed.rows:
            raise ValueError(deviations.cohort.find_absence(name) or f"no column {name}")
    whole = followed.rows[list(names)].notna().all(axis=1).to_numpy()
    rows = followed.rows[whole]
    encoded = {key: one for name in names for key, one in encode(rows[name]).items()}
    design = pd.DataFrame({HIGH: (rows["risk"] == "high").astype(float)} | encoded)
    kept = FollowUp(rows=rows, time=followed.time[whole], event=followed.event[whole])
    return kept, design


def _lay_out(fit: CoxFit, corrected: float) -> pd.DataFrame:
    few = fit.events_per_variable < _FEW_EVENTS
    unstable = f"{fit.events_per_variable:.1f} events per variable: unstable below 10"
    table = fit.effects.rename(columns={"low": "hr_low", "high": "hr_high"}).assign(
        n=fit.n,
        events=fit.events,
        concordance=fit.concordance,
        concordance_corrected=corrected,
        events_per_variable=fit.events_per_variable,
        status=ESTIMATED,
        reason="",
    )
    crossing = np.where(table["schoenfeld_p"] < 0.05, "hazards are not proportional", "")
    table["note"] = [
        "; ".join(filter(None, (str(one), unstable if few else ""))) for one in crossing
    ]
    return table[COX_COLUMNS]


def tell_rule(deviations: Deviations) -> str:
    """Return the rule of high risk in words."""
    rule = risk_rule(deviations.study)
    return replace(rule, regions=tuple(map(say_region, rule.regions))).text
