"""Time to an event: Kaplan-Meier, log-rank, and Cox regression with its checks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsle_app.cohort.concordance import concordance

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_NORMAL_975 = 1.959963984540054
_LEAST_EVENTS = 2
_LARGEST_B, _LARGEST_SE = 8.0, 50.0  # of ln hazard per standard deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
    """Log-rank test of k groups: χ² with k − 1 degrees of freedom."""

    chi2: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """A Cox regression.

    Attributes
    ----------
    effects
        One row per variable: `variable`, `b`, `se`, `hazard_ratio`, `low`, `high` (95 %), `p`,
        `schoenfeld_rho` and `schoenfeld_p`: correlation of scaled Schoenfeld residuals with the
        rank of time, and its test; a small p says the hazards are not proportional.
    concordance
        Harrell's C of the linear predictor.
    events_per_variable
        Below 10 estimates are unstable.
    """

    n: int
    events: int
    effects: pd.DataFrame
    concordance: float
    events_per_variable: float


def check_follow_up(time: Floats, *, event: Bools) -> None:
    """Refuse follow-up that cannot be analysed.

    Raises
    ------
    ValueError
        If a time is missing or not above 0, or there are fewer than two events.
    """
    if len(time) != len(event):
        msg = f"{len(time)} times and {len(event)} events"
        raise ValueError(msg)
    if bad := int((~(time > 0)).sum()):
        msg = f"{bad} of {len(time)} follow-up times are missing or not above 0"
        raise ValueError(msg)
    if event.sum() < _LEAST_EVENTS:
        msg = f"{int(event.sum())} of {len(time)} people had the event: too few"
        raise ValueError(msg)


def estimate_survival(time: Floats, *, event: Bools) -> pd.DataFrame:
    """Estimate the share without the event over time by Kaplan and Meier.

    Parameters
    ----------
    time : (n,) array
        From the scan to the event, or to the end of follow-up.
    event : (n,) array
        Whether it ended with the event.

    Returns
    -------
    DataFrame
        `time` (0 and each time of an event), `at_risk`, `events`, `survival`, `low` and `high`
        (95 %, on the scale of ln(−ln)); limits are missing where survival is 1 or 0.
    """
    times = np.unique(time[event])
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    events = np.searchsorted(np.sort(time[event]), times, side="right")
    events = np.diff(np.concatenate([[0], events]))
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        width = _NORMAL_975 * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    inside = (survival > 0) & (survival < 1)
    return pd.DataFrame(
        {
            "time": np.concatenate([[0.0], times]),
            "at_risk": np.concatenate([[len(time)], at_risk]).astype(int),
            "events": np.concatenate([[0], events]).astype(int),
            "survival": np.concatenate([[1.0], survival]),
            "low": np.concatenate([[np.nan], np.where(inside, low, np.nan)]),
            "high": np.concatenate([[np.nan], np.where(inside, high, np.nan)]),
        }
    )


def count_at_risk(time: Floats, *, at: Sequence[float]) -> list[int]:
    """Count those still followed up just before each time.

    Examples
    --------
    >>> count_at_risk(np.array([1.0, 2.0, 2.0, 5.0]), at=[0, 2, 3])
    [4, 3, 1]
    """
    return [int((time >= moment).sum()) for moment in at]


def compare_survival(time: Floats, *, event: Bools, groups: Sequence[str]) -> LogRank:
    """Compare groups by the log-rank test.

    Raises
    ------
    ValueError
        If there are fewer than two groups, two events, or a time is missing.
    """
    from statsmodels.duration.survfunc import survdiff

    check_follow_up(time, event=event)
    names = sorted(set(groups))
    if len(names) < 2:
        msg = f"all {len(time)} people are in one group ({names[0]})"
        raise ValueError(msg)
    chi2, p = survdiff(time, event.astype(int), np.array(groups, dtype=object))
    return LogRank(chi2=float(chi2), df=len(names) - 1, p=float(p))


def fit_cox(time: Floats, *, event: Bools, design: pd.DataFrame) -> CoxFit:
    """Fit a proportional-hazards model with Efron's handling of ties.

    Parameters
    ----------
    time, event : (n,) array
    design
        One column per variable, without a constant; complete.

    Raises
    ------
    ValueError
        If a value is missing, a variable does not vary, events are fewer than two or than the
        variables, or a variable tells all who had the event from the others.
    """
    import warnings

    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    check_follow_up(time, event=event)
    matrix = design.to_numpy(dtype=float)
    _check_design(design, matrix, int(event.sum()))
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    model = PHReg(time, (matrix - centre) / scale, status=event.astype(int), ties="efron")
    with warnings.catch_warnings():  # what does not converge is told apart below
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = model.fit()
    _refuse_separation(design, np.asarray(fit.params), np.asarray(fit.bse))
    b, se = np.asarray(fit.params) / scale, np.asarray(fit.bse) / scale
    residuals = np.asarray(fit.schoenfeld_residuals)[event]
    covariance = np.asarray(fit.cov_params())
    rho, p_schoenfeld = _test_proportionality(residuals @ covariance, time[event])
    effects = pd.DataFrame(
        {
            "variable": list(design.columns),
            "b": b,
            "se": se,
            "hazard_ratio": np.exp(b),
            "low": np.exp(b - _NORMAL_975 * se),
            "high": np.exp(b + _NORMAL_975 * se),
            "p": np.asarray(fit.pvalues),
            "schoenfeld_rho": rho,
            "schoenfeld_p": p_schoenfeld,
        }
    )
    return CoxFit(
        n=len(time),
        events=int(event.sum()),
        effects=effects,
        concordance=concordance(matrix @ b, time=time, event=event),
        events_per_variable=float(event.sum() / matrix.shape[1]),
    )


def correct_concordance(
    time: Floats, *, event: Bools, design: pd.DataFrame, samples: int, seed: int
) -> float:
    """Return Harrell's C less its optimism, by bootstrap of people.

    Optimism is the mean of C of a refitted model in its own sample less C of that model in
    the original people. Samples that cannot be fitted are passed over; NaN if none can.
    """
    rng = np.random.default_rng(seed)
    matrix = design.to_numpy(dtype=float)
    apparent = fit_cox(time, event=event, design=design).concordance
    optimism = []
    for _ in range(samples):
        rows = rng.integers(0, len(time), len(time))
        try:
            fit = fit_cox(time[rows], event=event[rows], design=design.iloc[rows])
        except ValueError:
            continue
        risk = matrix @ fit.effects["b"].to_numpy(dtype=float)
        optimism.append(fit.concordance - concordance(risk, time=time, event=event))
    return apparent - float(np.mean(optimism)) if optimism else np.nan


def _check_design(design: pd.DataFrame, matrix: Floats, events: int) -> None:
    if missing := [str(name) for name in design if design[name].isna().any()]:
        msg = f"{', '.join(missing)}: values are missing"
        raise ValueError(msg)
    if constant := [str(name) for name in design if np.ptp(design[name].to_numpy(float)) == 0]:
        msg = f"{', '.join(constant)}: all people have the same value"
        raise ValueError(msg)
    if events < matrix.shape[1]:
        msg = f"{events} events are too few for {matrix.shape[1]} variables"
        raise ValueError(msg)


def _refuse_separation(design: pd.DataFrame, b: Floats, se: Floats) -> None:
    """Refuse coefficients per standard deviation that have no finite estimate."""
    endless = ~(np.abs(b) < _LARGEST_B) | ~(se < _LARGEST_SE)
    if endless.any():
        names = ", ".join(str(name) for name, bad in zip(design, endless, strict=True) if bad)
        msg = f"{names}: tells all who had the event from the others, the ratio has no limit"
        raise ValueError(msg)


def _test_proportionality(scaled: Floats, time: Floats) -> tuple[Floats, Floats]:
    """Correlate scaled Schoenfeld residuals with the ranks of event times."""
    from scipy import stats

    ranks = stats.rankdata(time)
    k = scaled.shape[1]
    if len(time) <= 2 or np.ptp(ranks) == 0:
        return np.full(k, np.nan), np.full(k, np.nan)
    found = [stats.pearsonr(ranks, scaled[:, place]) for place in range(k)]
    return (
        np.array([float(one.statistic) for one in found]),
        np.array([float(one.pvalue) for one in found]),
    )
