"""Skewed and heavy tails: a sinh-arcsinh distribution of mean 0 and variance 1.

scipy does not have this distribution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from npsle_app.arrays import Floats

_LEAST_PEOPLE = 100  # fewer do not show what their tails are like
_NODES, _WEIGHTS = hermegauss(64)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_MAX_SKEW, _MAX_LOG_TAIL = 1.0, 0.7
_STEP = 1e-3
_MAX_STEPS = 40
_TOLERANCE = 1e-4
_AKAIKE = 4.0  # twice the number of parameters
_FARTHEST = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tails:
    """Shape of the standardised residuals; skew 0 and log_tail 0 are normal.

    A residual is x = (sinh((asinh(z) + skew) / exp(log_tail)) − mean) / sd of a standard
    normal z (Jones 2009, doi:10.1093/biomet/asp053); a negative log_tail is heavy.
    """

    skew: float
    log_tail: float

    def to_z(self, standardised: Floats) -> Floats:
        """Return the normal score of each standardised residual."""
        if self.skew == 0 and self.log_tail == 0:
            return standardised
        skew, tail = np.array([self.skew]), np.array([self.log_tail])
        return _to_z(standardised[:, None], skew, tail)[0][:, 0]

    def from_z(self, z: Floats) -> Floats:
        """Return the standardised residual of each normal score: the inverse of `to_z`."""
        if self.skew == 0 and self.log_tail == 0:
            return z
        skew, tail = np.array([self.skew]), np.array([self.log_tail])
        mean, deviation = _moments(skew, tail)
        curved = np.sinh((np.arcsinh(z) + skew) / np.exp(tail))
        found: Floats = (curved - mean) / deviation
        return found


NORMAL = Tails(skew=0.0, log_tail=0.0)


def fit_tails(standardised: Floats, *, start: list[Tails] | None = None) -> list[Tails]:
    """Fit the shape of each region's standardised residuals, by maximum likelihood.

    Parameters
    ----------
    standardised : (n, R) array
        Residuals of people left out, over their predicted standard deviation.
    start
        Shapes to begin with, one per region.

    Returns
    -------
    list of R
        `NORMAL` where Akaike's criterion finds the two parameters not worth it, or where
        there are fewer than 100 people.
    """
    n, regions = standardised.shape
    if n < _LEAST_PEOPLE:
        return [NORMAL] * regions
    shape = np.zeros((2, regions))
    if start is not None:
        shape = np.array([[one.skew for one in start], [one.log_tail for one in start]])
    normal = _cost(standardised, np.zeros((2, regions)))
    shape, cost = _descend(standardised, shape)
    return [
        Tails(skew=float(s), log_tail=float(t)) if kept else NORMAL
        for s, t, kept in zip(*shape, normal - cost > _AKAIKE, strict=True)
    ]


def _descend(x: Floats, shape: Floats) -> tuple[Floats, Floats]:
    bounds = np.array([[_MAX_SKEW], [_MAX_LOG_TAIL]])
    shape, cost = shape.copy(), _cost(x, shape)
    damping, moving = np.ones(len(cost)), np.arange(len(cost))
    for _ in range(_MAX_STEPS):
        own, now = x[:, moving], shape[:, moving]
        step = _newton_step(own, now, cost[moving], damping[moving])
        trial = np.clip(now + step, -bounds, bounds)
        reached = _cost(own, trial)
        better = reached < cost[moving]
        shape[:, moving] = np.where(better, trial, now)
        cost[moving] = np.where(better, reached, cost[moving])
        damping[moving] *= np.where(better, 0.25, 8.0)
        small = np.abs(trial - now).max(axis=0) < _TOLERANCE
        moving = moving[~small & (damping[moving] < 1 / _TOLERANCE)]
        if not len(moving):
            break
    return shape, cost


def _newton_step(x: Floats, shape: Floats, cost: Floats, damping: Floats) -> Floats:
    """Take a damped Newton step of each region, with derivatives by differences."""
    one, other = np.array([[_STEP], [0]]), np.array([[0], [_STEP]])
    up, down = _cost(x, shape + one), _cost(x, shape - one)
    right, left = _cost(x, shape + other), _cost(x, shape - other)
    corner = _cost(x, shape + one + other)
    slope = np.stack([up - down, right - left]) / (2 * _STEP)
    bend_1, bend_2 = (up - 2 * cost + down) / _STEP**2, (right - 2 * cost + left) / _STEP**2
    cross = (corner - up - right + cost) / _STEP**2
    a, b = np.maximum(bend_1, 1.0) * (1 + damping), np.maximum(bend_2, 1.0) * (1 + damping)
    cross = np.clip(cross, -0.9 * np.sqrt(a * b), 0.9 * np.sqrt(a * b))
    determinant = a * b - cross**2
    return -np.stack([b * slope[0] - cross * slope[1], a * slope[1] - cross * slope[0]]) / (
        determinant
    )


def _cost(x: Floats, shape: Floats) -> Floats:
    """Twice the negative log-likelihood of each region, but for a constant."""
    z, log_slope = _to_z(x, shape[0], shape[1])
    cost: Floats = (z**2 - 2 * log_slope).sum(axis=0)
    return cost


def _to_z(x: Floats, skew: Floats, log_tail: Floats) -> tuple[Floats, Floats]:
    """Return normal scores, and the logarithm of their derivative, (n, R) each."""
    mean, deviation = _moments(skew, log_tail)
    tail = np.exp(log_tail)
    y = x * deviation + mean
    inner = np.clip(tail * np.arcsinh(y) - skew, -_FARTHEST, _FARTHEST)
    slope = np.log(deviation) + log_tail - 0.5 * np.log1p(y**2)
    return np.sinh(inner), slope + np.logaddexp(inner, -inner) - np.log(2)


def _moments(skew: Floats, log_tail: Floats) -> tuple[Floats, Floats]:
    curved = np.sinh((np.arcsinh(_NODES)[:, None] + skew) / np.exp(log_tail))
    mean = _WEIGHTS @ curved
    variance = _WEIGHTS @ curved**2 - mean**2
    return mean, np.sqrt(variance)
