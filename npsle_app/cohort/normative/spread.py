"""How far people lie from the mean, by age and head size.

The gamma regression is written out because all regions are fitted at once, which statsmodels'
`GLM` cannot.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.fractional_polynomials import Powers, age_terms
from npsle_app.cohort.normative.mean import People

_LEAST_PEOPLE = 50  # below this a slope of the variance is guesswork
_AGE: tuple[Powers, ...] = ((), (0.0,), (1.0,), (2.0,))
_MAX_STEPS = 50
_TOLERANCE = 1e-8
_FARTHEST = 30.0  # of the logarithm of a variance, so that no step overflows
_LEAST_SQUARE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadFit:
    """ln variance = γ₀ + γ₁ ln(TIV / centre) (if `has_tiv`) + γ₂ age term (if `powers`)."""

    powers: Powers
    has_tiv: bool
    coefficients: Floats

    def predict(self, people: People, *, tiv_centre_ml: float) -> Floats:
        """Return the standard deviation between people, (n,), in the volume's unit."""
        design = _make_design(people, self.powers, self.has_tiv, tiv_centre_ml)
        deviation: Floats = np.exp(design @ self.coefficients / 2)
        return deviation


def constant_spread(deviation: float) -> SpreadFit:
    """Return a spread that is the same for all."""
    return SpreadFit(powers=(), has_tiv=False, coefficients=np.array([2 * np.log(deviation)]))


def fit_spreads(
    squares: Floats, *, people: People, tiv_centre_ml: float, changes: bool
) -> list[SpreadFit]:
    """Fit squared residuals by gamma regression with a logarithmic link.

    The terms, TIV and one power of age out of 0 (logarithm), 1 and 2, are those with the
    smallest Akaike criterion by quasi-likelihood; with fewer than 50 people there are none.

    Parameters
    ----------
    squares : (n, R) array
        Squared residuals of people left out of the fit of the mean.
    changes
        Whether the variance may depend on age and TIV.
    """
    unit = squares.mean(axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    y = np.maximum(squares / unit, _LEAST_SQUARE)
    enough = changes and len(y) >= _LEAST_PEOPLE
    candidates = list(product(_AGE, (False, True) if enough else (False,)))
    candidates = candidates if enough else candidates[:1]
    found = [
        _regress(y, _make_design(people, powers, has_tiv, tiv_centre_ml))
        for powers, has_tiv in candidates
    ]
    dispersion = np.mean((y / np.exp(found[-1][1]) - 1) ** 2, axis=0)
    costs = [
        _cost(y, fitted) / np.maximum(dispersion, 0.1) + 2 * (has_tiv + len(powers))
        for (powers, has_tiv), (_, fitted) in zip(candidates, found, strict=True)
    ]
    best = np.argmin(costs, axis=0)
    return [_take(candidates[b], found[b][0][:, r], unit[r]) for r, b in enumerate(best.tolist())]


def _take(candidate: tuple[Powers, bool], coefficients: Floats, unit: float) -> SpreadFit:
    own = coefficients.copy()
    own[0] += np.log(unit)
    return SpreadFit(powers=candidate[0], has_tiv=candidate[1], coefficients=own)


def _make_design(people: People, powers: Powers, has_tiv: bool, centre: float) -> Floats:
    columns = [np.ones(len(people.age_years))]
    if has_tiv:
        columns.append(np.log(people.tiv_ml / centre))
    if powers:
        columns.append(age_terms(people.age_years, powers=powers)[:, 0])
    return np.column_stack(columns)


def _regress(y: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Fisher scoring: with a logarithmic link all weights of the gamma family are equal."""
    size = np.linalg.norm(design, axis=0)
    inverse = np.linalg.pinv(design / size) / size[:, None]
    coefficients = np.zeros((design.shape[1], y.shape[1]))
    coefficients[0] = np.log(y.mean(axis=0))
    fitted = design @ coefficients
    cost = _cost(y, fitted)
    pace = np.ones(y.shape[1])
    for _ in range(_MAX_STEPS):
        step = inverse @ (y * np.exp(-fitted) - 1)
        trial = np.clip(design @ (coefficients + pace * step), -_FARTHEST, _FARTHEST)
        reached = _cost(y, trial)
        better = reached <= cost
        coefficients = np.where(better, coefficients + pace * step, coefficients)
        fitted = np.where(better, trial, fitted)
        still = np.abs(cost - reached) > _TOLERANCE * len(y)
        cost = np.where(better, reached, cost)
        pace = np.where(better, np.minimum(1.0, 2 * pace), pace / 2)
        if not still.any():
            break
    return coefficients, fitted


def _cost(y: Floats, fitted: Floats) -> Floats:
    """Twice the negative gamma log-likelihood with dispersion 1, but for a constant."""
    cost: Floats = 2 * (fitted + y * np.exp(-fitted)).sum(axis=0)
    return cost
