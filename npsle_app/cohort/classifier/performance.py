"""What out-of-fold predictions say beyond the AUC: the cut, the curve, subgroups, added value."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from npsle_app.arrays import Z95, Floats
from npsle_app.cohort.estimators.cross_validation import OutOfFold, compare_pairs, pair_auc
from npsle_app.cohort.estimators.discrimination import NOTHING, Estimate, auc_interval, wilson
from npsle_app.cohort.estimators.ridge_logistic import fit, linear_predictor, log_loss, scale

RATES: Floats = np.linspace(0, 1, 51)
_LEAST_IN_SUBGROUP = 5
_NO_PENALTY = 1e6
_SEPARATED = 8.0  # standardised log odds ratio that only separable classes reach


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedValue:
    """What imaging adds to clinical predictors, both cross-validated on the same folds.

    `likelihood_ratio` is that of unpenalised models fitted to all participants (missing values
    imputed by the mean), with its degrees of freedom and p; NaN where classes are separable.
    """

    clinical_auc: float
    auc_difference: Estimate
    p: float
    brier_difference: float
    likelihood_ratio: float
    degrees_of_freedom: int
    likelihood_p: float


def sensitivity_specificity(out_of_fold: OutOfFold, y: Floats) -> tuple[Estimate, Estimate]:
    """Return both at the cuts chosen inside the folds, mean over repeats.

    The Wilson intervals count each participant once, not once per repeat.
    """
    called = out_of_fold.log_odds >= out_of_fold.cuts
    found = []
    for value in (1, 0):
        at = y == value
        right = (called if value else ~called)[:, at].mean()
        found.append(wilson(float(right) * int(at.sum()), int(at.sum())))
    return found[0], found[1]


def mean_roc(out_of_fold: OutOfFold, y: Floats, *, counts: Floats) -> Floats:
    """Return the ROC curve over repeats with its band, (3, rates): value, low, high.

    Curves are averaged at fixed false positive rates `RATES`; the band is that of bootstrap
    samples of participants (`counts`, (B, n)), point by point.
    """
    weights = np.concatenate([np.ones((1, len(y))), counts])
    curves = np.mean([_roc(row, y, weights=weights) for row in out_of_fold.log_odds], axis=0)
    low, high = np.percentile(curves[1:], [2.5, 97.5], axis=0)
    return np.stack([curves[0], low, high])


def subgroup_auc(out_of_fold: OutOfFold, y: Floats, *, member: Floats) -> tuple[Estimate, int, int]:
    """Return the AUC inside a subgroup, and how many of class 1 and 0 it has.

    Pairs are those left out by one model. With fewer than five of a class it is not estimable:
    NaN.
    """
    inside = member > 0
    ill, well = int((inside & (y == 1)).sum()), int((inside & (y == 0)).sum())
    if min(ill, well) < _LEAST_IN_SUBGROUP:
        return NOTHING, ill, well
    part = OutOfFold(
        log_odds=out_of_fold.log_odds[:, inside],
        folds=out_of_fold.folds[:, inside],
        cuts=out_of_fold.cuts[:, inside],
    )
    value, variance = pair_auc(*compare_pairs(part, y[inside]))
    return auc_interval(value, variance), ill, well


def added_value(
    x: Floats, y: Floats, *, is_imaging: Floats, both: OutOfFold, clinical: OutOfFold
) -> AddedValue:
    """Compare a model with imaging and one without; `is_imaging` marks the columns of x."""
    from scipy.stats import chi2, norm

    pairs, seen = compare_pairs(both, y)
    without, _ = compare_pairs(clinical, y)  # the same folds, hence the same pairs
    difference = pairs - without
    value, variance = pair_auc(difference, seen)
    error = float(np.sqrt(variance)) if variance > 0 else np.nan
    ratio = _likelihood_ratio(x, y, is_imaging=is_imaging)
    freedom = int(is_imaging.sum())
    return AddedValue(
        clinical_auc=pair_auc(without, seen)[0],
        auc_difference=Estimate(value=value, low=value - Z95 * error, high=value + Z95 * error),
        p=float(2 * norm.sf(abs(value) / error)),
        brier_difference=_brier(both, y) - _brier(clinical, y),
        likelihood_ratio=ratio,
        degrees_of_freedom=freedom,
        likelihood_p=float(chi2.sf(ratio, freedom)),
    )


def _brier(out_of_fold: OutOfFold, y: Floats) -> float:
    return float(((expit(out_of_fold.log_odds) - y) ** 2).mean())


def _likelihood_ratio(x: Floats, y: Floats, *, is_imaging: Floats) -> float:
    everyone = np.ones((1, len(y)))
    z = scale(x[None], weights=everyone).standardise(x[None])
    deviances = []
    for columns in (np.ones(x.shape[1], bool), is_imaging == 0):
        part = z[..., columns]
        found = fit(part, y[None], weights=everyone, inverse_penalty=np.full(1, _NO_PENALTY))
        if np.abs(found[:, :-1]).max(initial=0.0) > _SEPARATED:
            return np.nan
        deviances.append(2 * log_loss(linear_predictor(part, found), y[None]).sum())
    return float(deviances[1] - deviances[0])


def _roc(scores: Floats, y: Floats, *, weights: Floats) -> Floats:
    """Return the true positive rates at `RATES` for each weighting, (B, rates)."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # where a run of ties ends
    ill, well = weights[:, order] * y[order], weights[:, order] * (1 - y[order])
    true = ill.cumsum(axis=1)[:, last] / ill.sum(axis=1, keepdims=True)
    false = well.cumsum(axis=1)[:, last] / well.sum(axis=1, keepdims=True)
    start = np.zeros(1)
    return np.stack(
        [
            np.interp(RATES, np.concatenate([start, f]), np.concatenate([start, t]))
            for f, t in zip(false, true, strict=True)
        ]
    )
