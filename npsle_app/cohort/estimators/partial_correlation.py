"""Correlation of two variables, with what others explain of both taken away."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats

Method = Literal["pearson", "spearman"]
# less than this share of a variable's SD is nothing: pingouin takes columns of standard scores
# for the same one within 1e-5
_NOTHING_LEFT = 2e-5
_ALIKE = 1 - 1e-12  # a correlation above this is perfect
_DECIMALS = 15  # of limits, which pingouin rounds


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

    t = r √(df / (1 − r²)), with p = 0 from r² = 0.99999 on; limits by Fisher's z with variance
    1 / (n − k − 3) (Fisher 1924). For `spearman` all variables are ranked before.

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
    import pingouin
    from scipy import stats

    variables = np.column_stack([x, y, covariates])
    if method == "spearman":
        variables = stats.rankdata(variables, axis=0)
    n, k = len(x), variables.shape[1] - 2
    df = n - 2 - k
    if df < 1:
        msg = f"{n} complete participants are too few for {k} covariates"
        raise ValueError(msg)
    left = _refuse_explained(variables)
    if abs(left[:, 0] @ left[:, 1]) > _ALIKE:
        # pingouin inverts a matrix that has no inverse then, and may turn the sign
        r = float(np.sign(left[:, 0] @ left[:, 1]))
        return Correlation(n=n, df=df, r=r, low=np.nan, high=np.nan, p=0.0)
    # standard scores have the same correlations, and none is close to another by its unit alone
    scores = (variables - variables.mean(axis=0)) / variables.std(axis=0)
    frame = pd.DataFrame(scores).rename(columns=str)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # covariates that depend on each other are taken away once; limits are made below, for
        # these are rounded to two digits
        warnings.filterwarnings("ignore", "The covariance matrix is rank-deficient")
        found = pingouin.partial_corr(frame, x="0", y="1", covar=list(frame)[2:]).iloc[0]
    r = float(found["r"])
    low, high = _limits(r, n - k)
    return Correlation(n=n, df=df, r=r, low=low, high=high, p=float(found["p_val"]))


def permute_correlation(
    x: Floats,
    *,
    y: Floats,
    covariates: Floats,
    method: Method = "pearson",
    permutations: int = 9999,
    seed: int = 20260101,
) -> float:
    """Return the p of a partial correlation by shuffling the residuals of `x`.

    Freedman 1983, doi:10.1080/07350015.1983.10509354; the order seen is one of them.
    """
    from scipy import stats

    variables = np.column_stack([x, y, covariates])
    if method == "spearman":
        variables = stats.rankdata(variables, axis=0)
    left = residuals(variables[:, :2], covariates=variables[:, 2:])
    left /= np.linalg.norm(left, axis=0)
    seen = abs(left[:, 0] @ left[:, 1])
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(left[:, 0], (permutations, 1)), axis=1)
    back = residuals(shuffled.T, covariates=variables[:, 2:])
    drawn = np.abs(left[:, 1] @ back) / np.linalg.norm(back, axis=0)
    return float(1 + (drawn >= seen - 1e-12).sum()) / (1 + permutations)


def residuals(variables: Floats, *, covariates: Floats) -> Floats:
    """Return what covariates (n, k) and a constant do not explain of (n, m) variables."""
    design = np.column_stack([np.ones(len(variables)), covariates])
    left: Floats = variables - design @ np.linalg.lstsq(design, variables, rcond=None)[0]
    return left


def _refuse_explained(variables: Floats) -> Floats:
    """Return what the covariates leave of the first two columns, each of length 1."""
    pair = variables[:, :2] - variables[:, :2].mean(axis=0)
    left = residuals(pair, covariates=variables[:, 2:])
    size = np.linalg.norm(left, axis=0)
    if (size <= _NOTHING_LEFT * np.linalg.norm(pair, axis=0)).any():
        msg = "one of the two is constant, or the covariates explain all of it"
        raise ValueError(msg)
    unit: Floats = left / size
    return unit


def _limits(r: float, n: int) -> tuple[float, float]:
    """Return the limits of a correlation of `n` people less the number of covariates."""
    import pingouin

    if n <= 3:
        return (np.nan, np.nan)
    low, high = pingouin.compute_esci(r, nx=n, eftype="r", decimals=_DECIMALS)
    return (float(low), float(high))
