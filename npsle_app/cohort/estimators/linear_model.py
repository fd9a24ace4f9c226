"""Ordinary least squares with one effect of interest, two standard errors and diagnostics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npsle_app.arrays import Floats

_DEPENDENT = 1e-10  # smallest eigenvalue of the correlations
_FULL_LEVERAGE = 1 - 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Standard error, 95 % limits and p-value of an estimate; NaN where not estimable."""

    se: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearFit:
    """The effect of the first variable of a linear model.

    Attributes
    ----------
    estimate
        B, in units of the outcome.
    classic, hc3
        With equal variances, and robust to unequal ones (MacKinnon 1985); both by t with
        `df` = n − number of coefficients.
    partial_r2
        Share of the variance left by the covariates that the effect explains.
    vif, max_vif
        Variance inflation of the effect, and the greatest of all variables.
    max_cook, max_cook_row
        Greatest Cook's distance and the row that has it.
    heteroscedasticity_p, normality_p
        Breusch-Pagan (Koenker) and Jarque-Bera tests of the residuals.
    """

    n: int
    df: int
    estimate: float
    classic: Interval
    hc3: Interval
    partial_r2: float
    r2: float
    residual_sd: float
    vif: float
    max_vif: float
    max_cook: float
    max_cook_row: int
    heteroscedasticity_p: float
    normality_p: float


def fit_linear(outcome: Floats, *, design: Floats, names: Sequence[str] = ()) -> LinearFit:
    """Fit a linear model and report the effect of its first column.

    Parameters
    ----------
    outcome : (n,) array
        Complete: no missing values.
    design : (n, k) array
        Variables without the intercept, which is added; the first is that of interest.
    names
        Of the variables, for messages.

    Raises
    ------
    ValueError
        If values are too few, the outcome is constant, or the columns depend on each other.
    """
    from statsmodels.regression.linear_model import OLS

    n, k = design.shape
    df = n - k - 1
    _check(outcome, design, df, names)
    matrix = np.column_stack([np.ones(n), design])
    model = OLS(outcome, matrix).fit()
    influence = model.get_influence()
    cook = _cook(influence)
    statistic = float(model.tvalues[1])
    vifs = _inflation(design)
    return LinearFit(
        n=n,
        df=df,
        estimate=float(model.params[1]),
        classic=_interval(model),
        hc3=_robust(model, np.asarray(influence.hat_matrix_diag)),
        partial_r2=statistic**2 / (statistic**2 + df),
        r2=float(model.rsquared),
        residual_sd=float(np.sqrt(model.mse_resid)),
        vif=float(vifs[0]),
        max_vif=float(vifs.max()),
        max_cook=float(cook.max()),
        max_cook_row=int(cook.argmax()),
        heteroscedasticity_p=_breusch_pagan(np.asarray(model.resid), matrix),
        normality_p=_jarque_bera(np.asarray(model.resid)),
    )


def _check(outcome: Floats, design: Floats, df: int, names: Sequence[str]) -> None:
    n, k = design.shape
    if df < 1:
        msg = f"{n} complete participants are too few for {k + 1} coefficients"
        raise ValueError(msg)
    if np.ptp(outcome) == 0:
        msg = f"the outcome is constant ({outcome[0]:g})"
        raise ValueError(msg)
    scaled = (design - design.mean(axis=0)) / np.where(np.ptp(design, axis=0), design.std(0), 1)
    if np.linalg.eigvalsh(scaled.T @ scaled / n).min() < _DEPENDENT:
        told = [names[place] for place in _find_dependent(scaled)] if len(names) == k else []
        which = f": {', '.join(told)}" if told else ""
        msg = f"the variables of the model depend on each other{which}"
        raise ValueError(msg)


def _find_dependent(scaled: Floats) -> list[int]:
    """Find the columns that the others explain wholly, the constant ones among them."""
    found = []
    for place in range(scaled.shape[1]):
        own, others = scaled[:, place], np.delete(scaled, place, axis=1)
        left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
        if left @ left <= _DEPENDENT * len(own):
            found.append(place)
    return found


def _interval(model: Any) -> Interval:
    low, high = model.conf_int()[1]
    return Interval(
        se=float(model.bse[1]), low=float(low), high=float(high), p=float(model.pvalues[1])
    )


def _robust(model: Any, leverage: Floats) -> Interval:
    """HC3 divides by 1 − leverage: a row that alone decides a coefficient has none."""
    if leverage.max() > _FULL_LEVERAGE:
        return Interval(se=np.nan, low=np.nan, high=np.nan, p=np.nan)
    return _interval(model.get_robustcov_results("HC3", use_t=True))


def _cook(influence: Any) -> Floats:
    """Cook's distances; a row that alone decides a coefficient has an infinite one."""
    alone = np.asarray(influence.hat_matrix_diag) > _FULL_LEVERAGE
    with np.errstate(divide="ignore", invalid="ignore"):  # of 1 − leverage, where alone
        distances = np.asarray(influence.cooks_distance[0])
    return np.where(alone, np.inf, distances)


def _inflation(design: Floats) -> Floats:
    """Variance inflation of all variables at once; statsmodels fits a regression for each."""
    if design.shape[1] == 1:
        return np.ones(1)
    inverse: Floats = np.diag(np.linalg.inv(np.corrcoef(design, rowvar=False)))
    return inverse


def _breusch_pagan(residuals: Floats, matrix: Floats) -> float:
    from statsmodels.stats.diagnostic import het_breuschpagan

    # without any spread of the squares there is nothing to explain
    return float(het_breuschpagan(residuals, matrix)[1]) if np.ptp(residuals**2) else np.nan


def _jarque_bera(residuals: Floats) -> float:
    from scipy import stats

    return float(stats.jarque_bera(residuals).pvalue) if np.ptp(residuals) else np.nan
