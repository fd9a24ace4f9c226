"""Nested cross-validation, bootstrap, permutation: laws, and what they say of noise."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks.classifier import assess, draw
from npsle_app.cohort.classifier.aucs import permutation_p, point_632
from npsle_app.cohort.estimators.cross_validation import (
    OutOfFold,
    bootstrap,
    compare_pairs,
    cross_validate,
    pair_auc,
    permute,
)
from npsle_app.cohort.estimators.discrimination import auc
from npsle_app.engine.executors import InlineExecutor

INLINE = InlineExecutor()


@pytest.fixture(scope="module")
def data():
    return draw(3, n=60, p=3, ill=25, step=1.2)


def test_the_number_of_workers_changes_nothing(data):
    x, y = data
    with ThreadPoolExecutor(3) as several:
        for run in (
            lambda executor: cross_validate(x, y, repeats=7, seed=1, executor=executor).log_odds,
            lambda executor: bootstrap(x, y, samples=60, seed=1, executor=executor).coefficients,
            lambda executor: permute(x, y, permutations=4, repeats=1, seed=1, executor=executor),
        ):
            assert (run(INLINE) == run(several)).all()


def test_another_seed_is_another_split(data):
    x, y = data
    one, two = (cross_validate(x, y, repeats=1, seed=s, executor=INLINE) for s in (1, 2))
    assert (one.folds != two.folds).any()


def test_a_participant_is_predicted_by_models_that_never_saw_it(data):
    x, y = data
    out = cross_validate(x, y, repeats=2, seed=1, executor=INLINE)
    changed = x.copy()
    changed[7] = [50, -50, 50]  # what a model learned from it would move the others' mean
    again = cross_validate(changed, y, repeats=2, seed=1, executor=INLINE)
    for row in range(2):
        same_fold = (out.folds[row] == out.folds[row, 7]) & (np.arange(len(y)) != 7)
        assert out.log_odds[row, same_fold] == pytest.approx(again.log_odds[row, same_fold])
        assert (out.log_odds[row, ~same_fold] != again.log_odds[row, ~same_fold]).all()


def test_pairs_of_one_fold_alone_are_compared():
    y = np.array([1.0, 1, 0, 0])
    out = OutOfFold(
        log_odds=np.array([[5.0, 1, 0, 2]]),
        folds=np.array([[0, 1, 0, 1]]),
        cuts=np.zeros((1, 4)),
    )
    wins, seen = compare_pairs(out, y)
    assert seen.tolist() == [[1, 0], [0, 1]]
    assert pair_auc(wins, seen)[0] == 0.5


def test_with_one_fold_for_all_pairs_the_auc_is_the_plain_one():
    rng = np.random.default_rng(1)
    y = (np.arange(40) < 15).astype(float)
    scores = rng.normal(size=(1, 40))
    out = OutOfFold(log_odds=scores, folds=np.zeros((1, 40), int), cuts=scores)
    assert pair_auc(*compare_pairs(out, y))[0] == pytest.approx(float(auc(scores[0], y)))


def test_the_p_of_a_permutation_is_never_0():
    assert permutation_p(0.99, np.full(999, 0.5)) == 0.001
    assert permutation_p(0.5, np.array([0.4, 0.5, 0.6])) == 0.75
    assert np.isnan(permutation_p(0.5, np.zeros(0)))


def test_632_plus_lies_between_apparent_and_out_of_bag():
    assert 0.7 < point_632(0.9, out_of_bag=0.7) < 0.9
    assert point_632(0.9, out_of_bag=0.4) == pytest.approx(0.5)
    assert point_632(0.45, out_of_bag=0.4) == 0.45


def test_the_apparent_auc_of_noise_is_high_and_the_honest_intervals_hold_a_half():
    x, y = draw(1, n=80, p=20, ill=40, step=0.0)
    found = assess(x, y, seed=1, samples=30, permutations=20, repeats=3)
    assert found.apparent.low > 0.55
    assert found.corrected.low <= 0.5 <= found.corrected.high
    assert found.nested.low <= 0.5 <= found.nested.high
    assert found.optimism > 0.05


@pytest.mark.exhaustive
def test_a_planted_auc_of_080_is_recovered_within_005():
    found = []
    for run in range(12):
        x, y = draw(1000 + run, n=80, p=4, ill=40, step=1.19023)
        found.append(assess(x, y, seed=run, samples=20, permutations=0, repeats=3))
    assert np.mean([one.nested.value for one in found]) == pytest.approx(0.80, abs=0.05)
    assert np.mean([one.corrected.value for one in found]) == pytest.approx(0.80, abs=0.05)


@pytest.mark.exhaustive
def test_the_p_of_noise_is_uniform():
    found = []
    for run in range(40):
        x, y = draw(2000 + run, n=50, p=2, ill=22, step=0.0)
        out = cross_validate(x, y, repeats=1, seed=run, executor=INLINE)
        permuted = permute(x, y, permutations=19, repeats=1, seed=run, executor=INLINE)
        found.append(permutation_p(pair_auc(*compare_pairs(out, y))[0], permuted))
    assert np.mean(found) == pytest.approx(0.525, abs=3 * 0.29 / np.sqrt(40))
    assert np.mean(np.array(found) <= 0.25) == pytest.approx(0.25, abs=0.21)
