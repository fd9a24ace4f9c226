"""Generalised linear models of counts and of yes or no, with limits robust to wrong variances.

statsmodels fits them. Its `cov_type="HC3"` of such models returns HC0 (0.15: 0.5325 where R's
sandwich 3.0 gives 0.5834), so the leverages are taken into account here.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from npsle_app.arrays import Floats

_FULL_LEVERAGE = 1 - 1e-8
_SMALLEST_LN, _LARGEST_LN = -12.0, 6.0  # of the dispersion of counts
_SURE = 15.0  # log odds ratio, or its standard error, that separation alone gives
_SEPARATED = "the variables separate yes from no: an odds ratio has no limit"
_POISSON = 1e-5  # a dispersion below this is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One coefficient: estimate on the scale of the link, with standard error, 95 % limits, p."""

    estimate: float
    se: float
    low: float
    high: float
    p: float


def fit_counts(
    y: Floats,
    *,
    design: Floats,
    dispersion: float,
    offset: Floats | None = None,
    **how: str,
) -> Any:
    """Fit counts with variance μ + dispersion · μ², 0 being Poisson's; statsmodels' own result.

    Parameters
    ----------
    y : (n,) array
        Counts.
    design : (n, k) array
        With its constant column.
    """
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    family = families.NegativeBinomial(alpha=dispersion) if dispersion else families.Poisson()
    with warnings.catch_warnings():  # counts that a mean describes exactly are told apart before
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        return GLM(y, design, family=family, offset=offset).fit(**how)


def choose_dispersion(y: Floats, *, design: Floats, offset: Floats | None = None) -> float:
    """Maximise the profile likelihood of the dispersion; 0 where counts are Poisson."""
    from scipy import optimize

    def cost(ln_dispersion: float) -> float:
        dispersion = float(np.exp(ln_dispersion))
        return -float(fit_counts(y, design=design, dispersion=dispersion, offset=offset).llf)

    found = optimize.minimize_scalar(cost, bounds=(_SMALLEST_LN, _LARGEST_LN), method="bounded")
    dispersion = float(np.exp(found.x))
    return dispersion if dispersion > _POISSON else 0.0


def robust_effect(fit: Any, *, place: int) -> Effect:
    """Give one coefficient with HC3 (MacKinnon 1985), by t with n − k degrees of freedom.

    The residual of each row is divided by 1 − leverage, as R's `sandwich::vcovHC` does. Without
    covariates the limits of a ratio of counts then hold the truth in 93 to 95 % from 12 people
    per group on; by the normal distribution, and HC0, in 89 to 91 %.

    All but the estimate is NaN where a row alone decides a coefficient.
    """
    from scipy import stats

    estimate, n_left = float(fit.params[place]), int(fit.df_resid)
    covariance = hc3_covariance(fit)
    se = float(np.sqrt(covariance[place, place]))
    reach = float(stats.t.ppf(0.975, n_left)) * se
    p = float(2 * stats.t.sf(abs(estimate) / se, n_left)) if se > 0 else np.nan
    return Effect(estimate=estimate, se=se, low=estimate - reach, high=estimate + reach, p=p)


def hc3_covariance(fit: Any) -> Floats:
    """Return the (k, k) covariance of the coefficients that HC3 gives; NaN if it has none."""
    design = np.asarray(fit.model.exog)
    weights = np.asarray(fit.model.family.weights(fit.mu))  # of the last step of the fit
    leverage = np.asarray(fit.get_hat_matrix_diag(observed=False))
    if leverage.max() > _FULL_LEVERAGE:
        return np.full((design.shape[1], design.shape[1]), np.nan)
    bread = np.linalg.inv(design.T @ (design * weights[:, None]))
    scores = design * (weights * fit.resid_working / (1 - leverage))[:, None]
    covariance: Floats = bread @ (scores.T @ scores) @ bread
    return covariance


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """exp(B) of the first variable: an odds ratio, or a ratio of numbers.

    `p` is that of the likelihood ratio for odds, and Wald's by HC3 for numbers; `dispersion` is
    missing for odds.
    """

    n: int
    ratio: float
    low: float
    high: float
    p: float
    dispersion: float


def fit_odds(y: Floats, *, design: Floats) -> Ratio:
    """Fit yes or no by logistic regression; the first column of `design` is that of interest.

    Limits are Wald's with the model's standard error, p that of the likelihood ratio.

    Raises
    ------
    ValueError
        If the first variable, or all together, separate yes from no, people are too few, or all
        are the same. A covariate alone may separate them (no man has any) and changes nothing.
    """
    from scipy import stats
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    _check_outcome(y, design)
    full = np.column_stack([np.ones(len(y)), design])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fit = Logit(y, full).fit(disp=0, maxiter=100, tol=1e-12)
            less = Logit(y, np.delete(full, 1, axis=1)).fit(disp=0, maxiter=100, tol=1e-12)
        except (np.linalg.LinAlgError, PerfectSeparationWarning) as error:
            raise ValueError(_SEPARATED) from error
    b, se = float(fit.params[1]), float(fit.bse[1])
    if not np.isfinite(se) or max(abs(b), se) > _SURE:
        raise ValueError(_SEPARATED)
    reach = float(stats.norm.ppf(0.975)) * se
    return Ratio(
        n=len(y),
        ratio=float(np.exp(b)),
        low=float(np.exp(b - reach)),
        high=float(np.exp(b + reach)),
        p=float(stats.chi2.sf(2 * (fit.llf - less.llf), 1)),
        dispersion=np.nan,
    )


def fit_numbers(y: Floats, *, design: Floats) -> Ratio:
    """Fit numbers by negative binomial regression; the first column is that of interest.

    Raises
    ------
    ValueError
        If a value is no count, people are too few, or all are the same.
    """
    _check_outcome(y, design)
    if (y < 0).any() or (y % 1 != 0).any():
        msg = "holds values that are no counts"
        raise ValueError(msg)
    full = np.column_stack([np.ones(len(y)), design])
    dispersion = choose_dispersion(y, design=full)
    effect = robust_effect(fit_counts(y, design=full, dispersion=dispersion), place=1)
    return Ratio(
        n=len(y),
        ratio=float(np.exp(effect.estimate)),
        low=float(np.exp(effect.low)),
        high=float(np.exp(effect.high)),
        p=effect.p,
        dispersion=dispersion,
    )


def _check_outcome(y: Floats, design: Floats) -> None:
    n, k = design.shape
    if n <= k + 1:
        msg = f"{n} complete participants are too few for {k + 1} coefficients"
        raise ValueError(msg)
    if np.ptp(y) == 0:
        msg = f"the outcome is constant ({y[0]:g})"
        raise ValueError(msg)
    if np.linalg.matrix_rank(np.column_stack([np.ones(n), design])) <= k:
        msg = "the variables of the model depend on each other"
        raise ValueError(msg)
