"""Correlation of two variables, with what others explain of both taken away."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from npsle_app.arrays import Z95, Floats

Method = Literal["pearson", "spearman"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """`df` is n − 2 − the number of covariates; limits are NaN where they cannot be known."""

    n: int
    df: int
    r: float
    low: float
    high: float
    p: float


def partial_correlation(
    x: Floats, *, y: Floats, covariates: Floats, method: Method = "pearson"
) -> Correlation:
    """Correlate the residuals of `x` and `y` on the covariates.

    t = r √(df / (1 − r²)); limits by Fisher's z with variance 1 / (n − k − 3)
    (Fisher 1924). For `spearman` all variables are ranked before.

    Parameters
    ----------
    x, y : (n,) array
        Complete: no missing values.
    covariates : (n, k) array
        Without a constant column; k may be 0.

    Raises
    ------
    ValueError
        If too few values are left, or one of the two is constant once the covariates are
        taken away.
    """
    from scipy import stats

    variables = np.column_stack([x, y, covariates])
    if method == "spearman":
        variables = stats.rankdata(variables, axis=0)
    n, k = len(x), variables.shape[1] - 2
    df = n - 2 - k
    if df < 1:
        msg = f"{n} complete participants are too few for {k} covariates"
        raise ValueError(msg)
    pair = variables[:, :2] - variables[:, :2].mean(axis=0)
    left = residuals(pair, covariates=variables[:, 2:])
    sizes = np.sqrt((left**2).sum(axis=0))
    if (sizes <= 1e-10 * np.sqrt((pair**2).sum(axis=0))).any():
        msg = "one of the two is constant, or the covariates explain all of it"
        raise ValueError(msg)
    r = float(np.clip(left[:, 0] @ left[:, 1] / sizes.prod(), -1, 1))
    low, high = _limits(r, n - k - 3)
    return Correlation(n=n, df=df, r=r, low=low, high=high, p=_p_value(r, df))


def residuals(variables: Floats, *, covariates: Floats) -> Floats:
    """Return what covariates (n, k) and a constant do not explain of (n, m) variables."""
    design = np.column_stack([np.ones(len(variables)), covariates])
    left: Floats = variables - design @ np.linalg.lstsq(design, variables, rcond=None)[0]
    return left


def p_of_r(r: float, *, df: int) -> float:
    """Return the two-sided p-value of a (partial) correlation.

    Examples
    --------
    >>> round(p_of_r(-0.308, df=51), 3)
    0.025
    """
    return _p_value(r, df)


def _p_value(r: float, df: int) -> float:
    from scipy import stats

    if abs(r) == 1:
        return 0.0
    return float(2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r**2)), df))


def _limits(r: float, precision: int) -> tuple[float, float]:
    if precision < 1 or abs(r) == 1:
        return (np.nan, np.nan)
    reach = Z95 / np.sqrt(precision)
    return (float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach)))
