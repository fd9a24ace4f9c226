"""AUC, DeLong, Wilson and cuts: known answers, laws, reference software."""

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu
from sklearn.metrics import roc_auc_score

from npsle_app.cohort.estimators.discrimination import (
    auc,
    auc_interval,
    delong,
    pairwise,
    wilson,
    youden_cut,
)

SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.65])
Y = np.array([0.0, 0, 1, 1, 1, 1, 0, 0])


def test_auc_is_mann_whitney_over_the_number_of_pairs():
    u = mannwhitneyu(SCORES[Y == 1], SCORES[Y == 0]).statistic
    assert float(auc(SCORES, Y)) == pytest.approx(u / 16)
    assert float(auc(SCORES, Y)) == pytest.approx(roc_auc_score(Y, SCORES))


def test_auc_is_the_mean_of_pairwise_comparisons():
    assert float(auc(SCORES, Y)) == pytest.approx(pairwise(SCORES, Y).mean())


def test_auc_turns_round_with_the_scores_and_knows_no_scale():
    assert float(auc(-SCORES, Y)) == pytest.approx(1 - float(auc(SCORES, Y)))
    assert float(auc(np.exp(3 * SCORES) - 7, Y)) == pytest.approx(float(auc(SCORES, Y)))


def test_auc_of_several_rows_is_that_of_each():
    rows = np.random.default_rng(0).normal(size=(4, 8)).round(1)
    assert auc(rows, Y).tolist() == [float(auc(row, Y)) for row in rows]


def test_auc_of_one_class_cannot_be_known():
    assert np.isnan(auc(SCORES, np.ones(8)))


def test_delong_is_that_of_its_definition_by_hand():
    # ψ of 2 v 2: rows (1, 1), (0, 1): V10 = 1, ½ and V01 = ½, 1
    y = np.array([1.0, 1, 0, 0])
    value, covariance = delong(np.array([3.0, 1.5, 2.0, 1.0]), y=y)
    assert value[0] == 0.75
    # S10 = S01 = 1/8, each over 2
    assert covariance[0, 0] == pytest.approx(0.125 / 2 + 0.125 / 2)


def test_delong_is_that_of_all_pairs_where_scores_are_tied():
    rng = np.random.default_rng(7)
    y = (np.arange(50) < 20).astype(float)
    scores = np.round(rng.normal(size=(2, 50)) + y, 1)
    pairs = np.stack([pairwise(row, y) for row in scores])
    expected = np.cov(pairs.mean(axis=2)) / 20 + np.cov(pairs.mean(axis=1)) / 30
    value, covariance = delong(*scores, y=y)
    np.testing.assert_allclose(value, pairs.mean(axis=(1, 2)))
    np.testing.assert_allclose(covariance, expected)


def test_delong_of_two_scores_knows_their_covariance():
    rng = np.random.default_rng(3)
    y = (np.arange(60) < 25).astype(float)
    first = rng.normal(size=60) + y
    value, covariance = delong(first, first, -first, y=y)
    assert value[0] == value[1]
    assert covariance[0, 1] == pytest.approx(covariance[0, 0])
    assert covariance[0, 2] == pytest.approx(-covariance[0, 0])


def test_delong_varies_as_scores_do_from_sample_to_sample():
    rng = np.random.default_rng(5)
    y = (np.arange(80) < 30).astype(float)
    found = [delong(rng.normal(size=80) + y, y=y) for _ in range(400)]
    spread = np.std([value[0] for value, _ in found])
    assert np.mean([np.sqrt(c[0, 0]) for _, c in found]) == pytest.approx(spread, rel=0.1)


def test_delong_needs_two_of_each_class():
    with pytest.raises(ValueError, match="two participants of each class"):
        delong(np.arange(3.0), y=np.array([1.0, 0, 0]))


def test_the_interval_of_an_auc_stays_between_0_and_1():
    found = auc_interval(0.97, 0.03**2)
    assert 0.5 < found.low < 0.97 < found.high < 1
    assert np.isnan(auc_interval(1.0, 0.0).low)


def test_wilson_is_that_of_scipy_and_of_r():
    """R: prop.test(8, 10, correct = FALSE) prints 0.4901625 0.9433178."""
    theirs = binomtest(8, 10).proportion_ci(method="wilson")
    found = wilson(8, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.8, theirs.low, theirs.high))
    assert (found.low, found.high) == pytest.approx((0.4901625, 0.9433178), abs=5e-8)


def test_wilson_takes_a_mean_count_over_repeats():
    assert wilson(7, 10).low < wilson(7.5, 10).low < wilson(8, 10).low


def test_wilson_holds_at_its_ends_and_without_trials():
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == pytest.approx(1.0)
    assert np.isnan(wilson(0, 0).value)


def test_the_cut_of_youden_lies_half_way_between_the_classes():
    y = np.array([0.0, 0, 1, 1])
    assert youden_cut(np.array([1.0, 2.0, 4.0, 5.0]), y) == 3.0
