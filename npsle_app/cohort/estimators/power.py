"""What effects a study can find at 80 % power, and how many people a model needs.

pingouin solves for effects of t-tests: the solvers of statsmodels go wrong for few people, and
are exact to five digits elsewhere. No library has the sample size of a prediction model.
"""

from dataclasses import dataclass
from functools import cache
from math import ceil, exp, log

import numpy as np

POWER = 0.8
_MARGIN = 0.05


def detectable_difference(n: int, *, n_against: int, alpha: float = 0.05) -> float:
    """Return the standardised difference that a t-test would find with 80 % power.

    NaN where it would be above 10.

    Examples
    --------
    >>> round(detectable_difference(26, n_against=12), 2)
    1.0
    """
    import pingouin

    return float(pingouin.power_ttest2n(n, n_against, power=POWER, alpha=alpha))


def needed_per_group(difference: float, *, alpha: float = 0.05) -> int:
    """Return how many people each of two groups needs, so that a t-test has 80 % power.

    `difference` is standardised (Cohen's d).

    Examples
    --------
    >>> needed_per_group(0.8), needed_per_group(0.5)
    (26, 64)
    """
    import pingouin

    return ceil(float(pingouin.power_ttest(d=difference, power=POWER, alpha=alpha)))


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
    is true (no post-hoc power). NaN for one degree of freedom.
    """
    return _detectable_noncentrality(df, alpha) * se


@cache
def _detectable_noncentrality(df: int, alpha: float) -> float:
    """Return the noncentrality of t that is found with 80 % power."""
    import pingouin

    if df < 1:
        return np.nan
    # that of a mean of df + 1 values, whose noncentrality is its size times the root of them
    size = pingouin.power_ttest(n=df + 1, power=POWER, alpha=alpha, contrast="one-sample")
    return float(size) * float(np.sqrt(df + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Participants needed by each criterion.

    `shrinkage`: predictor effects shrink by no more than 10 %. `r2_optimism`: the apparent
    Nagelkerke R² is no more than 0.05 too high. `risk`: the overall share of class 1 is known
    within ± 0.05.
    """

    shrinkage: int
    r2_optimism: int
    risk: int

    @property
    def needed(self) -> int:
        """The largest of the three."""
        return max(self.shrinkage, self.r2_optimism, self.risk)


def largest_r2(share: float) -> float:
    """Return the largest Cox-Snell R² that a model can have for a share of class 1."""
    return 1 - exp(2 * (share * log(share) + (1 - share) * log(1 - share)))


def needed_participants(
    *, parameters: int, share: float, cox_snell_r2: float, shrinkage: float = 0.9
) -> SampleSize:
    """Compute the criteria.

    Parameters
    ----------
    parameters
        Number of candidate parameters, without the intercept.
    share
        Share of class 1.
    cox_snell_r2
        R² that the model is expected to have in new participants.

    Raises
    ------
    ValueError
        If R² is not between 0 and the largest possible, or there is no parameter.

    Examples
    --------
    >>> needed_participants(parameters=24, share=0.174, cox_snell_r2=0.288)
    SampleSize(shrinkage=623, r2_optimism=662, risk=221)
    """
    largest = largest_r2(share)
    if not 0 < cox_snell_r2 < min(largest, shrinkage) or parameters < 1:
        msg = (
            f"the sample size needs at least 1 parameter and an R² between 0 and {largest:.2f}, "
            f"got {parameters} and {cox_snell_r2:.3g}"
        )
        raise ValueError(msg)
    factor = cox_snell_r2 / (cox_snell_r2 + _MARGIN * largest)
    return SampleSize(
        shrinkage=_for_shrinkage(parameters, r2=cox_snell_r2, shrinkage=shrinkage),
        r2_optimism=_for_shrinkage(parameters, r2=cox_snell_r2, shrinkage=factor),
        risk=ceil((1.96 / _MARGIN) ** 2 * share * (1 - share)),
    )


def affordable_parameters(*, participants: int, cox_snell_r2: float, shrinkage: float = 0.9) -> int:
    """Return how many parameters so many participants carry by the first criterion."""
    return int(participants * (shrinkage - 1) * log(1 - cox_snell_r2 / shrinkage))


def _for_shrinkage(parameters: int, *, r2: float, shrinkage: float) -> int:
    return ceil(parameters / ((shrinkage - 1) * log(1 - r2 / shrinkage)))
