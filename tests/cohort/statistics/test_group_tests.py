import numpy as np
import pytest

from npsle_app.cohort.estimators.rank_tests import dunn, kruskal_wallis
from npsle_app.cohort.statistics.group_tests import (
    compare_groups,
    compare_pairs,
    describe_groups,
    summarise,
)
from npsle_app.cohort.statistics.multiple_testing import add_families
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import MEASURED, make_cohort


def _by_measure(table, name="alps_mean"):
    return table[table["measure"] == name].iloc[0]


def test_each_measure_is_compared_between_the_groups_in_their_order():
    cohort = make_cohort()
    overall = compare_groups(cohort)
    frame = cohort.frame
    groups = [frame.loc[frame["group"] == name, "alps_mean"] for name in ("HC", "SLE", "NPSLE")]
    expected = kruskal_wallis([values.to_numpy() for values in groups])
    row = _by_measure(overall)
    assert row["h"] == expected.h
    assert row["n"] == 60
    assert row["status"] == "estimated"
    pairs = compare_pairs(cohort, overall=overall)
    alps = pairs[pairs["measure"] == "alps_mean"]
    assert list(zip(alps["against"], alps["group"], strict=True)) == [
        ("HC", "non-NPSLE"),
        ("HC", "NPSLE"),
        ("non-NPSLE", "NPSLE"),
    ]
    named = dict(zip(("HC", "non-NPSLE", "NPSLE"), (v.to_numpy() for v in groups), strict=True))
    np.testing.assert_allclose(alps["z"], dunn(named)["z"])
    assert (alps["delta"] < 0).all()


def test_a_measure_that_no_table_has_is_told_and_the_others_go_on():
    table = compare_groups(make_cohort())
    row = _by_measure(table, "vw_nwi")
    assert row["status"] == "not estimable"
    assert "no column vw_nwi" in row["reason"]
    assert (table["status"] == "estimated").sum() == 7


def test_pairs_of_a_measure_without_an_overall_difference_are_not_to_be_read():
    cohort = make_cohort()
    cohort.frame["alps_left"] = np.arange(60) % 7 + 0.0
    overall = compare_groups(cohort)
    pairs = compare_pairs(cohort, overall=overall)
    assert _by_measure(overall, "alps_left")["p"] > 0.05
    assert set(pairs.loc[pairs["measure"] == "alps_left", "to_be_read"]) == {"no"}
    assert set(pairs.loc[pairs["measure"] == "alps_mean", "to_be_read"]) == {"yes"}


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        (["NPSLE"] * 60, "needs at least two groups (left out: Controls: group has none of"),
        ([f"{number}" for number in range(60)], "Controls: group has none of ['HC']"),
        (["HC", "NPSLE"] + ["MS"] * 58, "Controls: 1 values of alps_mean"),
    ],
)
def test_one_group_or_one_person_per_group_is_not_estimable_and_says_why(groups, reason):
    cohort = make_cohort(participants={"group": groups})
    table = compare_groups(cohort)
    assert set(table["status"]) == {"not estimable"}
    assert reason in _by_measure(table)["reason"]
    assert compare_pairs(cohort, overall=table).empty


def test_a_constant_measure_and_one_that_is_missing_name_themselves():
    cohort = make_cohort(measures={"gm_ml": 600.0, "wm_ml": np.nan})
    table = compare_groups(cohort)
    assert _by_measure(table, "gm_ml")["reason"] == "gm_ml: is constant (600)"
    assert _by_measure(table, "wm_ml")["reason"].startswith("wm_ml: needs at least two groups")
    assert _by_measure(table)["status"] == "estimated"


def test_a_group_without_values_is_left_out_and_named():
    cohort = make_cohort()
    cohort.frame.loc[cohort.frame["group"] == "HC", "alps_mean"] = np.nan
    row = _by_measure(compare_groups(cohort))
    assert row["status"] == "estimated"
    assert row["df"] == 1
    assert row["note"] == "left out: Controls: 0 values of alps_mean"


def test_a_star_means_every_measure():
    study = parse_study({"group_tests": {"measures": ["*"]}})
    assert set(compare_groups(make_cohort(study=study))["measure"]) == set(MEASURED)


def test_groups_are_described_with_their_missing_values():
    cohort = make_cohort()
    cohort.frame.loc[0, "alps_mean"] = np.nan
    table = describe_groups(cohort)
    row = table[(table["measure"] == "alps_mean") & (table["group"] == "HC")].iloc[0]
    assert (row["n"], row["missing"]) == (19, 1)
    assert row["median_low"] <= row["median"] <= row["median_high"]


def test_a_sample_is_described_by_what_it_is_large_enough_for():
    assert np.isnan(summarise(np.array([]))["mean"])
    assert np.isnan(summarise(np.array([3.0]))["sd"])
    assert summarise(np.arange(11.0))["p90"] == 9


def test_q_values_are_made_within_a_family_and_an_estimable_test_only():
    table = compare_groups(make_cohort())
    told = add_families(table, study=DEFAULT_STUDY, analysis="group_tests", p_columns=("p",))
    assert told.columns.get_loc("q") == told.columns.get_loc("p") + 1
    done = told[told["status"] == "estimated"].sort_values("p")
    by_hand = (done["p"] * len(done) / np.arange(1, len(done) + 1))[::-1].cummin()[::-1]
    np.testing.assert_allclose(done["q"], by_hand)
    assert told.loc[told["status"] != "estimated", "q"].isna().all()


def test_a_test_belongs_to_the_first_family_that_it_fits():
    study = parse_study(
        {"families": [{"name": "fibres", "analysis": "group_tests", "measures": ["alps_mean"]}]}
    )
    table = compare_groups(make_cohort(study=study))
    told = add_families(table, study=study, analysis="group_tests", p_columns=("p",))
    row = _by_measure(told)
    assert row["family"] == "fibres"
    assert row["q"] == row["p"]
    assert _by_measure(told, "gm_ml")["family"] == "imaging measures between groups"


def test_tables_call_groups_by_their_labels_beside_their_names():
    cohort = make_cohort()
    overall = compare_groups(cohort)
    pairs = compare_pairs(cohort, overall=overall)
    described = describe_groups(cohort)
    named = {*zip(described["group"], described["group_label"], strict=True)}
    assert named == {
        ("HC", "Controls"),
        ("non-NPSLE", "non-NPSLE"),
        ("NPSLE", "NPSLE"),
        ("inflammatory", "NPSLE, inflammatory"),  # of the contrasts, described as well
        ("ischaemic", "NPSLE, ischaemic"),
    }
    assert {*zip(pairs["against"], pairs["against_label"], strict=True)} <= named
    assert {*zip(pairs["group"], pairs["group_label"], strict=True)} <= named
