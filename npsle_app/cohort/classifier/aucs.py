"""The AUCs that stand side by side, with intervals that know of the fitting."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.cross_validation import (
    Bootstrap,
    OutOfFold,
    compare_pairs,
    pair_auc,
)
from npsle_app.cohort.estimators.discrimination import Estimate, auc, auc_interval, delong

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Aucs:
    """AUCs of one model.

    Attributes
    ----------
    apparent
        On the participants it was fitted to; DeLong interval, which does not know of the fit.
    corrected
        Apparent minus the bootstrap's optimism (Harrell 1996).
    corrected_632
        The .632+ estimate (Efron 1997), which corrects more where predictors are many.
    nested
        Repeated nested cross-validation, pairs of participants left out by one model.
    nested_pooled
        The same predictions, pooled over the folds of each repeat; no interval.
    optimism
        What `corrected` takes off.
    """

    apparent: Estimate
    corrected: Estimate
    corrected_632: Estimate
    nested: Estimate
    nested_pooled: float
    optimism: float


def assess_aucs(
    y: Floats,
    *,
    apparent: Floats,
    out_of_fold: OutOfFold,
    samples: Bootstrap,
    permuted: Floats,
    level: float = LEVEL,
) -> Aucs:
    """Put the AUCs of a model together.

    The standard error of scores that were fixed before is too small for what was fitted and
    tested on the same people, most of all where there is little to find: the fitted direction
    itself varies from sample to sample. Permutations show by how much. The interval of
    `nested` takes the larger of both standard errors, that of permutations scaled to the AUC
    by 2√(A(1−A)); it is too wide rather than too narrow for a large AUC.

    Harrell's correction leaves optimism where predictors are many for the participants, for
    each bootstrap sample shares two thirds of them with the test set. Its interval therefore
    begins below the .632+ estimate where that is lower.

    Parameters
    ----------
    y : (n,) array
        0 or 1.
    apparent : (n,) array
        Log odds by the model that was fitted to all.
    permuted : (m,) array
        Cross-validated AUCs of shuffled predictors; fewer than 19 are not used.
    """
    value = float(auc(apparent, y))
    own, covariance = delong(apparent, y=y)
    wins, seen = compare_pairs(out_of_fold, y)
    nested, variance = pair_auc(wins, seen)
    optimism = float((samples.auc_in_sample - samples.auc_original).mean())
    corrected = value - optimism
    plus = point_632(value, out_of_bag=pair_auc(*samples.out_of_bag)[0])
    spread = float(permuted.std(ddof=1)) if len(permuted) >= 19 else 0.0

    def widened(centre: float) -> Estimate:
        scaled = (2 * spread) ** 2 * centre * (1 - centre)
        return auc_interval(centre, max(variance, scaled), level=level)

    plain, lower = widened(corrected), widened(plus)
    return Aucs(
        apparent=auc_interval(float(own[0]), float(covariance[0, 0]), level=level),
        corrected=Estimate(
            value=corrected, low=min(plain.low, lower.low), high=max(plain.high, lower.high)
        ),
        corrected_632=lower,
        nested=widened(nested),
        nested_pooled=float(auc(out_of_fold.log_odds, y).mean()),
        optimism=optimism,
    )


def point_632(apparent: float, *, out_of_bag: float) -> float:
    """Return the .632+ estimate of an AUC.

    Efron 1997, doi:10.1080/01621459.1997.10474007, with 0.5 as the AUC of no information. The
    more of what seems better than chance is overfitting, the more the out-of-bag AUC counts.

    Examples
    --------
    >>> round(point_632(0.9, out_of_bag=0.9), 3)
    0.9
    >>> round(point_632(0.9, out_of_bag=0.5), 3)
    0.5
    """
    bagged = max(out_of_bag, 0.5)
    if apparent <= 0.5:
        return apparent
    share = float(np.clip((apparent - bagged) / (apparent - 0.5), 0, 1))
    weight = 0.632 / (1 - 0.368 * share)
    return (1 - weight) * apparent + weight * bagged


def permutation_p(observed: float, permuted: Floats) -> float:
    """Return (b + 1) / (m + 1), b permuted values being as large as the observed one or larger.

    Never 0: the observed order is one of the possible ones (Phipson 2010,
    doi:10.2202/1544-6115.1585). NaN without permutations.

    Examples
    --------
    >>> permutation_p(0.9, np.array([0.5, 0.6, 0.95]))
    0.5
    """
    if not len(permuted):
        return np.nan
    return float((permuted >= observed).sum() + 1) / (len(permuted) + 1)
