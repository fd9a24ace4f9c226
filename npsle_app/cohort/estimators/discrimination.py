"""How well scores tell two classes apart: AUC with its intervals, ROC curve, proportions.

No library of the app has DeLong's covariance; scikit-learn's AUC takes one row of scores at a
time, and permutations have thousands.
"""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its interval; all NaN where it cannot be estimated."""

    value: float
    low: float
    high: float


NOTHING = Estimate(value=np.nan, low=np.nan, high=np.nan)


def auc(scores: Floats, y: Floats) -> Floats:
    """Return the area under the ROC curve, ties counted half.

    Parameters
    ----------
    scores : (…, n) array
        Higher for class 1.
    y : (n,) array
        0 or 1.

    Returns
    -------
    (…) array
        The Mann-Whitney U statistic divided by the number of pairs; NaN without both classes.

    Examples
    --------
    >>> float(auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1])))
    0.75
    """
    from scipy.stats import rankdata

    ill, well = float((y == 1).sum()), float((y == 0).sum())
    if not ill or not well:
        return np.full(scores.shape[:-1], np.nan)
    ranks = rankdata(scores, axis=-1)
    found: Floats = (ranks[..., y == 1].sum(axis=-1) - ill * (ill + 1) / 2) / (ill * well)
    return found


def pairwise(scores: Floats, y: Floats) -> Floats:
    """Compare each participant of class 1 with each of class 0: (n1, n0) of 1, ½ and 0."""
    ill, well = scores[y == 1][:, None], scores[y == 0][None]
    wins: Floats = (ill > well) + 0.5 * (ill == well)
    return wins


def delong(first: Floats, *others: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return AUCs of scores on the same participants and their covariance.

    Parameters
    ----------
    first, *others : (n,) array
        Scores that were fixed before; for scores of a model fitted to the same participants
        the variance is too small.
    y : (n,) array
        0 or 1, at least two of each.

    Returns
    -------
    (k,) array, (k, k) array
        AUCs and their covariance, after DeLong 1988, doi:10.2307/2531595, by ranks after Sun
        2014, doi:10.1109/LSP.2014.2337313.

    Raises
    ------
    ValueError
        If a class has fewer than two members.
    """
    from scipy.stats import rankdata

    if min((y == 1).sum(), (y == 0).sum()) < 2:
        msg = "the variance of an AUC needs two participants of each class"
        raise ValueError(msg)
    scores = np.stack([first, *others])
    ill, well = scores[:, y == 1], scores[:, y == 0]
    ranks = rankdata(scores, axis=1)
    # the share of the other class that each participant lies above, or below, ties half: by
    # ranks, for a table of all pairs grows with the square of the participants
    above = (ranks[:, y == 1] - rankdata(ill, axis=1)) / well.shape[1]
    below = 1 - (ranks[:, y == 0] - rankdata(well, axis=1)) / ill.shape[1]
    covariance = np.cov(above, ddof=1) / ill.shape[1] + np.cov(below, ddof=1) / well.shape[1]
    return above.mean(axis=1), np.atleast_2d(covariance)


def auc_interval(value: float, variance: float, *, level: float = 0.95) -> Estimate:
    """Return an AUC with the interval that is symmetric in log odds, so never beyond 0 and 1.

    An AUC of 0 or 1 has no such interval; its limits are NaN.
    """
    from scipy.special import expit, logit
    from scipy.stats import norm

    if not 0 < value < 1 or not np.isfinite(variance):
        return Estimate(value=value, low=np.nan, high=np.nan)
    reach = float(norm.ppf(0.5 + level / 2)) * np.sqrt(variance) / (value * (1 - value))
    low, high = expit(logit(value) + np.array([-reach, reach]))
    return Estimate(value=value, low=float(low), high=float(high))


def wilson(successes: float, n: float, *, level: float = 0.95) -> Estimate:
    """Return a proportion with the score interval of Wilson 1927, doi:10.2307/2276774.

    `successes` may be a mean over repeats, hence no whole number. NaN without trials.
    """
    from statsmodels.stats.proportion import proportion_confint

    if not n > 0:
        return NOTHING
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    return Estimate(value=successes / n, low=low, high=high)


def youden_cut(scores: Floats, y: Floats) -> float:
    """Return the score from which on calling class 1 has the largest sensitivity + specificity.

    Half-way to the next lower score; the lowest such cut if several are as good.
    """
    values = np.unique(scores)
    cuts = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2])
    called: Bools = scores[None] >= cuts[:, None]
    gain = called[:, y == 1].mean(axis=1) - called[:, y == 0].mean(axis=1)
    return float(cuts[gain.argmax()])
