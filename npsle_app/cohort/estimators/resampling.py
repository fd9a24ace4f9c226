"""Folds and bootstrap samples of participants, from a generator that is passed on.

scikit-learn's `StratifiedKFold` takes a seed, but no generator.
"""

import numpy as np

from npsle_app.arrays import Floats, Ints


def stratified_folds(y: Floats, *, folds: int, rng: np.random.Generator) -> Ints:
    """Deal participants out to folds, each class as evenly as it goes.

    The second class begins where the first ended, so that the folds are of equal size too.

    Parameters
    ----------
    y : (n,) array
        Class, 0 or 1; NaN for those that take no part.

    Returns
    -------
    (n,) array
        The fold, from 0; -1 for those that take no part.

    Examples
    --------
    >>> y = np.array([0.0, 0, 0, 0, 1, 1, np.nan])
    >>> stratified_folds(y, folds=2, rng=np.random.default_rng(1)).tolist()
    [0, 1, 0, 1, 0, 1, -1]
    """
    dealt = np.full(len(y), -1, dtype=np.intp)
    turn = 0
    for value in (0.0, 1.0):
        members = rng.permutation(np.flatnonzero(y == value))
        dealt[members] = (turn + np.arange(len(members))) % folds
        turn += len(members)
    return dealt


def plain_bootstrap_counts(participants: int, *, samples: int, rng: np.random.Generator) -> Floats:
    """Draw participants with replacement, (samples, participants); the share of a class varies."""
    shares = np.full(participants, 1 / participants)
    return rng.multinomial(participants, shares, size=samples).astype(float)


def bootstrap_counts(y: Floats, *, samples: int, rng: np.random.Generator) -> Floats:
    """Draw participants with replacement inside each class.

    Returns
    -------
    (samples, n) array
        How often each participant was drawn.
    """
    counts = np.zeros((samples, len(y)))
    for value in (0.0, 1.0):
        members = np.flatnonzero(y == value)
        if len(members):
            shares = np.full(len(members), 1 / len(members))
            counts[:, members] = rng.multinomial(len(members), shares, size=samples)
    return counts
