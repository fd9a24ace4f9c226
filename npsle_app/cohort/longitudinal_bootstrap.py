"""Limits of a mixed model by bootstrap of people."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsle_app.cohort.longitudinal import BETWEEN, WITHIN, split_within_between
from npsle_app.cohort.mixed_model import TIME, MixedFit

_EFFECTS = (BETWEEN, WITHIN, TIME)
_LEAST_SAMPLES = 20
_SINGULAR = 1e12


def bootstrap_over_time(
    visits: pd.DataFrame,
    *,
    fit: MixedFit,
    score: str,
    predictor: str,
    covariates: Sequence[str] = (),
    samples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % limits of the effects between and within people and of time.

    People are drawn with all their visits, so that the limits hold where residuals are not
    normal or their variances differ. The ratio of the variances between and within people is
    held at that of the fit: each sample is then least squares on visits less a part of their
    person's mean, 1 − 1 / √(1 + visits · ratio) (Fuller 1973, doi:10.2307/2285386).

    Parameters
    ----------
    visits
        As for `fit_over_time`, complete.
    fit
        Its result, with a random intercept alone.

    Returns
    -------
    dict
        By effect, percentiles 2.5 and 97.5; empty with fewer than 20 samples that could be
        fitted.
    """
    split = split_within_between(visits, predictor=predictor)
    variables = split[[*_EFFECTS, *covariates]].to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(split)), variables])
    outcome = split[score].to_numpy(dtype=float)
    _, person = np.unique(split["participant_id"].to_numpy(dtype=str), return_inverse=True)
    ratio = (fit.person_sd / fit.residual_sd) ** 2
    squares, products = _sum_by_person(design, outcome, person, ratio)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        times = np.bincount(rng.integers(0, len(squares), len(squares)), minlength=len(squares))
        left, right = np.tensordot(times, squares, axes=1), times @ products
        if np.linalg.cond(left) < _SINGULAR:
            found.append(np.linalg.solve(left, right)[1 : 1 + len(_EFFECTS)])
    if len(found) < _LEAST_SAMPLES:
        return {}
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    pairs = zip(_EFFECTS, low, high, strict=True)
    return {name: (float(least), float(most)) for name, least, most in pairs}


def _sum_by_person(
    design: np.ndarray, outcome: np.ndarray, person: np.ndarray, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return each person's X'X, (people, k, k), and X'y, (people, k), of the model's weights."""
    counts = np.bincount(person)
    share = 1 - 1 / np.sqrt(1 + counts * ratio)
    both = np.column_stack([design, outcome])
    sums = np.zeros((len(counts), both.shape[1]))
    np.add.at(sums, person, both)
    moved = both - (share / counts)[person, None] * sums[person]
    x, y = moved[:, :-1], moved[:, -1]
    squares = np.zeros((len(counts), x.shape[1], x.shape[1]))
    np.add.at(squares, person, x[:, :, None] * x[:, None, :])
    products = np.zeros((len(counts), x.shape[1]))
    np.add.at(products, person, x * y[:, None])
    return squares, products
