"""Oracles: scikit-posthocs 0.17 (Dunn), scipy (Kruskal-Wallis, U), and definitions by hand."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from npsle_app.cohort.estimators.discrimination import pairwise
from npsle_app.cohort.estimators.rank_tests import (
    cliffs_delta,
    dunn,
    kruskal_wallis,
    median_limits,
)


def _stored(seed=1, sizes=(20, 30, 30), decimals=1):
    """Numbers of one decimal, so that there are ties."""
    rng = np.random.default_rng(seed)
    shifts = (0.0, 0.3, 1.0)
    return {
        name: np.round(rng.normal(shift, 1, size), decimals)
        for name, shift, size in zip(("HC", "SLE", "NPSLE"), shifts, sizes, strict=True)
    }


def _long(groups):
    return pd.DataFrame(
        [(name, value) for name, values in groups.items() for value in values],
        columns=["group", "value"],
    )


@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_kruskal_wallis_equals_scipy(decimals):
    groups = list(_stored(decimals=decimals).values())
    ours, theirs = kruskal_wallis(groups), stats.kruskal(*groups)
    assert ours.h == pytest.approx(theirs.statistic, abs=1e-10)
    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-12)
    assert (ours.n, ours.df) == (80, 2)
    assert ours.epsilon2 == pytest.approx(ours.h / 79)
    assert 0 <= ours.low < ours.epsilon2 < ours.high <= 1


def test_kruskal_wallis_by_hand():
    """Sums of ranks 6 and 15: H = 12 / (6 · 7) · (6² + 15²) / 3 − 3 · 7 = 27/7.

    Two of the 20 ways to share six ranks are as far apart.
    """
    found = kruskal_wallis([np.arange(3.0), np.arange(3.0) + 7])
    assert found.h == pytest.approx(27 / 7)
    assert found.p == pytest.approx(2 / 20, abs=0.01)
    many = kruskal_wallis([np.arange(10.0), np.arange(10.0) + 7])
    assert many.p == pytest.approx(stats.chi2.sf(many.h, 1))


def test_at_its_limits_of_epsilon_squared_h_is_at_the_edge_of_95_percent():
    found = kruskal_wallis(list(_stored().values()))
    for limit, probability in ((found.low, 0.975), (found.high, 0.025)):
        edge = optimize.brentq(
            lambda nc, p=probability: stats.ncx2.cdf(found.h, 2, nc) - p, 1e-9, 200
        )
        assert limit * 79 == pytest.approx(edge, rel=1e-6)


@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("method", [None, "bonferroni", "holm"])
def test_dunn_equals_scikit_posthocs_to_12_digits(method, decimals):
    """scikit_posthocs.posthoc_dunn(long, val_col="value", group_col="group", p_adjust=method)."""
    groups = _stored(decimals=decimals)
    theirs = scikit_posthocs.posthoc_dunn(
        _long(groups), val_col="value", group_col="group", p_adjust=method
    )
    column = f"p_{method}" if method else "p"
    for row in dunn(groups).itertuples():
        expected = theirs.loc[row.against, row.group]
        assert getattr(row, column) == pytest.approx(expected, abs=1e-12)


def test_a_positive_z_means_that_the_later_group_is_higher():
    table = dunn({"low": np.arange(10.0), "high": np.arange(10.0) + 20})
    assert table.loc[0, ["against", "group"]].tolist() == ["low", "high"]
    assert table.loc[0, "z"] > 3


def test_dunn_of_two_groups_is_kruskal_wallis():
    groups = {"a": np.array([1.0, 2, 2, 4, 7]), "b": np.array([2.0, 5, 8, 8, 9])}
    found = kruskal_wallis(list(groups.values()))
    assert dunn(groups)["p"][0] == pytest.approx(stats.chi2.sf(found.h, 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(-50, 50))
def test_ranks_know_no_unit(seed, scale, shift):
    groups = _stored(seed, sizes=(5, 6, 7), decimals=6)
    moved = {name: np.round(values, 6) * scale + shift for name, values in groups.items()}
    np.testing.assert_allclose(dunn(groups)["z"], dunn(moved)["z"], atol=1e-9)


def test_p_values_are_adjusted_by_their_number_and_step_by_step_by_holm():
    table = dunn(_stored()).sort_values("p")
    smallest, middle, largest = table["p"]
    assert table["p_bonferroni"].tolist() == [min(3 * p, 1.0) for p in table["p"]]
    steps = np.maximum.accumulate([3 * smallest, 2 * middle, largest])
    np.testing.assert_allclose(table["p_holm"], steps)


def test_cliffs_delta_by_hand():
    group, against = np.array([3.0, 4, 5]), np.array([1.0, 3, 6])
    delta, low, high = cliffs_delta(group, against=against)
    # of nine pairs 5 are above, 3 below, 1 tied
    assert delta == pytest.approx(2 / 9)
    assert -1 <= low < delta < high <= 1


def test_cliffs_delta_is_u_per_pair_and_its_limits_follow_from_all_pairs():
    groups = _stored()
    group, against = groups["NPSLE"], groups["HC"]
    delta, low, high = cliffs_delta(group, against=against)
    area = stats.mannwhitneyu(group, against).statistic / (30 * 20)
    assert delta == pytest.approx(2 * area - 1)
    y = np.repeat([1.0, 0.0], [30, 20])
    pairs = pairwise(np.concatenate([group, against]), y)
    variance = pairs.mean(axis=1).var(ddof=1) / 30 + pairs.mean(axis=0).var(ddof=1) / 20
    reach = 1.959963984540054 * np.sqrt(variance) / (area * (1 - area))
    odds = area / (1 - area) * np.exp(np.array([-reach, reach]))
    np.testing.assert_allclose([low, high], 2 * odds / (1 + odds) - 1)


def test_cliffs_delta_turns_its_sign_with_the_groups():
    groups = _stored()
    one = cliffs_delta(groups["SLE"], against=groups["HC"])
    other = cliffs_delta(groups["HC"], against=groups["SLE"])
    np.testing.assert_allclose(one, [-other[0], -other[2], -other[1]], atol=1e-12)


def test_groups_that_do_not_overlap_have_a_delta_without_limits():
    delta, low, high = cliffs_delta(np.array([5.0, 6]), against=np.array([1.0, 2]))
    assert delta == 1
    assert np.isnan([low, high]).all()
    assert np.isnan(cliffs_delta(np.array([]), against=np.array([1.0]))).all()


def test_one_value_has_a_delta_without_limits():
    delta, low, high = cliffs_delta(np.array([2.0]), against=np.array([1.0, 3, 3]))
    assert delta == pytest.approx(-1 / 3)
    assert np.isnan([low, high]).all()


def test_the_median_has_no_limits_where_there_are_fewer_than_six_values():
    assert median_limits(np.arange(5.0))[0] == 2
    assert np.isnan(median_limits(np.arange(5.0))[1])
    assert median_limits(np.arange(6.0)) == (2.5, 0.0, 5.0)
    assert np.isnan(median_limits(np.array([]))).all()


def test_limits_of_the_median_hold_95_percent_or_more():
    rng = np.random.default_rng(3)
    held = [
        low <= 0 <= high
        for _, low, high in (median_limits(rng.normal(size=26)) for _ in range(400))
    ]
    assert 0.94 <= np.mean(held) <= 0.995


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([np.arange(3.0)], "at least two groups"),
        ([np.arange(3.0), np.array([1.0])], r"two values in each group, has \[3, 1\]"),
        ([np.full(3, 2.0), np.full(3, 2.0)], r"is constant \(2\)"),
        ([np.arange(3.0), np.array([np.nan, 1])], "no finite numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        kruskal_wallis(groups)


def test_an_h_of_about_zero_does_not_bound_the_effect_tightly():
    first = np.arange(40.0)
    none = kruskal_wallis([first, first + 0.5])
    usual = kruskal_wallis([first, first + 6.0])
    assert none.epsilon2 < 0.001
    assert none.high > 0.05
    assert none.low == usual.low == 0
    assert none.high <= usual.high


def test_limits_of_epsilon_squared_hold_the_truth_in_most_of_many_studies():
    """Noncentrality of H for small normal shifts: 12 n d² / (4π · 4) per pair of n."""
    rng = np.random.default_rng(3)
    n, d = 50, 0.4
    truth = 2 * n * d**2 * 3 / (4 * np.pi) / (2 * n - 1)
    held = []
    for _ in range(300):
        found = kruskal_wallis([rng.normal(size=n), rng.normal(size=n) + d])
        held.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(held) <= 0.99
