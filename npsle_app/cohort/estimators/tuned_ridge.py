"""Ridge logistic regression whose penalty is chosen by cross-validation inside its own data."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.estimators.resampling import stratified_folds
from npsle_app.cohort.estimators.ridge_logistic import (
    Scaling,
    fit,
    fit_path,
    linear_predictor,
    log_loss,
    scale,
)

# C of scikit-learn: from next to no effect of any predictor to next to no penalty
INVERSE_PENALTIES: Floats = np.logspace(-3, 1, 9)
_NUMBERS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedFits:
    """T fitted models.

    Attributes
    ----------
    scaling
        Imputation and standardisation, (T, p).
    coefficients : (T, p + 1) array
        Of standardised predictors; the intercept last.
    inverse_penalty : (T,) array
        The C chosen.
    inner_log_odds : (T, n) array
        Predictions for the training rows by models of the inner folds that had not seen them;
        NaN outside the training set. Thresholds are chosen on these.
    """

    scaling: Scaling
    coefficients: Floats
    inverse_penalty: Floats
    inner_log_odds: Floats

    def predict(self, x: Floats) -> Floats:
        """Return the log odds, (T, n), of (T, n, p) or (n, p) predictors."""
        stacked = np.broadcast_to(x, (len(self.coefficients), *x.shape[-2:]))
        return linear_predictor(self.scaling.standardise(stacked), self.coefficients)


def inner_folds(y: Floats, weights: Floats, *, folds: int, rng: np.random.Generator) -> Ints:
    """Deal each training set (T, n) out to inner folds; a row drawn twice stays in one fold."""
    return np.stack(
        [stratified_folds(np.where(row > 0, y, np.nan), folds=folds, rng=rng) for row in weights]
    )


def fit_tuned(x: Floats, y: Floats, *, weights: Floats, inner: Ints) -> TunedFits:
    """Choose C by the log loss of the inner folds and fit again on the whole training set.

    Parameters
    ----------
    x : (T, n, p) or (n, p) array
        Predictors; NaN is missing.
    y : (n,) array
        Class, 0 or 1.
    weights : (T, n) array
        How often each row counts in each training set.
    inner : (T, n) array
        Inner fold of each row; -1 outside the training set.
    """
    stacked = np.broadcast_to(x, (len(weights), *x.shape[-2:]))
    cost = (inner.max(initial=0) + 1) * stacked.shape[1] * (stacked.shape[2] + 1) * 3
    size = max(1, _NUMBERS_AT_ONCE // cost)
    parts = [
        _fit_part(stacked[at], y, weights=weights[at], inner=inner[at])
        for at in (slice(start, start + size) for start in range(0, len(weights), size))
    ]
    return join([*parts])


def join(parts: list[TunedFits]) -> TunedFits:
    """Put models of several calls behind each other."""
    return TunedFits(
        scaling=Scaling(
            mean=np.concatenate([part.scaling.mean for part in parts]),
            sd=np.concatenate([part.scaling.sd for part in parts]),
        ),
        coefficients=np.concatenate([part.coefficients for part in parts]),
        inverse_penalty=np.concatenate([part.inverse_penalty for part in parts]),
        inner_log_odds=np.concatenate([part.inner_log_odds for part in parts]),
    )


def _fit_part(x: Floats, y: Floats, *, weights: Floats, inner: Ints) -> TunedFits:
    y_each = np.broadcast_to(y, weights.shape)
    path = _inner_path(x, y, weights=weights, inner=inner)
    held_out = (weights * (inner >= 0))[None] * log_loss(path, y_each)
    best = held_out.sum(axis=2).argmin(axis=0)
    chosen = INVERSE_PENALTIES[best]
    scaling = scale(x, weights=weights)
    coefficients = fit(scaling.standardise(x), y_each, weights=weights, inverse_penalty=chosen)
    log_odds = path[best, np.arange(len(best))]
    return TunedFits(
        scaling=scaling,
        coefficients=coefficients,
        inverse_penalty=chosen,
        inner_log_odds=np.where(inner >= 0, log_odds, np.nan),
    )


def _inner_path(x: Floats, y: Floats, *, weights: Floats, inner: Ints) -> Floats:
    """Predict each training row by the models without its fold, (C, T, n)."""
    sets, folds = len(weights), int(inner.max(initial=0)) + 1
    out = np.zeros((len(INVERSE_PENALTIES), *weights.shape))
    seen = np.concatenate([weights * (inner != fold) for fold in range(folds)])
    z_all = np.concatenate([x] * folds)
    z = scale(z_all, weights=seen).standardise(z_all)
    y_all = np.broadcast_to(y, seen.shape)
    path = fit_path(z, y_all, weights=seen, inverse_penalties=INVERSE_PENALTIES)
    log_odds = linear_predictor(z, path).reshape(len(path), folds, sets, -1)
    for fold in range(folds):
        out += np.where(inner == fold, log_odds[:, fold], 0.0)
    return out
