from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.study.assembly import assemble, check_typed
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.joining import BASELINE
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.populations import contrast_sides, explain_empty, members
from npsle_app.cohort.study.study import Exclusions
from tests.cohort.study_tables import make_cohort, make_tables


def _put(tables, column, values):
    people = tables.participants.assign(**{column: values})
    return replace(tables, participants=people)


def _first(tables, column, value):
    values = tables.participants[column].to_numpy(dtype=object).copy()
    values[0] = value
    return _put(tables, column, values)


def test_each_participant_has_one_row_with_numbers_and_levels():
    cohort = make_cohort()
    assert len(cohort.frame) == 60
    assert cohort.frame["age"].dtype == float
    assert set(cohort.frame["group"]) == {"HC", "SLE", "NPSLE"}
    assert cohort.frame["np_phenotype"].isna().sum() == 40
    assert cohort.frame[EXCLUDED].isna().all()
    assert cohort.notes == ()


def test_populations_pick_people_by_their_levels():
    cohort = make_cohort()
    npsle, non = contrast_sides(
        cohort.frame, study=DEFAULT_STUDY, contrast=DEFAULT_STUDY.contrast("npsle_v_non")
    )
    assert (npsle.sum(), non.sum()) == (20, 20)
    kinds = [
        members(cohort.frame, population=DEFAULT_STUDY.populations[name]).sum()
        for name in ("inflammatory", "ischaemic", "patients")
    ]
    assert kinds[0] + kinds[1] == 20
    assert kinds[2] == 40


def test_smoking_now_is_read_from_the_three_levels():
    frame = make_cohort().frame
    assert (frame["current_smoking"] == (frame["smoking"] == "current")).all()


def test_the_first_session_with_measures_is_the_baseline():
    tables = make_tables(n=3)
    wide = pd.concat(
        [
            tables.measures.assign(session_id="ses-10", gm_ml=1.0),
            tables.measures.assign(session_id="ses-2", gm_ml=2.0),
        ]
    )
    frame = assemble(replace(tables, measures=wide), study=DEFAULT_STUDY).frame
    assert set(frame[BASELINE]) == {"ses-2"}
    assert set(frame["gm_ml"]) == {2.0}
    other = replace(DEFAULT_STUDY, baseline_session="10")
    assert set(assemble(replace(tables, measures=wide), study=other).frame["gm_ml"]) == {1.0}


def sessions_of(*labels, dates=None):
    tables = make_tables(n=3)
    wide = pd.concat(
        [tables.measures.assign(session_id=f"ses-{one}", gm_ml=float(n))
         for n, one in enumerate(labels)]
    )  # fmt: skip
    ids = sorted(set(wide["participant_id"]))
    told = {(who, f"ses-{label}"): day for who in ids for label, day in (dates or {}).items()}
    return replace(tables, measures=wide, dates=told)


def test_dates_decide_which_session_is_the_baseline_then_words_which_are_noted():
    by_date = assemble(
        sessions_of("1", "2", dates={"1": "2021-05-01", "2": "2020-05-01"}), study=DEFAULT_STUDY
    )
    assert set(by_date.frame[BASELINE]) == {"ses-2"}
    by_words = assemble(sessions_of("post", "pre"), study=DEFAULT_STUDY)
    assert set(by_words.frame[BASELINE]) == {"ses-pre"}
    assert any("pre, post is that of their names" in note for note in by_words.notes)


def test_people_whose_first_session_is_not_known_are_left_out_and_the_line_to_write_is_told():
    tables = sessions_of("spring", "autumn")
    cohort = assemble(tables, study=DEFAULT_STUDY)
    assert set(cohort.frame["excluded_because"]) == {"which session is the first is not known"}
    (note,) = (note for note in cohort.notes if "is not known" in note)
    assert "name the first as baseline_session in the study file (3 participants)" in note
    told = replace(DEFAULT_STUDY, baseline_session="spring")
    assert set(assemble(tables, study=told).frame[BASELINE]) == {"ses-spring"}


def test_visit_tables_are_read_at_the_baseline_session():
    tables = make_tables(n=3)
    visits = pd.DataFrame(
        {
            "participant_id": ["sub-000", "sub-000", "sub-001", "sub-999"],
            "session_id": ["ses-1", "ses-2", "ses-1", "ses-1"],
            "crp": ["1", "2", "n/a", "4"],
        }
    )
    whole = pd.DataFrame({"participant_id": ["sub-002"], "height": ["170"]})
    tables = replace(
        tables,
        measures=tables.measures.assign(session_id="ses-2"),
        visits={"labs.tsv": visits, "body.tsv": whole},
    )
    cohort = assemble(tables, study=DEFAULT_STUDY)
    np.testing.assert_array_equal(cohort.frame["crp"], [2, np.nan, np.nan])
    np.testing.assert_array_equal(cohort.frame["height"], [np.nan, np.nan, 170])
    assert "labs.tsv has 1 participants that are not in participants.tsv (sub-999)" in "".join(
        cohort.notes
    )


def test_where_two_tables_differ_the_first_counts_and_it_is_told():
    tables = make_tables(n=3, participants={"bmi": ["20", "21", "22"]})
    other = pd.DataFrame({"participant_id": ["sub-000", "sub-001"], "bmi": ["20", "30"]})
    cohort = assemble(replace(tables, visits={"body.tsv": other}), study=DEFAULT_STUDY)
    assert cohort.frame["bmi"].tolist() == [20, 21, 22]
    told = "bmi differs in participants.tsv and body.tsv for 1 participants"
    assert cohort.notes == (f"{told}: that of participants.tsv is used",)


def test_units_of_the_dictionary_are_converted():
    tables = make_tables(n=3, participants={"age": ["240", "360", "480"]}, units={"age": "months"})
    frame = assemble(tables, study=DEFAULT_STUDY).frame
    np.testing.assert_allclose(frame["age"], [20, 30, 40])


def test_the_study_file_renames_columns_and_says_units():
    tables = make_tables(n=3, participants={"chol": ["193.35", "n/a", "386.7"]})
    study = parse_study(
        {
            "columns": {"total_cholesterol_mmol_l": "chol"},
            "units": {"total_cholesterol_mmol_l": "mg/dL"},
        }
    )
    found = assemble(tables, study=study).frame["total_cholesterol_mmol_l"]
    np.testing.assert_allclose(found, [5, np.nan, 10])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "14235", r"age must lie between 0 and 120 year, and holds 14235 \(sub-000\); if"),
        ("ldl_mmol_l", "high", r"ldl_mmol_l should hold a number .* 'high' \(sub-000\)"),
        ("ldl_mmol_l", "3,1", r"holds '3,1' \(sub-000\)"),
        ("ldl_mmol_l", "inf", r"holds 'inf' \(sub-000\)"),
        ("sledai_2k", "106", "sledai_2k must lie between 0 and 105"),
        ("hypertension", "2", r"hypertension should hold 1 or 0, .* '2' \(sub-000\)"),
        ("sex", "1", r"sex should hold F, M or O, and holds '1' \(sub-000\)"),
    ],
)
def test_a_value_that_cannot_be_makes_its_column_unusable_and_names_it(column, value, message):
    cohort = assemble(_first(make_tables(), column, value), study=DEFAULT_STUDY)
    assert column not in cohort.frame
    assert pd.Series([cohort.unusable[column]]).str.contains(message).all()
    assert "unusable column" in cohort.notes[0]
    assert "bmi" in cohort.frame


def test_a_unit_that_is_not_known_makes_its_column_unusable():
    cohort = make_cohort(units={"age": "fortnight"})
    assert cohort.find_absence("age") == (
        "age is in 'fortnight'; units known for it are ['year', 'month', 'week', 'day']"
    )


def test_a_participant_named_twice_is_refused():
    ids = [f"sub-{number // 2}" for number in range(60)]
    with pytest.raises(ValueError, match=r"participants\.tsv names sub-000 twice"):
        assemble(_put(make_tables(), "participant_id", ids), study=DEFAULT_STUDY)


def test_a_visit_named_twice_is_refused_with_its_table():
    labs = pd.DataFrame({"participant_id": ["1", "1"], "session_id": ["1", "1"], "crp": ["1", "2"]})
    with pytest.raises(ValueError, match=r"labs\.tsv names sub-001 twice"):
        make_cohort(visits={"labs.tsv": labs})


def test_measures_of_someone_who_is_not_in_the_table_are_left_out_by_name():
    tables = make_tables(n=6)
    cohort = assemble(
        replace(tables, participants=tables.participants.iloc[:5]), study=DEFAULT_STUDY
    )
    left = cohort.frame.set_index("participant_id")[EXCLUDED].dropna()
    assert left.to_dict() == {"sub-005": "not in participants.tsv"}


def test_who_has_no_measures_does_not_enter():
    tables = make_tables(n=6)
    cohort = assemble(replace(tables, measures=tables.measures.iloc[1:]), study=DEFAULT_STUDY)
    assert cohort.frame[EXCLUDED].dropna().tolist() == ["no measures: not processed"]
    assert len(cohort.included) == 5


def test_raters_and_columns_exclude():
    tables = make_tables(
        n=6, participants={"exclude": ["n/a", "yes", "0", "a tumour", "no", "n/a"]}
    )
    rated = tables.measures.assign(
        qc_rating=["exclude", None, "good", None, None, None],
        qc_exclude=["no", None, "no", None, "yes", None],
        qc_stages=None,
    )
    cohort = assemble(replace(tables, measures=rated), study=DEFAULT_STUDY)
    assert cohort.frame[EXCLUDED].tolist() == [
        "excluded by a rater",
        "column exclude",
        None,
        "column exclude",
        "excluded by a rater",
        None,
    ]


def test_a_suspected_infarct_excludes_only_if_the_study_says_so():
    tables = make_tables(n=3, measures={"wmh_infarct_suspects": [0, 2, 0]})
    assert make_cohort(n=3).frame[EXCLUDED].isna().all()
    assert assemble(tables, study=DEFAULT_STUDY).frame[EXCLUDED].isna().all()
    strict = replace(DEFAULT_STUDY, exclusions=Exclusions(infarct_suspects="exclude"))
    assert assemble(tables, study=strict).frame[EXCLUDED].tolist() == [
        None,
        "suspected infarct",
        None,
    ]


def test_a_number_whose_checks_failed_is_missing_unless_a_rater_found_it_good():
    tables = make_tables(n=4, measures={"gm_ml_qc": ["fail", "fail", "warn", "pass"]})
    rated = tables.measures.assign(
        qc_rating=[None, "good", None, None], qc_exclude=None, qc_stages=[None, None, None, "wmh"]
    )
    cohort = assemble(replace(tables, measures=rated), study=DEFAULT_STUDY)
    assert cohort.frame["gm_ml"].isna().tolist() == [True, False, False, False]
    assert cohort.frame["wmh_ml"].isna().tolist() == [False, False, False, True]
    assert "gm_ml is missing for 1 participants, whose checks failed" in cohort.notes


def test_a_column_or_level_that_the_file_asks_for_and_no_table_has_is_an_error():
    cohort = make_cohort()
    for content, message in (
        ({"table1": {"variables": ["shoe"]}}, r"names 'shoe', which no table has; there are \['pa"),
        (
            {"populations": {"x": {"where": {"group": ["XX"]}}}},
            r"populations\.x asks for \['XX'\] of group; there are \['HC', 'NPSLE', 'SLE'\]",
        ),
    ):
        study = parse_study(content)
        with pytest.raises(ValueError, match=message):
            check_typed(replace(cohort, study=study))
    with pytest.raises(ValueError, match=r"columns\.age: no table has 'years'; there are"):
        make_cohort(study=parse_study({"columns": {"age": "years"}}))


def test_an_empty_population_says_why():
    people = make_tables(participants={"group": "MS"}).participants.drop(columns="np_phenotype")
    cohort = assemble(replace(make_tables(), participants=people), study=DEFAULT_STUDY)
    told = [
        explain_empty(cohort, population=DEFAULT_STUDY.populations[name])
        for name in ("HC", "ischaemic")
    ]
    assert told[0] == "Controls: group has none of ['HC']; it has ['MS']"
    assert told[1] == "NPSLE, ischaemic: group has none of ['NPSLE']; it has ['MS']"
