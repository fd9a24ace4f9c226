"""Many ridge logistic regressions at once.

Repeated nested cross-validation, bootstrap and permutations fit some hundred thousand small
models. One at a time, the overhead of a general solver is the whole cost; side by side, each
Newton step is a handful of array operations for all of them. scikit-learn fits one at a time;
the tests hold that its results are the same.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from npsle_app.arrays import Floats

_MAX_STEPS = 60
_MAX_HALVINGS = 30
_TOLERANCE = 1e-5  # of the last step; Newton squares the error, so 1e-10 is left
_CONSTANT = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Mean and standard deviation of each predictor in each training set, (B, p) each."""

    mean: Floats
    sd: Floats

    def standardise(self, x: Floats) -> Floats:
        """Return (B, n, p) standard scores; what is missing or did not vary becomes 0."""
        varied = self.sd > 0
        z = (x - self.mean[:, None]) / np.where(varied, self.sd, 1.0)[:, None]
        return np.where(np.isfinite(z) & varied[:, None], z, 0.0)


def scale(x: Floats, *, weights: Floats) -> Scaling:
    """Learn imputation by the mean, then standardisation, from weighted rows.

    Parameters
    ----------
    x : (B, n, p) array
        Predictors; NaN is missing.
    weights : (B, n) array
        How often each row counts; 0 for rows outside the training set.

    Returns
    -------
    Scaling
        As `SimpleImputer` and `StandardScaler` of scikit-learn one after the other: the
        standard deviation is that of the imputed column. It is 0 for a column that does not
        vary or has no value; the mean of the latter is 0.
    """
    seen = np.isfinite(x) * weights[..., None]
    total = seen.sum(axis=1)
    filled = np.where(np.isfinite(x), x, 0.0)
    mean = (filled * seen).sum(axis=1) / np.where(total > 0, total, 1.0)
    away = (filled - mean[:, None]) ** 2 * seen
    sd = np.sqrt(away.sum(axis=1) / weights.sum(axis=1)[:, None])
    return Scaling(mean=mean, sd=np.where(sd > _CONSTANT * (1 + np.abs(mean)), sd, 0.0))


def fit(
    z: Floats, y: Floats, *, weights: Floats, inverse_penalty: Floats, start: Floats | None = None
) -> Floats:
    """Fit B ridge logistic regressions by Newton's method with step halving.

    Each minimises ½ Σ β_j² + C Σ_i w_i loss_i, with a free intercept: scikit-learn's
    `LogisticRegression(C=C)`.

    Parameters
    ----------
    z : (B, n, p) array
        Standardised predictors without missing values.
    y : (B, n) array
        0 or 1.
    weights : (B, n) array
        How often each row counts.
    inverse_penalty : (B,) array
        C.
    start : (B, p + 1) array, optional
        Where to begin.

    Returns
    -------
    (B, p + 1) array
        The coefficients, the intercept last. With one class alone among the weighted rows the
        intercept has no finite value and is what `_MAX_STEPS` steps reach.
    """
    design = np.concatenate([z, np.ones((*z.shape[:2], 1))], axis=2)
    beta = np.zeros((z.shape[0], z.shape[2] + 1)) if start is None else start.copy()
    mass = weights * inverse_penalty[:, None]
    ridge = np.ones(beta.shape[1])
    ridge[-1] = 0.0
    loss, chance = _loss(design, beta, y=y, mass=mass, ridge=ridge)
    for _ in range(_MAX_STEPS):
        slope = _times(design, mass * (chance - y)) + ridge * beta
        curved = (design * (mass * chance * (1 - chance))[..., None]).swapaxes(1, 2) @ design
        curved[:, range(len(ridge)), range(len(ridge))] += ridge + 1e-12
        step = np.linalg.solve(curved, slope[..., None])[..., 0]
        beta, loss, chance = _descend(
            design, beta, step=step, loss=loss, y=y, mass=mass, ridge=ridge
        )
        if np.abs(step).max(initial=0.0) < _TOLERANCE:
            break
    return beta


def fit_path(z: Floats, y: Floats, *, weights: Floats, inverse_penalties: Floats) -> Floats:
    """Fit for each C of an ascending grid, each from the result before: (C, B, p + 1)."""
    path: list[Floats] = []
    for value in inverse_penalties:
        each = np.full(z.shape[0], value)
        start = path[-1] if path else None
        path.append(fit(z, y, weights=weights, inverse_penalty=each, start=start))
    return np.stack(path)


def linear_predictor(z: Floats, coefficients: Floats) -> Floats:
    """Return the log odds, (…, B, n), of (B, n, p) standard scores."""
    slopes, intercept = coefficients[..., :-1], coefficients[..., -1]
    return (z @ slopes[..., None])[..., 0] + intercept[..., None]


def log_loss(log_odds: Floats, y: Floats) -> Floats:
    """Negative log-likelihood of each row."""
    # np.logaddexp(0, log_odds) − y · log_odds, which is slower by a quarter of the whole fit
    loss: Floats = np.log1p(np.exp(-np.abs(log_odds))) + np.maximum(log_odds, 0.0) - y * log_odds
    return loss


def _loss(
    design: Floats, beta: Floats, *, y: Floats, mass: Floats, ridge: Floats
) -> tuple[Floats, Floats]:
    log_odds = (design @ beta[..., None])[..., 0]
    penalty = 0.5 * (ridge * beta**2).sum(axis=1)
    return (mass * log_loss(log_odds, y)).sum(axis=1) + penalty, expit(log_odds)


def _descend(
    design: Floats,
    beta: Floats,
    *,
    step: Floats,
    loss: Floats,
    y: Floats,
    mass: Floats,
    ridge: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Take the Newton step, halved where the loss would grow."""
    length = np.ones(len(beta))
    for _ in range(_MAX_HALVINGS):
        tried = beta - length[:, None] * step
        found, chance = _loss(design, tried, y=y, mass=mass, ridge=ridge)
        worse = found > loss + 1e-12 * (1 + np.abs(loss))
        if not worse.any():
            break
        length = np.where(worse, length / 2, length)
    return tried, found, chance


def _times(design: Floats, rows: Floats) -> Floats:
    return (design.swapaxes(1, 2) @ rows[..., None])[..., 0]
