"""Repeated nested cross-validation, bootstrap and permutation of the tuned ridge model.

Work comes in pieces whose size and seeds do not depend on how many workers there are, so that
the result does not either. Each piece is a plain function of arrays that a process can take.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.estimators.combat import Harmoniser
from npsle_app.cohort.estimators.discrimination import auc, pairwise, youden_cut
from npsle_app.cohort.estimators.resampling import bootstrap_counts, stratified_folds
from npsle_app.cohort.estimators.tuned_ridge import TunedFits, fit_tuned, inner_folds

T = TypeVar("T")
Seed = tuple[int, ...]

FOLDS = 5
_REPEATS_AT_ONCE = 5
_SAMPLES_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """Predictions by models that had not seen the participant.

    Attributes
    ----------
    log_odds : (R, n) array
        One row per repeat.
    folds : (R, n) array
        The outer fold that each participant was left out with.
    cuts : (R, n) array
        The log odds from which on that model calls class 1, chosen in its inner folds.
    """

    log_odds: Floats
    folds: Ints
    cuts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What B models fitted to bootstrap samples do.

    Attributes
    ----------
    counts : (B, n) array
        How often each participant was drawn.
    coefficients : (B, p) array
        Of standardised predictors, without the intercept.
    auc_in_sample, auc_original : (B,) array
        On the bootstrap sample, and on all participants.
    out_of_bag : (2, n1, n0) array
        Sum of comparisons of pairs that a model had not seen, and the number of them.
    """

    counts: Floats
    coefficients: Floats
    auc_in_sample: Floats
    auc_original: Floats
    out_of_bag: Floats


def run_all(executor: Executor, calls: Sequence[Callable[[], T]]) -> list[T]:
    """Hand calls to an executor and return their results in order."""
    return [future.result() for future in [executor.submit(call) for call in calls]]


def cross_validate(
    x: Floats,
    y: Floats,
    *,
    repeats: int,
    seed: int,
    executor: Executor,
    harmoniser: Harmoniser | None = None,
) -> OutOfFold:
    """Repeat 5-fold cross-validation; C and cut are chosen in five inner folds of each.

    A harmoniser is fitted to the predictors of the training people of each outer fold, and
    applied to those who were left out.
    """
    calls = [
        partial(
            _repeats,
            x,
            y,
            numbers=tuple(range(first, min(first + _REPEATS_AT_ONCE, repeats))),
            seed=seed,
            harmoniser=harmoniser,
        )
        for first in range(0, repeats, _REPEATS_AT_ONCE)
    ]
    parts = run_all(executor, calls)
    return OutOfFold(
        log_odds=np.concatenate([part.log_odds for part in parts]),
        folds=np.concatenate([part.folds for part in parts]),
        cuts=np.concatenate([part.cuts for part in parts]),
    )


def bootstrap(x: Floats, y: Floats, *, samples: int, seed: int, executor: Executor) -> Bootstrap:
    """Fit the whole procedure to samples of participants drawn inside each class."""
    parts = run_all(
        executor,
        [
            partial(_samples, x, y, samples=size, seed=(seed, 2, number))
            for number, size in enumerate(_pieces(samples))
        ],
    )
    return Bootstrap(
        counts=np.concatenate([part.counts for part in parts]),
        coefficients=np.concatenate([part.coefficients for part in parts]),
        auc_in_sample=np.concatenate([part.auc_in_sample for part in parts]),
        auc_original=np.concatenate([part.auc_original for part in parts]),
        out_of_bag=np.sum([part.out_of_bag for part in parts], axis=0),
    )


def permute(
    x: Floats, y: Floats, *, permutations: int, repeats: int, seed: int, executor: Executor
) -> Floats:
    """Return the cross-validated AUC of each shuffling of the rows of x, (permutations,).

    Shuffling the predictors leaves the classes, and with them the folds, as they are.
    """
    parts = run_all(
        executor,
        [
            partial(
                _shuffles,
                x,
                y,
                shuffles=size,
                repeats=repeats,
                seed=(seed, 3, number),
                folds_seed=seed,
            )
            for number, size in enumerate(_pieces(permutations))
        ],
    )
    return np.concatenate(parts) if parts else np.zeros(0)


def fit_all(x: Floats, y: Floats, *, seed: int) -> TunedFits:
    """Fit the model to all participants."""
    everyone = np.ones((1, len(y)))
    inner = inner_folds(y, everyone, folds=FOLDS, rng=np.random.default_rng([seed, 4]))
    return fit_tuned(x, y, weights=everyone, inner=inner)


def compare_pairs(out_of_fold: OutOfFold, y: Floats) -> tuple[Floats, Floats]:
    """Compare participants that one model left out together.

    Log odds of different folds come from different models. Where these are shrunk to next to
    nothing, they differ by their intercepts alone, which are lower in those that saw fewer of
    class 1 and so left more of it out: pooled, an AUC of 0.5 looks smaller.

    Returns
    -------
    (n1, n0) array, (n1, n0) array
        Sum of comparisons (1, ½, 0) over repeats, and the number of them.
    """
    ill, well = y == 1, y == 0
    wins = np.zeros((int(ill.sum()), int(well.sum())))
    seen = np.zeros_like(wins)
    for log_odds, folds in zip(out_of_fold.log_odds, out_of_fold.folds, strict=True):
        together = folds[ill][:, None] == folds[well][None]
        wins += pairwise(log_odds, y) * together
        seen += together
    return wins, seen


def pair_auc(wins: Floats, seen: Floats) -> tuple[float, float]:
    """Return the AUC of compared pairs and its variance, after DeLong, for fixed scores.

    NaN where no pair was compared; the variance where a class has fewer than two members.
    """
    if not seen.sum():
        return np.nan, np.nan
    with np.errstate(invalid="ignore"):
        of_ill, of_well = wins.sum(1) / seen.sum(1), wins.sum(0) / seen.sum(0)
    parts = [part[np.isfinite(part)] for part in (of_ill, of_well)]
    variance = sum(
        float(part.var(ddof=1)) / len(part) if len(part) > 1 else np.nan for part in parts
    )
    return float(wins.sum() / seen.sum()), variance


def _repeats(
    x: Floats, y: Floats, *, numbers: tuple[int, ...], seed: int, harmoniser: Harmoniser | None
) -> OutOfFold:
    folds = np.stack(
        [
            stratified_folds(y, folds=FOLDS, rng=np.random.default_rng([seed, 1, number]))
            for number in numbers
        ]
    )
    rng = np.random.default_rng([seed, 1, numbers[0], 1])
    return _cross_fit(x, y, folds=folds, rng=rng, harmoniser=harmoniser)


def _cross_fit(
    x: Floats,
    y: Floats,
    *,
    folds: Ints,
    rng: np.random.Generator,
    cut: bool = True,
    harmoniser: Harmoniser | None = None,
) -> OutOfFold:
    """Cross-validate for each row of `folds` (R, n); x is (n, p), or (R, n, p) for own rows."""
    weights = np.concatenate([(folds != fold).astype(float) for fold in range(FOLDS)])
    stacked = np.concatenate([np.broadcast_to(x, (len(folds), *x.shape[-2:]))] * FOLDS)
    if harmoniser is not None:
        pairs = zip(stacked, weights, strict=True)
        stacked = np.stack([harmoniser.harmonise(each, weights=seen) for each, seen in pairs])
    inner = inner_folds(y, weights, folds=FOLDS, rng=rng)
    fits = fit_tuned(stacked, y, weights=weights, inner=inner)
    predicted = fits.predict(stacked).reshape(FOLDS, *folds.shape)
    cuts = _cuts(fits.inner_log_odds, y) if cut else np.full(len(weights), np.nan)
    by_fold = cuts.reshape(FOLDS, len(folds))
    return OutOfFold(
        log_odds=np.take_along_axis(predicted, folds[None], axis=0)[0],
        folds=folds,
        cuts=np.take_along_axis(by_fold, folds.T, axis=0).T,
    )


def _cuts(inner_log_odds: Floats, y: Floats) -> Floats:
    seen = np.isfinite(inner_log_odds)
    return np.array(
        [youden_cut(row[at], y[at]) for row, at in zip(inner_log_odds, seen, strict=True)]
    )


def _samples(x: Floats, y: Floats, *, samples: int, seed: Seed) -> Bootstrap:
    rng = np.random.default_rng(seed)
    counts = bootstrap_counts(y, samples=samples, rng=rng)
    fits = fit_tuned(x, y, weights=counts, inner=inner_folds(y, counts, folds=FOLDS, rng=rng))
    scores = fits.predict(x)
    ill, well = y == 1, y == 0
    within, unseen = np.zeros(samples), np.zeros((2, int(ill.sum()), int(well.sum())))
    for number, (row, drawn) in enumerate(zip(scores, counts, strict=True)):
        pairs = pairwise(row, y)
        within[number] = drawn[ill] @ pairs @ drawn[well] / (ill.sum() * well.sum())
        both = (drawn[ill] == 0)[:, None] & (drawn[well] == 0)[None]
        unseen += np.stack([pairs * both, both])
    return Bootstrap(
        counts=counts,
        coefficients=fits.coefficients[:, :-1],
        auc_in_sample=within,
        auc_original=auc(scores, y),
        out_of_bag=unseen,
    )


def _shuffles(
    x: Floats, y: Floats, *, shuffles: int, repeats: int, seed: Seed, folds_seed: int
) -> Floats:
    rng = np.random.default_rng(seed)
    folds = np.stack(
        [
            stratified_folds(y, folds=FOLDS, rng=np.random.default_rng([folds_seed, 1, number]))
            for number in range(repeats)
        ]
    )
    found = []
    for _ in range(shuffles):
        shuffled = x[rng.permutation(len(y))]
        result = _cross_fit(shuffled, y, folds=folds, rng=rng, cut=False)
        found.append(pair_auc(*compare_pairs(result, y))[0])
    return np.array(found)


def _pieces(total: int) -> list[int]:
    """Split a number of samples into pieces of at most `_SAMPLES_AT_ONCE`."""
    full, rest = divmod(total, _SAMPLES_AT_ONCE)
    return [_SAMPLES_AT_ONCE] * full + ([rest] if rest else [])
