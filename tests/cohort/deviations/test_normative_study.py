"""A study from its tables to scores: who makes the reference, who is scored, and what is told."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from npsle_app.cohort.deviations import statements
from npsle_app.cohort.deviations.analyses import model_study
from npsle_app.cohort.deviations.statements import SAID_OF_REFERENCE
from npsle_app.cohort.normative import gaps
from npsle_app.cohort.normative.model import Provenance
from npsle_app.cohort.normative.sources import GivenReference
from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.parsing import parse_study
from tests.cohort.deviations.studies import (
    OWN,
    REGIONS,
    STUDY,
    dates_of,
    make_tables,
    run,
    table_of,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tables():
    return make_tables(controls=100, patients=60)


@pytest.fixture(scope="module")
def found(tables):
    return run(tables)


def people_of(tables):
    """The controls of a study as a table of reference."""
    people = tables.participants
    healthy = people[people["group"] == "HC"][["participant_id", "age", "sex"]]
    merged = healthy.merge(tables.measures[["participant_id", "tiv_ml", *REGIONS]])
    return merged.assign(age=merged["age"].astype(float))


def given(people, *, provenance=OWN):
    return GivenReference(name="healthy.tsv", provenance=provenance, table=people)


def critical_share(found, group):
    counts = table_of(found, "deviation_groups").set_index("population")
    return counts.loc[group, "mean"] / len(REGIONS)


def test_controls_deviate_as_chance_has_it_and_planted_patients_as_planted(found):
    assert critical_share(found, "HC") == pytest.approx(0.025, abs=0.02)
    planted = stats.norm.cdf(-1.96 + 1.5)
    assert critical_share(found, "NPSLE") == pytest.approx(planted, abs=0.08)


def test_every_session_and_region_has_a_row_and_controls_were_scored_out_of_fold(found):
    assert len(found.scores) == 160 * len(REGIONS)
    controls = found.scores[found.scores["participant_id"] < "sub-100"]
    held_out = found.found.reference.held_out
    assert len(held_out) == 100 * len(REGIONS)
    assert controls["z"].mean() == pytest.approx(0, abs=0.1)
    assert controls["z"].std() == pytest.approx(1, abs=0.1)


def test_the_ratio_of_counts_holds_the_planted_one(found):
    table = table_of(found, "deviation_comparisons").set_index(["contrast", "method"])
    row = table.loc[("patients_v_controls", "dispersion estimated, HC3")]
    planted = stats.norm.cdf(-1.96 + 1.5) / 0.025
    assert row["irr_low"] < planted < row["irr_high"]
    assert row["permutation_p"] == 0.01
    assert row["p"] < 0.001


def test_a_contrast_without_people_says_so_and_others_go_on(found):
    table = table_of(found, "deviation_comparisons")
    gap = table[table["contrast"] == "npsle_v_non"]
    assert set(gap["status"]) == {"not estimable"}
    assert gap["reason"].str.contains("group has none of").all()


def test_two_tails_find_as_many_deviations_of_controls_on_either_side(tables):
    both = run(tables, tail="both")
    counts = table_of(both, "deviation_groups").set_index("population")
    assert counts.loc["HC", "expected"] == pytest.approx(0.05 * len(REGIONS))
    scores = both.scores[both.scores["critical"].eq(True)]
    assert (scores["z"] > 1.96).any()


def test_women_and_men_have_models_of_their_own_and_calibration_limits(found):
    table = table_of(found, "normative_sexes").set_index("sex")
    assert table["n"].to_dict() == {"F": 50, "M": 50}
    assert (table["share_low"] < 2.5).all()
    assert (table["share_high"] > 2.5).all()


def test_no_controls_are_a_reason_that_says_what_to_do(tables):
    study = STUDY["normative"] | {"reference": "non-NPSLE"}
    with pytest.raises(ValueError, match=r"there are no controls.*\[normative\] reference"):
        run(tables, study={"normative": study})


def test_no_regions_are_a_reason_that_names_the_stage():
    tables = make_tables()
    bare = tables.measures.drop(columns=list(REGIONS))
    with pytest.raises(ValueError, match="no region was measured: run the participant level"):
        run(replace(tables, measures=bare))


def test_controls_of_one_sex_leave_the_other_without_scores_and_say_so():
    tables = make_tables(controls=40, patients=20)
    men = (tables.participants["group"] == "HC") & (tables.participants["sex"] == "M")
    tables.participants.loc[men, "group"] = "n/a"
    found = run(tables)
    others = found.scores[found.scores["reason"].fillna("").str.contains("no one of sex M")]
    assert others["z"].isna().all()
    assert others["qc"].eq("not assessable").all()
    assert any("of a sex that the reference lacks" in text for text in found.warnings)
    counts = table_of(found, "deviation_counts")
    assert counts["n_deviations"].isna().sum() == others["participant_id"].nunique()


def test_missing_ages_and_a_head_of_zero_are_labelled_gaps():
    tables = make_tables(controls=40, patients=20)
    tables.participants.loc[45, "age"] = "n/a"
    tables.measures.loc[46, "tiv_ml"] = 0.0
    tables.measures.loc[47, "tiv_ml_qc"] = "fail"
    scores = run(tables).scores.set_index("participant_id")
    assert set(scores.loc["sub-045", "reason"]) == {"age is missing"}
    assert set(scores.loc["sub-046", "reason"]) == {"TIV is 0 mL"}
    assert set(scores.loc["sub-047", "reason"]) == {"TIV is missing"}
    assert scores.loc["sub-048", "z"].notna().all()


def odd_people():
    """A study with one person for each gap that a person can have."""
    tables = make_tables(controls=60, patients=30)
    people, measures = tables.participants, tables.measures
    people.loc[65, "age"], people.loc[66, "age"], people.loc[67, "age"] = "n/a", "0", "89"
    people.loc[68, "sex"], people.loc[69, "sex"] = "n/a", "O"
    people["scanner"] = [*("A" if row % 2 else "B" for row in range(89)), "C"]
    measures.loc[70, "tiv_ml"], measures.loc[71, "tiv_ml"] = 0.0, 3000.0
    measures.loc[72, f"{REGIONS[0]}_qc"] = "fail"
    measures["qc_exclude"] = None
    measures.loc[73, "qc_exclude"] = "yes"
    return tables


def test_every_gap_of_a_person_is_counted_among_the_warnings():
    warnings = run(odd_people()).warnings
    for what in (
        *("no age, hence", "an age that cannot be, hence", "outside the ages of the reference"),
        *("no sex, hence", "of a sex that the reference lacks", "no usable total intracranial"),
        *("outside the head sizes", "a region's volume is missing", "left out of the study"),
        "of a site that the reference does not know",
    ):
        assert [text for text in warnings if text.startswith(f"1 person: {what}")], what


def test_a_sentence_that_is_changed_loses_no_warning(monkeypatch):
    before = run(odd_people()).warnings
    other = property(lambda _: "other words", lambda *_: None)
    monkeypatch.setattr(gaps.Remark, "text", other)
    found = run(odd_people())
    assert set(found.scores["reason"].dropna()) == {"other words"}
    assert [text for text in found.warnings if "other words" not in text] == [
        text for text in before if "is not in the reference" not in text
    ]
    outside = found.scores[found.scores["participant_id"] == "sub-067"]
    assert outside["critical"].isna().all()


def test_each_gap_is_said_of_people_or_of_the_reference_as_a_whole():
    assert {*statements._CAREFUL} | SAID_OF_REFERENCE == {*gaps.Gap}
    assert not {*statements._CAREFUL} & SAID_OF_REFERENCE


def test_a_region_that_failed_its_checks_is_left_out_alone():
    tables = make_tables(controls=40, patients=20)
    tables.measures.loc[45, f"{REGIONS[0]}_qc"] = "fail"
    found = run(tables)
    rows = found.scores[found.scores["participant_id"] == "sub-045"].set_index("region")
    assert np.isnan(rows.loc[REGIONS[0], "z"])
    assert rows["z"].notna().sum() == len(REGIONS) - 1
    counts = table_of(found, "deviation_counts").set_index("participant_id")
    assert counts.loc["sub-045", "n_assessed"] == len(REGIONS) - 1


def test_fewer_than_ten_controls_of_a_sex_are_warned_of_and_nothing_is_critical():
    found = run(make_tables(controls=16, patients=10))
    assert found.scores["critical"].isna().all()
    assert any("8 people of sex F made the reference" in text for text in found.warnings)
    table = table_of(found, "deviation_comparisons")
    assert set(table["status"]) == {"not estimable"}


def test_an_impossible_scan_is_named_and_left_out_of_the_reference():
    tables = make_tables(controls=60, patients=20)
    tables.measures.loc[7, list(REGIONS)] = 40.0
    found = run(tables)
    assert "sub-007" in set(table_of(found, "normative_outliers")["participant_id"])
    assert any("cannot be right" in text and "sub-007" in text for text in found.warnings)


def test_a_rated_exclusion_has_no_score_but_a_row_that_says_why():
    tables = make_tables(controls=40, patients=20)
    tables.measures["qc_exclude"] = None
    tables.measures.loc[50, "qc_exclude"] = "yes"
    scores = run(tables).scores.set_index("participant_id")
    assert set(scores.loc["sub-050", "reason"]) == {"left out: excluded by a rater"}
    assert scores.loc["sub-050", "z"].isna().all()


def test_ages_beyond_the_reference_have_a_score_but_no_label():
    tables = make_tables(controls=60, patients=20)
    tables.participants.loc[70, "age"] = "89"
    found = run(tables)
    rows = found.scores[found.scores["participant_id"] == "sub-070"]
    assert rows["z"].notna().all()
    assert rows["critical"].isna().all()
    assert any("outside the ages" in text for text in found.warnings)


def test_a_table_of_healthy_people_is_a_reference_and_none_of_them_scores_himself(tables, found):
    again = run(tables, given=given(people_of(tables)))
    assert again.found.reference.source == "a table of healthy people"
    held = again.found.reference.held_out
    assert set(held["participant_id"]) == {f"sub-{number:03d}" for number in range(100)}
    assert set(held["session_id"]) == {""}
    assert again.scores["z"].to_numpy() == pytest.approx(found.scores["z"].to_numpy(), abs=1e-9)


def test_a_scan_of_the_reference_is_known_by_its_session_though_ids_differ():
    tables = make_tables(controls=60, patients=30, visits=2)
    people = people_of(tables).drop_duplicates("participant_id")
    named = people.assign(participant_id=[f"other-{row}" for row in range(len(people))])
    held = run(tables, given=given(named)).found.reference.held_out
    scans = set(zip(held["participant_id"], held["session_id"], strict=True))
    assert scans == {(f"sub-{number:03d}", "ses-1") for number in range(60)}


def test_who_is_not_in_the_reference_is_named_with_the_session():
    tables = make_tables(controls=40, patients=20, visits=2)
    tables.participants.loc[7, "age"] = "n/a"
    assert any(
        text.startswith("sub-007 ses-1 is not in the reference: age is missing")
        for text in run(tables).warnings
    )


def test_a_namesake_in_the_reference_is_pointed_out(tables):
    people = people_of(tables)
    people[list(REGIONS)] += 0.3
    again = run(tables, given=given(people))
    rows = again.scores[again.scores["participant_id"] == "sub-001"]
    assert rows["reason"].str.contains("the reference has a person of this id and sex").all()
    assert set(rows["qc"]) == {"warn"}


def test_a_reference_of_another_software_is_refused_or_labels_everything(tables):
    foreign = given(
        people_of(tables), provenance=Provenance(software="FreeSurfer", app_version="7")
    )
    with pytest.raises(ValueError, match="the reference is foreign: it was measured by FreeSurfer"):
        run(tables, given=foreign)
    allowed = run(tables, given=foreign, allow_foreign=True)
    assert allowed.found.reference.labels[0].startswith("foreign reference: it was measured by")
    assert allowed.warnings[0] == allowed.found.reference.labels[0]


def test_a_reference_with_other_regions_is_refused(tables):
    people = people_of(tables).rename(columns={name: f"other_{name}" for name in REGIONS})
    with pytest.raises(ValueError, match="the reference has other regions"):
        run(tables, given=given(people))


def test_a_fitted_model_is_a_reference_too(tables, found):
    model = found.found.reference.model
    again = run(tables, given=GivenReference(name="m.json", provenance=OWN, model=model))
    patients = again.scores["participant_id"] >= "sub-100"
    ours = found.scores["z"].to_numpy()[patients]
    assert again.scores["z"].to_numpy()[patients] == pytest.approx(ours)
    assert again.found.reference.people is None


def test_later_sessions_are_scored_by_age_at_that_time_and_say_what_the_model_has_seen():
    tables = make_tables(controls=60, patients=30, visits=3)
    found = run(tables)
    rows = table_of(found, "deviation_counts").set_index(["participant_id", "session_id"])
    first, third = rows.loc[("sub-070", "ses-1")], rows.loc[("sub-070", "ses-3")]
    assert third["age"] - first["age"] == pytest.approx(2, abs=0.01)
    scores = found.scores.set_index(["participant_id", "session_id", "region"])["z"]
    change = scores.xs("ses-2", level=1) - scores.xs("ses-1", level=1)
    assert change.dropna().abs().mean() < 0.2


def test_a_study_alone_without_dates_says_that_age_is_missing_at_later_sessions():
    tables = make_tables(controls=60, patients=20, visits=2)
    cohort = assemble(tables, study=parse_study(STUDY))
    found = model_study(cohort, own=OWN)
    later = found.scores[found.scores["session_id"] == "ses-2"]
    assert set(later["reason"]) == {"age is missing"}


def test_the_same_tables_give_the_same_numbers(tables, found):
    again = run(tables)
    pd.testing.assert_frame_equal(again.scores, found.scores)
    assert again.warnings == found.warnings


def test_dates_are_those_of_the_sessions():
    tables = make_tables(visits=2)
    assert dates_of(tables)[("sub-060", "ses-2")] == "2021-03-01"
