"""What deviations mean in a study: associations, changes between visits, risk and events."""

import numpy as np
import pytest
from scipy import stats

from npsle_app.cohort.deviations.analyses import Effort
from npsle_app.cohort.deviations.events import tell_rule
from npsle_app.cohort.deviations.plots import (
    list_associations,
    list_curves,
    list_ratios,
    list_regional,
    longest_follow_up,
    tabulate_scores,
)
from npsle_app.group_tables import group_tables
from tests.cohort.deviations.studies import QUICK, REGIONS, STUDY, make_tables, run, table_of

pytestmark = pytest.mark.long

ASKED = STUDY["normative"]


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(3)
    tables = make_tables(controls=80, patients=80, visits=3, shift=1.2)
    ill = tables.participants["group"] == "NPSLE"
    time, end = rng.exponential(1500, 160), rng.uniform(500, 2500, 160)
    tables.participants["time_to_event_days"] = np.where(
        ill, np.minimum(time, end).round().astype(int).astype(str), "n/a"
    )
    tables.participants["event"] = np.where(ill, (time <= end).astype(int).astype(str), "n/a")
    return tables


@pytest.fixture(scope="module")
def found(tables):
    return run(tables, effort=Effort(permutations=99, samples=100, seed=1))


@pytest.fixture(scope="module")
def published(tables):
    """As the paper had it, with another rule of risk."""
    rule = {"risk_regions": [], "risk_at_least": 2}
    return run(tables, study={"mode": "paper", "normative": ASKED | rule}, effort=QUICK)


def associations(found, **wanted):
    table = table_of(found, "deviation_associations")
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def test_every_table_has_the_columns_that_are_described_in_their_order(found):
    tables = {name: table for one in found.analyses for name, table in one.tables.items()}
    for name, table in (tables | {"normative_scores": found.scores}).items():
        described = [column.name for column in group_tables()[name].columns]
        assert list(table) == [column for column in described if column in table]


def test_more_deviations_go_with_a_higher_score_as_planted(found):
    row = associations(
        found, score="edss", predictor="n_deviations", design="across people", model="adjusted"
    ).iloc[0]
    assert row["low"] > 0
    assert row["covariates"] == "age, sex"
    assert row["std_low"] < row["std_b"] < row["std_high"]
    assert row["n"] == 80


def test_the_published_association_is_that_of_linregress(found):
    row = associations(
        found, score="edss", predictor="n_deviations", design="across people", model="as published"
    ).iloc[0]
    baseline = found.found.baseline
    ill = baseline[baseline["group"] == "NPSLE"].dropna(subset=["edss", "n_deviations"])
    theirs = stats.linregress(ill["n_deviations"], ill["edss"])
    assert row["b"] == pytest.approx(theirs.slope)
    assert row["p"] == pytest.approx(theirs.pvalue)
    assert row["std_b"] == pytest.approx(theirs.rvalue)


def test_a_smaller_region_goes_with_a_higher_score_and_q_is_that_of_all_regions(found):
    rows = associations(found, score="edss", design="across people", model="adjusted")
    regional = rows[rows["predictor"] != "n_deviations"]
    assert len(regional) == len(REGIONS)
    assert (regional["b"] < 0).all()
    theirs = stats.false_discovery_control(regional["p"].to_numpy(dtype=float))
    assert regional["q"].to_numpy(dtype=float) == pytest.approx(theirs)


def test_regions_and_the_risk_at_the_baseline_are_followed_over_visits(found):
    rows = associations(found, score="edss", design="over time", model="adjusted")
    rows = rows[rows["status"] == "estimated"]
    regional = rows[rows["predictor"].isin(REGIONS)]
    assert set(regional["predictor"]) == set(REGIONS)
    assert (regional.loc[regional["effect"] == "between people", "b"] < 0).all()
    risk = rows[rows["predictor"] == "high_risk"]
    assert risk["effect"].tolist() == ["between people", "per year, high against low"]


def test_over_time_the_planted_change_per_year_is_found_and_limits_are_bootstrapped_too(found):
    rows = associations(found, score="edss", design="over time", model="adjusted")
    rows = rows[rows["predictor"] == "n_deviations"].set_index("effect")
    assert rows.loc["per year", "b"] == pytest.approx(0.1, abs=0.02)
    assert rows.loc["between people", "low"] > 0
    assert rows["boot_low"].notna().all()
    assert (rows["boot_low"].astype(float) < rows["b"].astype(float)).all()
    assert rows.loc["between people", "visits"] == 240


def test_a_score_that_no_table_has_is_a_labelled_gap(found):
    rows = associations(found, score="pasat3_z")
    assert set(rows["status"]) == {"not estimable"}
    assert set(rows["reason"]) == {"no column pasat3_z"}


def test_a_constant_score_is_not_estimable_and_others_go_on():
    tables = make_tables(controls=40, patients=30)
    tables.participants["sdi"] = np.where(tables.participants["group"] == "HC", "n/a", "1")
    found = run(tables)
    gap = associations(found, score="sdi", predictor="n_deviations", design="across people")
    assert gap["reason"].str.contains("the outcome is constant").all()
    assert (associations(found, score="edss")["status"] == "estimated").any()


def test_one_visit_each_leaves_changes_over_time_as_a_gap():
    found = run(make_tables(controls=40, patients=30))
    rows = associations(found, score="edss", design="over time")
    assert set(rows["reason"]) == {"no one has two sessions with a score"}
    assert set(table_of(found, "deviation_transitions")["status"]) == {"not estimable"}


def test_transitions_of_regions_add_up_to_those_of_all(found):
    table = table_of(found, "deviation_transitions")
    own = table[table["population"] == "NPSLE"]
    whole, parts = own[own["region"] == ""].iloc[0], own[own["region"] != ""]
    for name in ("pairs", "worsened", "improved", "stable"):
        assert parts[name].sum() == whole[name]
    assert whole["pairs"] == 80 * 2 * len(REGIONS)
    assert whole["worsened"] + whole["improved"] + whole["stable"] == whole["pairs"]


def test_the_rule_of_risk_is_that_of_the_study_file(found, published):
    assert tell_rule(found.found) == (
        "a critical deviation in thalamus, left or thalamus, right or 5 or more critical deviations"
    )
    counts = table_of(published, "deviation_counts")
    assert ((counts["n_deviations"] >= 2) == (counts["risk"] == "high")).all()


def test_people_followed_and_events_are_counted_by_risk(found, tables):
    table = table_of(found, "risk_groups").set_index("risk")
    assert table["followed"].sum() == 80
    assert table["events"].sum() == (tables.participants["event"] == "1").sum()
    test = table_of(found, "survival_tests").iloc[0]
    assert test["n"] == 80
    assert 0 < test["p"] <= 1


def test_hazards_are_adjusted_for_age_and_sex_and_concordance_is_corrected(found):
    table = table_of(found, "cox")
    assert table["variable"].tolist() == ["high risk", "age", "sex: M"]
    assert (table["hr_low"] < table["hazard_ratio"]).all()
    assert table["concordance_corrected"].iloc[0] < table["concordance"].iloc[0]


def test_without_columns_of_events_the_gap_names_them():
    found = run(make_tables(controls=40, patients=30))
    for name in ("risk_groups", "survival_tests", "cox"):
        assert set(table_of(found, name)["reason"]) == {"no column time_to_event_days"}
    assert table_of(found, "survival").empty
    assert longest_follow_up(found.found) == 0
    assert list(list_curves(found.found, ticks=(0.0, 1.0))) == []


def test_a_follow_up_of_zero_is_told():
    tables = make_tables(controls=40, patients=30)
    tables.participants["time_to_event_days"] = "0"
    tables.participants["event"] = "1"
    reasons = set(table_of(run(tables), "cox")["reason"])
    assert reasons == {"30 of 30 follow-up times are missing or not above 0"}


def test_the_heat_map_has_groups_in_order_and_most_deviations_first(found):
    table = tabulate_scores(found.found)
    assert table.groups == (("Controls", 80), ("NPSLE", 80))
    assert table.z.shape == (160, len(REGIONS))
    assert not table.critical.any()  # of 160 people the dots would be too small to see
    counts = table_of(found, "deviation_counts")
    first = counts[counts["session_id"] == "ses-1"].set_index("participant_id")["n_deviations"]
    drawn = [first[person] for person in table.people[80:]]
    assert drawn == sorted(drawn, reverse=True)


def test_few_people_have_a_dot_for_each_critical_score():
    found = run(make_tables(controls=40, patients=30))
    table = tabulate_scores(found.found)
    assert table.critical.sum() == found.scores["critical"].eq(True).sum()


def test_forests_show_what_was_estimated_alone(found):
    ratios = list(list_ratios(table_of(found, "deviation_comparisons"), found.found))
    assert [one["name"] for one in ratios] == ["Patients v Controls"]
    table = table_of(found, "deviation_associations")
    names = [one["name"] for one in list_associations(table, found.found)]
    assert names == [
        "EDSS, across people",
        "EDSS, over time, between people",
        "EDSS, over time, within people",
    ]
    assert len(list(list_regional(table))) == len(REGIONS)


def test_the_paper_mode_quotes_the_published_methods(published):
    told = {one.name: one.statement for one in published.analyses}
    assert "fixed at 1, as published" in told["deviations"].methods
    names = list_associations(table_of(published, "deviation_associations"), published.found)
    assert [one["name"] for one in names] == [
        "EDSS, across people",
        "EDSS, over time, both together",
    ]


def test_curves_begin_with_everyone_at_risk(found):
    curves = list(list_curves(found.found, ticks=(0.0, 1.0, 2.0)))
    table = table_of(found, "risk_groups").set_index("risk")
    assert [one["name"] for one in curves] == ["low risk", "high risk"]
    assert [one["at_risk"][0] for one in curves] == table.loc[["low", "high"], "followed"].tolist()
