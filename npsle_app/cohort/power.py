"""What effects the study could have found: at 80 % power, two-sided."""

from functools import cache

import numpy as np

POWER = 0.8


def detectable_difference(n: int, *, n_against: int, alpha: float = 0.05) -> float:
    """Return the standardised difference that a t-test would find with 80 % power.

    Examples
    --------
    >>> round(detectable_difference(26, n_against=12), 2)
    1.0
    """
    df = n + n_against - 2
    scale = np.sqrt(n * n_against / (n + n_against))
    return _detectable_noncentrality(df, alpha) / float(scale)


def detectable_correlation(df: int, *, alpha: float = 0.05) -> float:
    """Return the (partial) correlation that would be found with 80 % power.

    By Fisher's z with variance 1 / (df − 1).

    Examples
    --------
    >>> round(detectable_correlation(51), 2)
    0.38
    """
    from scipy import stats

    if df < 2:
        return np.nan
    reach = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER)
    return float(np.tanh(reach / np.sqrt(df - 1)))


def detectable_coefficient(se: float, *, df: int, alpha: float = 0.05) -> float:
    """Return the size of a coefficient that would be found with 80 % power, given its error.

    Of the data at hand, so it tells the precision of the design and not whether the result
    is true (no post-hoc power).
    """
    return _detectable_noncentrality(df, alpha) * se


@cache
def _detectable_noncentrality(df: int, alpha: float) -> float:
    from scipy import optimize, stats

    if df < 1:
        return np.nan
    critical = stats.t.ppf(1 - alpha / 2, df)

    def lacking(noncentrality: float) -> float:
        # the other tail, below one in a million here, is left out: scipy's is NaN there
        return float(stats.nct.sf(critical, df, noncentrality)) - POWER

    # beyond some thousand degrees of freedom t is normal, and nct slow and unsure
    if df > 5000:
        return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(POWER))
    return float(optimize.brentq(lacking, 0.1, 2 * critical + 5))
