"""Whether predicted probabilities can be believed, and what acting on them is worth."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.discrimination import Estimate, wilson
from npsle_app.cohort.estimators.ridge_logistic import fit

_NEXT_TO_NO_PENALTY = 1e8
_STEPS = 50
THRESHOLDS: Floats = np.round(np.arange(0.02, 0.81, 0.02), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How predictions fit outcomes.

    Attributes
    ----------
    intercept
        Calibration in the large: log odds that predictions are too low by on the whole; 0 is
        right.
    slope
        1 is right; below 1, predictions are too extreme.
    brier
        Mean squared error of probabilities.
    scaled_brier
        1 − Brier / that of the share of class 1; 0 is no better than the share.
    """

    intercept: Estimate
    slope: Estimate
    brier: Estimate
    scaled_brier: Estimate


def assess_calibration(log_odds: Floats, y: Floats, *, counts: Floats) -> Calibration:
    """Judge out-of-fold predictions; median over repeats, interval over bootstrap samples.

    Parameters
    ----------
    log_odds : (R, n) array
        Predictions, a row per repeat.
    counts : (B, n) array
        How often each participant was drawn.

    Returns
    -------
    Calibration
        NaN for the slope where predictions do not vary.
    """
    everyone = np.ones((1, len(y)))
    rows = np.concatenate([everyone, counts])
    figures = np.stack([_figures(row, y, weights=rows) for row in log_odds])
    typical = np.median(figures, axis=0)
    low, high = np.percentile(typical[1:], [2.5, 97.5], axis=0)
    estimates = [
        Estimate(value=float(value), low=float(below), high=float(above))
        for value, below, above in zip(typical[0], low, high, strict=True)
    ]
    return Calibration(
        intercept=estimates[0],
        slope=estimates[1],
        brier=estimates[2],
        scaled_brier=estimates[3],
    )


def calibration_slopes(log_odds: Floats, y: Floats, *, weights: Floats) -> Floats:
    """Return intercept and slope of outcome on log odds for each weighting, (B, 2).

    NaN where predictions do not vary.
    """
    spread = float(np.ptp(log_odds))
    if spread < 1e-9:
        return np.full((len(weights), 2), np.nan)
    centre = float(log_odds.mean())
    z = np.broadcast_to(((log_odds - centre) / spread)[None, :, None], (*weights.shape, 1))
    penalty = np.full(len(weights), _NEXT_TO_NO_PENALTY)
    found = fit(z, np.broadcast_to(y, weights.shape), weights=weights, inverse_penalty=penalty)
    slope = found[:, 0] / spread
    return np.stack([found[:, 1] - slope * centre, slope], axis=1)


def recalibrate(log_odds: Floats, y: Floats) -> tuple[float, float]:
    """Return intercept and slope of outcome on log odds; NaN where predictions do not vary."""
    intercept, slope = calibration_slopes(log_odds, y, weights=np.ones((1, len(y))))[0]
    return float(intercept), float(slope)


def calibration_in_the_large(log_odds: Floats, y: Floats, *, weights: Floats) -> Floats:
    """Return for each weighting what must be added to all log odds, (B,), by Newton's method."""
    shift = np.zeros(len(weights))
    for _ in range(_STEPS):
        chance = expit(log_odds[None] + shift[:, None])
        slope = (weights * (y - chance)).sum(axis=1)
        curve = (weights * chance * (1 - chance)).sum(axis=1)
        step = np.clip(slope / np.maximum(curve, 1e-12), -2, 2)
        shift += step
        if np.abs(step).max() < 1e-10:
            break
    return shift


def calibration_groups(
    log_odds: Floats, y: Floats, *, groups: int = 5
) -> list[tuple[float, Estimate, int]]:
    """Return mean prediction, observed share and number of participants of each fifth.

    `log_odds` (n,) are those of each participant over repeats; ties stay together.
    """
    edges = np.quantile(log_odds, np.linspace(0, 1, groups + 1)[1:-1])
    member = np.searchsorted(edges, log_odds, side="right")
    found = []
    for number in np.unique(member):
        at = member == number
        n = int(at.sum())
        found.append((float(expit(log_odds[at]).mean()), wilson(float(y[at].sum()), n), n))
    return found


def net_benefit(log_odds: Floats, y: Floats, *, weights: Floats) -> Floats:
    """Return the net benefit of acting on predictions at each threshold, (B, thresholds).

    TP/n − FP/n · t/(1 − t), after Vickers 2006, doi:10.1177/0272989X06295361; mean over the
    repeats of `log_odds` (R, n).
    """
    total = weights.sum(axis=1, keepdims=True)
    benefit = np.zeros((len(weights), len(THRESHOLDS)))
    for row in expit(log_odds):
        called = (row[:, None] >= THRESHOLDS).astype(float)
        true, false = weights @ (called * y[:, None]), weights @ (called * (1 - y)[:, None])
        benefit += (true - false * THRESHOLDS / (1 - THRESHOLDS)) / total
    return benefit / len(log_odds)


def benefit_of_treating_all(y: Floats) -> Floats:
    """Return the net benefit of acting on everyone at each threshold."""
    share = float(y.mean())
    return share - (1 - share) * THRESHOLDS / (1 - THRESHOLDS)


def _figures(log_odds: Floats, y: Floats, *, weights: Floats) -> Floats:
    total = weights.sum(axis=1)
    brier = (weights * (expit(log_odds) - y) ** 2).sum(axis=1) / total
    share = (weights * y).sum(axis=1) / total
    return np.stack(
        [
            calibration_in_the_large(log_odds, y, weights=weights),
            calibration_slopes(log_odds, y, weights=weights)[:, 1],
            brier,
            1 - brier / (share * (1 - share)),
        ],
        axis=1,
    )
