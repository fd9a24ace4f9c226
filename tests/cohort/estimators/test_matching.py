"""Matching by propensity, against twins, all possible pairings, and a planted difference."""

from itertools import permutations

import numpy as np
import pytest

from npsle_app.cohort.estimators.matching import match
from npsle_app.cohort.estimators.two_sample import standardised_difference


def test_twins_are_matched_with_each_other_whatever_their_order():
    rng = np.random.default_rng(1)
    people = rng.normal(size=(20, 2))
    order = rng.permutation(20)
    strangers = rng.normal(3, 1, size=(30, 2))
    covariates = np.vstack([people, people[order], strangers])
    found = match(np.arange(70) < 20, covariates=covariates)
    assert len(found.group) == 20
    assert found.distance.max() < 1e-9
    assert (order[found.against - 20] == found.group).all()


def test_no_other_pairing_within_the_caliper_has_a_smaller_sum_of_distances():
    rng = np.random.default_rng(5)
    in_group = np.arange(12) < 5
    covariates = rng.normal(size=(12, 1))
    found = match(in_group, covariates=covariates, caliper=50)
    distances = np.abs(covariates[:5] - covariates[5:].T)
    best = min(distances[range(5), list(one)].sum() for one in permutations(range(7), 5))
    assert distances[found.group, found.against - 5].sum() == pytest.approx(best)


def test_sides_of_other_ages_are_alike_after_matching_and_nobody_stands_twice():
    rng = np.random.default_rng(2)
    in_group = np.arange(200) < 60
    age = np.where(in_group, rng.normal(38, 9, 200), rng.normal(45, 12, 200))
    sex = np.where(in_group, rng.uniform(size=200) < 0.9, rng.uniform(size=200) < 0.6)
    covariates = np.column_stack([age, sex]).astype(float)
    found = match(in_group, covariates=covariates)
    assert len(found.group) > 50
    assert len(set(found.against)) == len(found.against)
    assert found.distance.max() <= found.reach
    for values in covariates.T:
        before = abs(standardised_difference(values[in_group], values[~in_group]))
        after = abs(standardised_difference(values[found.group], values[found.against]))
        assert after < 0.1 < before


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (np.ones((20, 1)), "the same in all"),
        (np.empty((20, 0)), "the same in all, or none is left"),
        (np.arange(20.0)[:, None], "tell the groups apart: nobody has a match"),
    ],
)
def test_what_nobody_can_be_matched_by_is_refused(covariates, message):
    with pytest.raises(ValueError, match=message):
        match(np.arange(20) < 10, covariates=covariates)
