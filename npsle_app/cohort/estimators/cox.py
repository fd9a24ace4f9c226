"""Cox regression with its checks, and how well it tells who has an event first.

statsmodels fits; it has neither Harrell's C nor the test of proportional hazards.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Z95, Bools, Floats, Ints
from npsle_app.cohort.estimators.survival import check_follow_up

_LARGEST_B, _LARGEST_SE = 8.0, 50.0  # of ln hazard per standard deviation


def concordance(risk: Floats, *, time: Floats, event: Bools) -> float:
    """Return Harrell's C: how often who had the event first has the greater risk.

    It is the share of comparable pairs (Harrell 1982, doi:10.1001/jama.1982.03320430047030).
    Equal risks count half. A pair is comparable if the earlier time is an event; someone
    censored at the time of an event was event-free longer.

    Returns
    -------
    float
        0.5 is chance; NaN if no pair is comparable.

    Examples
    --------
    >>> late = np.array([1.0, 2.0, 3.0])
    >>> concordance(-late, time=late, event=np.array([True, True, False]))
    1.0
    """
    pairs = 0.0
    agreeing = 0.0
    for row in np.flatnonzero(event):
        later = (time > time[row]) | ((time == time[row]) & ~event)
        pairs += later.sum()
        agreeing += (risk[row] > risk[later]).sum() + 0.5 * (risk[row] == risk[later]).sum()
    return float(agreeing / pairs) if pairs else np.nan


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
    matrix = design.to_numpy(dtype=float)
    fit, scale = _fit(time, event, design)
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
            "low": np.exp(b - Z95 * se),
            "high": np.exp(b + Z95 * se),
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
    apparent, _ = _compare(time, event, design, np.arange(len(time)), matrix)
    optimism = []
    for _ in range(samples):
        rows = rng.integers(0, len(time), len(time))
        try:
            own, whole = _compare(time, event, design, rows, matrix)
        except ValueError:
            continue
        optimism.append(own - whole)
    return apparent - float(np.mean(optimism)) if optimism else np.nan


def _compare(
    time: Floats, event: Bools, design: pd.DataFrame, rows: Ints, matrix: Floats
) -> tuple[float, float]:
    """Fit some rows; return C of the model in them, and in all."""
    fit, scale = _fit(time[rows], event[rows], design.iloc[rows])
    risk = matrix @ (np.asarray(fit.params) / scale)
    return (
        concordance(risk[rows], time=time[rows], event=event[rows]),
        concordance(risk, time=time, event=event),
    )


def _fit(time: Floats, event: Bools, design: pd.DataFrame) -> tuple[Any, Floats]:
    """Fit standardised variables; return the fit and their standard deviations."""
    import warnings

    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    check_follow_up(time, event=event)
    matrix = design.to_numpy(dtype=float)
    _check_design(design, matrix, int(event.sum()))
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    model = PHReg(time, (matrix - centre) / scale, status=event.astype(int), ties="efron")
    # what does not converge, or has no standard error, is told apart below
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = model.fit()
        errors = np.asarray(fit.bse)
    _refuse_separation(design, np.asarray(fit.params), errors)
    return fit, scale


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
