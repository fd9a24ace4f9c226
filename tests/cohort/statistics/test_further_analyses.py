"""Adjusted groups, outcomes, single markers, change, agreement: R holds the numbers.

`scripts/make_validation.py` compares each with R; here is who enters, and what is said.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.estimators.agreement import assess_agreement
from npsle_app.cohort.estimators.generalised_linear import fit_numbers, fit_odds
from npsle_app.cohort.statistics.adjusted_groups import compare_adjusted_groups
from npsle_app.cohort.statistics.agreement import assess_readings
from npsle_app.cohort.statistics.change import compare_changes
from npsle_app.cohort.statistics.further_statements import (
    tell_adjusted,
    tell_agreement,
    tell_change,
    tell_markers,
    tell_matched,
    tell_mediation,
    tell_outcomes,
)
from npsle_app.cohort.statistics.markers import compare_markers, judge_markers
from npsle_app.cohort.statistics.matched import compare_matched
from npsle_app.cohort.statistics.mediation import mediate
from npsle_app.cohort.statistics.multiple_testing import add_families
from npsle_app.cohort.statistics.next_study import plan_next_study
from npsle_app.cohort.statistics.outcomes import regress_outcomes
from npsle_app.cohort.statistics.regressions import regress
from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.study_tables import make_cohort, make_tables

pytestmark = pytest.mark.long


def test_volumes_alone_are_compared_at_equal_intracranial_volume():
    tests = compare_adjusted_groups(make_cohort()).tests.set_index("measure")
    assert tests.loc["alps_mean", "covariates"] == "age, sex, bmi, scanner"
    assert tests.loc["wm_ml", "covariates"] == "age, sex, bmi, tiv_ml, scanner"
    assert tests.loc["wm_ml", "df"] == 2


def test_a_covariate_that_no_table_has_is_passed_over_unless_the_study_names_it():
    tables = make_tables()
    tables = replace(tables, participants=tables.participants.drop(columns="bmi"))
    found = compare_adjusted_groups(assemble(tables, study=DEFAULT_STUDY)).tests
    row = found.set_index("measure").loc["alps_mean"]
    assert row["covariates"] == "age, sex, scanner"
    asked = parse_study({"adjusted": {"covariates": ["age", "bmi"]}})
    row = compare_adjusted_groups(assemble(tables, study=asked)).tests.set_index("measure")
    assert row.loc["alps_mean", "reason"] == "alps_mean: no column bmi"


def test_adjusted_means_of_logarithms_are_geometric_means_and_pairs_ratios():
    found = compare_adjusted_groups(make_cohort())
    means = found.means[found.means["measure"] == "wmh_ml"]
    assert means["adjusted_mean"].between(0.1, 10).all()
    pairs = found.pairs[found.pairs["measure"] == "wmh_ml"]
    assert pairs["ratio"].to_numpy() == pytest.approx(np.exp(pairs["difference"].to_numpy()))
    said = tell_adjusted(_with_q(found.tests), found.pairs, study=DEFAULT_STUDY)
    assert "(intracranial volume for volumes alone)" in said.methods


def _with_q(tests):
    return add_families(tests, study=DEFAULT_STUDY, analysis="adjusted", p_columns=("p", "p_hc3"))


def test_any_lesion_and_the_number_of_lesions_are_outcomes(rng):
    drawn = rng.poisson(0.8, 60).astype(float)
    table = regress_outcomes(make_cohort(measures={"wmh_count": drawn, "wmh_count_qc": "pass"}))
    own = table[table["contrast"] == "npsle_v_non"].set_index("outcome")
    assert own.loc["wmh_count > 0", "model"] == "logistic"
    assert own.loc["wmh_count", "model"] == "negative binomial"
    assert own.loc["wmh_count", "status"] == "estimated"
    assert own.loc["wmh_count > 0", "with_group"] == (drawn[2::3] > 0).sum()
    assert "likelihood ratio" in tell_outcomes(table, study=DEFAULT_STUDY).methods


def test_outcomes_that_cannot_be_modelled_say_why(rng):
    y, x = np.repeat([0.0, 1.0], 10), np.arange(20.0)
    with pytest.raises(ValueError, match="separate yes from no"):
        fit_odds(y, design=x[:, None])
    with pytest.raises(ValueError, match="no counts"):
        fit_numbers(rng.normal(size=20), design=x[:, None])
    with pytest.raises(ValueError, match="is constant"):
        fit_odds(np.ones(20), design=x[:, None])
    with pytest.raises(ValueError, match="depend on each other"):
        fit_odds(rng.integers(0, 2, 20).astype(float), design=np.column_stack([x, 2 * x]))
    with pytest.raises(ValueError, match="too few"):
        fit_numbers(np.array([1.0, 2.0]), design=np.ones((2, 2)))


def test_a_marker_that_is_lower_in_the_group_is_cut_from_above():
    cohort = make_cohort()
    table = judge_markers(cohort)
    row = table[table["measure"] == "alps_mean"].iloc[0]
    assert row["direction"] == "lower"
    assert row["auc"] > 0.5
    frame = cohort.frame
    ill = frame.loc[frame["group"] == "NPSLE", "alps_mean"]
    assert row["sensitivity"] == pytest.approx((ill <= row["cut"]).mean())
    pairs = compare_markers(cohort, judged=table)
    assert set(pairs["status"]) == {"estimated"}
    assert "too good" in tell_markers(table, pairs, study=DEFAULT_STUDY).methods


def test_a_marker_without_an_error_has_no_limits_and_says_so():
    perfect = np.where(np.arange(60) % 3 == 2, 1.0, 2.0) + np.arange(60) / 1000
    table = judge_markers(make_cohort(measures={"alps_mean": perfect}))
    row = table[table["measure"] == "alps_mean"].iloc[0]
    assert (row["auc"], row["sensitivity"], row["specificity"]) == (1, 1, 1)
    assert np.isnan(row["auc_low"])
    assert row["note"] == "tells the sides apart without error: no limits"


def _visits(slope):
    """Three yearly visits of each person; those with NPSLE lose `slope` more ALPS a year."""
    tables = make_tables()
    rng = np.random.default_rng(7)
    loss = slope * (np.arange(60) % 3 == 2)
    parts, told = [], []
    for year in range(3):
        label = f"ses-{year + 1}"
        noise = rng.normal(0, 0.01, 60)
        now = tables.measures["alps_mean"] - (0.01 + loss) * year + noise
        parts.append(tables.measures.assign(session_id=label, alps_mean=now))
        told.append({"session_id": label, "acq_time": f"20{20 + year}-01-01T00:00:00"})
    ids = tables.participants["participant_id"]
    dates = {(str(who), one["session_id"]): one["acq_time"] for who in ids for one in told}
    measures = pd.concat(parts, ignore_index=True)
    return assemble(replace(tables, measures=measures, dates=dates), study=DEFAULT_STUDY)


@pytest.fixture(scope="module")
def changes():
    """Of a group that loses more each year, by a mixed model of each measure."""
    return compare_changes(_visits(0.03))


def test_a_group_that_loses_more_each_year_is_found_with_its_rate(changes):
    own = changes[(changes["contrast"] == "npsle_v_non") & (changes["measure"] == "alps_mean")]
    row = own[own["effect"] == "difference of yearly changes"].iloc[0]
    assert row["b"] == pytest.approx(-0.03, abs=0.008)
    assert row["se"] < 0.005
    assert row["high"] < 0
    assert (row["n"], row["visits"]) == (40, 120)
    assert "difference of yearly changes" in tell_change(changes, study=DEFAULT_STUDY).results[0]


def test_people_and_visits_are_whole_numbers_though_a_measure_could_not_be_compared(
    changes,
):
    assert (changes["status"] == "not estimable").any()
    told = " ".join(tell_change(changes, study=DEFAULT_STUDY).results)
    assert "40 people, 120 visits." in told


def test_without_repeated_visits_there_is_nothing_to_compare_and_one_sentence():
    table = compare_changes(make_cohort())
    assert table.empty
    assert tell_change(table, study=DEFAULT_STUDY).methods.startswith("Nobody was measured often")


def test_the_next_study_is_planned_on_the_limit_nearer_to_zero():
    table = plan_next_study(regress(make_cohort()), study=DEFAULT_STUDY)
    row = table[(table["contrast"] == "npsle_v_non") & (table["measure"] == "wm_ml")].iloc[0]
    assert row["n_cautious"] > row["n_per_group"]
    crossing = table[table["note"] != ""]
    assert crossing["n_cautious"].isna().all()


READINGS = pd.DataFrame(
    {
        "participant_id": np.repeat([f"sub-{i:03d}" for i in range(12)], 2),
        "reader": ["a", "b"] * 12,
        "alps_mean": [str(1.4 + 0.01 * (i // 2) + 0.002 * (i % 2)) for i in range(24)],
    }
)


def test_readings_of_the_same_people_are_compared():
    study = parse_study({"agreement": {"file": "readings.tsv", "measures": ["alps_mean"]}})
    cohort = assemble(replace(make_tables(), readings=READINGS), study=study)
    row = assess_readings(cohort).iloc[0]
    assert row["bias"] == pytest.approx(0.002)
    assert row["icc2"] > 0.95
    assert "limits of agreement" in tell_agreement(assess_readings(cohort)).results[0]
    twice = replace(cohort.tables, readings=pd.concat([READINGS, READINGS.head(1)]))
    reason = assess_readings(replace(cohort, tables=twice)).iloc[0]["reason"]
    assert reason.endswith("sub-000 has two readings by a")
    bare = replace(cohort.tables, readings=READINGS.drop(columns="alps_mean"))
    with pytest.raises(ValueError, match=r"readings.tsv has no column 'alps_mean'"):
        assess_readings(replace(cohort, tables=bare))


def test_too_few_or_equal_readings_are_refused():
    with pytest.raises(ValueError, match="4 people with 2 readings"):
        assess_agreement(np.ones((4, 2)))
    with pytest.raises(ValueError, match="is constant"):
        assess_agreement(np.ones((6, 2)))


def test_parts_by_way_of_a_mediator_add_up():
    study = parse_study(
        {
            "mediation": {
                "outcomes": ["wm_ml"],
                "mediators": ["alps_mean"],
                "contrasts": ["npsle_v_non"],
            }
        }
    )
    table = mediate(make_cohort(study=study))
    parts = table.set_index("path")["b"]
    assert parts["total"] == pytest.approx(parts["direct"] + parts["indirect"])
    assert "is assumed" in tell_mediation(table, study=study).methods


def test_pairs_of_equal_age_show_the_planted_difference_and_not_that_of_age():
    rng = np.random.default_rng(8)
    n = 240
    ill = np.arange(n) % 3 == 2
    age = np.where(ill, rng.normal(42, 8, n), rng.normal(50, 10, n)).round(1)
    volume = 600 - 2.0 * age - 10 * ill + rng.normal(0, 5, n)
    study = parse_study(
        {
            "matching": {
                "measures": ["wm_ml", "vw_nwi"],
                "covariates": ["age"],
                "contrasts": ["npsle_v_non"],
            }
        }
    )
    groups = np.where(ill, "NPSLE", "SLE")
    cohort = make_cohort(
        n=n,
        study=study,
        participants={"age": age.astype(str), "group": groups},
        measures={"wm_ml": volume},
    )
    found = compare_matched(cohort)
    row = found.differences.iloc[0]
    assert row["low"] < -10 < row["high"] < 0
    assert abs(row["difference"] + 10) < 4
    assert found.differences["reason"].iloc[1].endswith("no column vw_nwi")
    balance = found.balance.iloc[0]
    assert abs(balance["smd_after"]) < 0.1 < abs(balance["smd_before"])
    assert len(found.pairs) == row["pairs"] == found.pairs["matched_with"].nunique()
    said = tell_matched(found.differences, found.balance, study=study)
    assert f"{row['pairs']} of 80 of the group in pairs" in said.methods
    assert said.results[0].startswith("White matter volume, NPSLE v non-NPSLE: −")


def test_without_measures_nobody_is_matched_and_without_overlap_the_reason_is_said():
    assert compare_matched(make_cohort()).pairs.empty
    asked = {"measures": ["wm_ml"], "covariates": ["age"], "contrasts": ["npsle_v_non"]}
    ages = [str(30 + n // 30 if n % 3 == 2 else 60 + n // 30) for n in range(60)]
    cohort = make_cohort(study=parse_study({"matching": asked}), participants={"age": ages})
    found = compare_matched(cohort)
    assert "tell the groups apart" in found.balance["reason"].iloc[0]
    said = tell_matched(found.differences, found.balance, study=cohort.study)
    assert said.methods.startswith("Nobody could be matched: ")
