from dataclasses import replace

import pandas as pd
import pytest

from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.study import TableRules
from npsle_app.cohort.study.tidying import tidy
from tests.cohort.study_tables import make_tables


def _spelled(column, spell, **more):
    tables = make_tables(**more)
    texts = [spell(n, text) for n, text in enumerate(tables.participants[column])]
    return replace(tables, participants=tables.participants.assign(**{column: texts}))


def _assemble(tables, **rules):
    return assemble(tables, study=replace(DEFAULT_STUDY, table=TableRules(**rules)))


def _sizes(cohort):
    return {
        name: int(members(cohort.frame, population=DEFAULT_STUDY.populations[name]).sum())
        for name in DEFAULT_STUDY.groups
    }


PLAIN = assemble(make_tables(), study=DEFAULT_STUDY)


def test_tidy_tables_stay_as_they_are():
    tidied = tidy(make_tables(), study=DEFAULT_STUDY)
    assert tidied.notes == ()
    pd.testing.assert_frame_equal(
        assemble(tidied, study=DEFAULT_STUDY).frame, PLAIN.frame, check_exact=True
    )


@pytest.mark.parametrize(
    "spell",
    [
        lambda n, text: text.lower() if n % 3 else text,
        lambda n, text: f" {text} " if n % 2 else text,
        lambda _, text: text.lower(),
        lambda _, text: text.replace("SLE", "Sle"),
    ],
)
@pytest.mark.fault("Tables", "labels in another case or with blanks", "taken as the same, and said")
def test_labels_in_another_case_or_with_blanks_keep_their_people(spell):
    cohort = assemble(_spelled("group", spell), study=DEFAULT_STUDY)
    assert _sizes(cohort) == _sizes(PLAIN) == {"HC": 20, "non-NPSLE": 20, "NPSLE": 20}


def test_dashes_and_underscores_of_levels_are_one():
    names = {"SLE": ["non\u2013NPSLE", "non NPSLE", "Non_NPSLE", "non-NPSLE"]}
    tables = _spelled(
        "group", lambda n, text: names.get(text, [text])[n % 4 if text == "SLE" else 0]
    )
    assert _sizes(assemble(tables, study=DEFAULT_STUDY))["non-NPSLE"] == 20


def test_another_spelling_is_said_with_its_count():
    cohort = assemble(
        _spelled("group", lambda n, text: text.lower() if n < 6 else text), study=DEFAULT_STUDY
    )
    assert "group: the spelling of 6 values differs" in cohort.notes[0]


@pytest.mark.parametrize("spell", ["{}.0", "yes no", "Ja Nee", "TRUE FALSE", "\u662f \u5426"])
@pytest.mark.fault("Tables", "yes and no as 1.0, TRUE, ja, 是", "read")
def test_yes_and_no_are_read_as_people_write_them(spell):
    yes, no = ("1.0", "0.0") if spell == "{}.0" else spell.split()
    cohort = assemble(
        _spelled("hypertension", lambda _, text: yes if text == "1" else no), study=DEFAULT_STUDY
    )
    pd.testing.assert_series_equal(cohort.frame["hypertension"], PLAIN.frame["hypertension"])


@pytest.mark.fault("Tables", "smoking told as Yes and No", "smoking now")
def test_smoking_told_as_yes_and_no_is_smoking_now():
    cohort = assemble(
        _spelled("smoking", lambda _, text: "Yes" if text == "current" else "No"),
        study=DEFAULT_STUDY,
    )
    smokers = cohort.frame["current_smoking"].sum()
    assert smokers == PLAIN.frame["current_smoking"].sum() > 0
    assert f"smoking holds yes and no: read as smoking now ({smokers:.0f} yes)" in cohort.notes


@pytest.mark.fault(
    "Tables", "a word that could mean either", "column unusable, with the line to write"
)
def test_a_word_for_smoking_that_could_mean_either_makes_it_unusable_and_says_what_to_write():
    cohort = assemble(
        _spelled("smoking", lambda n, text: "sometimes" if n == 3 else text), study=DEFAULT_STUDY
    )
    assert "current_smoking" not in cohort.frame
    assert "'sometimes' (sub-003)" in cohort.unusable["current_smoking"]
    assert "[table.levels.smoking]" in cohort.unusable["current_smoking"]


@pytest.mark.parametrize("code", ["999", "-9", "-999", "999.0"])
@pytest.mark.fault("Tables", "999 or −9 for a missing age", "missing, and said")
def test_a_code_that_can_be_no_age_is_missing_and_said(code):
    cohort = assemble(_spelled("age", lambda n, text: code if n < 3 else text), study=DEFAULT_STUDY)
    assert cohort.frame["age"].isna().sum() == 3
    assert cohort.frame["age"].max() < 100
    assert f"{code.removesuffix('.0')} (3 times) cannot be a value" in cohort.notes[0]


@pytest.mark.fault("Tables", "an age of 14235", "column unusable, with value and person")
def test_an_odd_number_that_is_no_usual_code_is_not_taken_away():
    cohort = assemble(
        _spelled("age", lambda n, text: "14235" if n == 0 else text), study=DEFAULT_STUDY
    )
    assert "14235" in cohort.unusable["age"]


@pytest.mark.parametrize("missing", ["-", ".", "NULL", "#N/A", "NA", "?", "\u2014", " "])
@pytest.mark.fault("Tables", "-, ., NULL, #N/A", "missing")
def test_words_for_missing_values_are_missing(missing):
    cohort = assemble(
        _spelled("ldl_mmol_l", lambda n, text: missing if n < 4 else text), study=DEFAULT_STUDY
    )
    assert cohort.frame["ldl_mmol_l"].isna().sum() == 4


@pytest.mark.fault("Tables", "decimal commas", "read, and said")
def test_decimal_commas_are_read_and_said():
    cohort = assemble(
        _spelled("ldl_mmol_l", lambda _, text: text.replace(".", ",")), study=DEFAULT_STUDY
    )
    pd.testing.assert_series_equal(cohort.frame["ldl_mmol_l"], PLAIN.frame["ldl_mmol_l"])
    assert "is a decimal point" in cohort.notes[0]


@pytest.mark.fault("Tables", "1,234", "not guessed: asked for")
def test_commas_that_may_part_thousands_are_not_guessed():
    tables = _spelled("ldl_mmol_l", lambda n, text: "1,234" if n == 0 else text)
    assert "1,234" in _assemble(tables).unusable["ldl_mmol_l"]
    assert _assemble(tables, decimal=",").frame["ldl_mmol_l"].iloc[0] == 1.234


@pytest.mark.parametrize(
    ("heading", "column", "factor"),
    [
        ("LDL (mg/dL)", "ldl_mmol_l", 38.67),
        ("ldl [mmol/L]", "ldl_mmol_l", 1),
        ("Age (years)", "age", 1),
    ],
)
@pytest.mark.fault("Tables", "unit in the heading: LDL (mg/dL)", "converted, and said")
def test_units_in_headings_are_read(heading, column, factor):
    tables = _spelled(column, lambda _, text: f"{float(text) * factor:.6f}")
    people = tables.participants.rename(columns={column: heading})
    cohort = assemble(replace(tables, participants=people), study=DEFAULT_STUDY)
    assert (cohort.frame[column] - PLAIN.frame[column]).abs().max() < 1e-5
    assert any(f"column {heading!r} is read as {column}" in note for note in cohort.notes)


@pytest.mark.fault("Tables", "LDL without a unit", "not guessed")
def test_a_concentration_without_a_unit_is_not_guessed():
    tables = make_tables()
    people = tables.participants.rename(columns={"ldl_mmol_l": "LDL"})
    cohort = assemble(replace(tables, participants=people), study=DEFAULT_STUDY)
    assert "ldl_mmol_l" not in cohort.frame


@pytest.mark.parametrize(
    "spell",
    [
        lambda n: f"{n}",
        lambda n: f"SUB-{n:03d}",
        lambda n: f" sub-{n:03d} ",
        lambda n: f"{n}.0",
    ],
)
def test_ids_are_matched_with_those_of_the_images(spell):
    tables = make_tables()
    people = tables.participants.assign(participant_id=[spell(n) for n in range(60)])
    cohort = assemble(replace(tables, participants=people), study=DEFAULT_STUDY)
    assert cohort.frame[EXCLUDED].isna().all()
    assert list(cohort.frame["participant_id"]) == list(PLAIN.frame["participant_id"])


@pytest.mark.parametrize("empty_rows", [1, 2, 5])
@pytest.mark.fault("Tables", "rows of nothing but tabs", "nobody")
def test_empty_rows_at_the_end_are_nobody(empty_rows):
    tables = make_tables()
    blank = pd.DataFrame([dict.fromkeys(tables.participants)] * empty_rows, dtype=object)
    people = pd.concat([tables.participants, blank], ignore_index=True)
    cohort = assemble(replace(tables, participants=people), study=DEFAULT_STUDY)
    pd.testing.assert_frame_equal(cohort.frame, PLAIN.frame)
    assert cohort.notes == ()


@pytest.mark.fault("Tables", "row of values without an id", "left out, and said")
def test_a_row_of_values_without_an_id_is_left_out_and_said():
    tables = make_tables()
    people = tables.participants.copy()
    people.loc[0, "participant_id"] = None
    cohort = assemble(replace(tables, participants=people), study=DEFAULT_STUDY)
    assert "participants.tsv: 1 rows without participant_id are left out" in cohort.notes


def _labs(label, n=60):
    ids = [f"sub-{number:03d}" for number in range(n)]
    return pd.DataFrame(
        {"participant_id": ids, "session_id": label, "crp": [str(one) for one in range(n)]},
        dtype=object,
    )


@pytest.mark.parametrize("label", ["baseline", "ses-1", "ses-01", "BL", "pre"])
@pytest.mark.fault(
    "Tables", "visit called baseline where one session was measured", "that session, and said"
)
def test_the_first_session_under_another_name_is_taken_where_there_is_one_alone(label):
    cohort = assemble(make_tables(visits={"phenotype/labs.tsv": _labs(label)}), study=DEFAULT_STUDY)
    assert cohort.frame["crp"].tolist() == list(range(60))
    assert any("is taken as the only one" in note for note in cohort.notes)


@pytest.mark.fault(
    "Tables", "visit that no measured session is called", "not used, named with the line to write"
)
def test_a_session_that_no_measure_has_is_named_with_what_to_write():
    tables = make_tables(visits={"phenotype/labs.tsv": _labs("followup")})
    cohort = assemble(tables, study=DEFAULT_STUDY)
    assert cohort.frame["crp"].isna().all()
    note = next(note for note in cohort.notes if "followup" in note)
    assert "60 rows are not used" in note
    assert "[table.sessions]" in note


def test_the_study_file_says_which_session_is_meant():
    tables = make_tables(visits={"phenotype/labs.tsv": _labs("wave1")})
    tables = replace(tables, measures=tables.measures.assign(session_id="ses-01"))
    cohort = _assemble(tables, sessions={"wave1": "01"})
    assert cohort.frame["crp"].tolist() == list(range(60))


def test_the_study_file_says_what_codes_mean():
    codes = {"HC": "0", "SLE": "1", "NPSLE": "2"}
    tables = _spelled("group", lambda _, text: codes[text])
    assert sum(_sizes(_assemble(tables)).values()) == 0
    told = _assemble(tables, levels={"group": {code: name for name, code in codes.items()}})
    assert _sizes(told) == _sizes(PLAIN)


def test_codes_that_exchange_two_levels_are_exchanged_once():
    tables = _spelled("hypertension", lambda _, text: text)
    told = _assemble(tables, levels={"hypertension": {"1": "0", "0": "1"}})
    assert (told.frame["hypertension"] == 1 - PLAIN.frame["hypertension"]).all()


def test_codes_of_missing_values_hold_for_all_columns_or_one():
    tables = _spelled("ldl_mmol_l", lambda n, text: "9.99" if n < 5 else text)
    assert _assemble(tables, missing={"*": ("9.99",)}).frame["ldl_mmol_l"].isna().sum() == 5
    assert _assemble(tables, missing={"bmi": ("9.99",)}).frame["ldl_mmol_l"].notna().all()


def test_an_empty_list_keeps_a_value_that_looks_like_a_code():
    tables = make_tables(
        participants={"anti_dsdna": ["-99" if n == 0 else str(n) for n in range(60)]}
    )
    assert _assemble(tables).frame["anti_dsdna"].isna().sum() == 1
    kept = _assemble(tables, missing={"anti_dsdna": ()})
    assert kept.frame["anti_dsdna"].iloc[0] == -99


@pytest.mark.fault(
    "Tables", "one odd cell, and the study file says that such are missing", "that cell is missing"
)
def test_odd_cells_may_be_missing_instead_of_their_column():
    tables = _spelled("age", {0: "old", 1: "1000"}.get)
    assert "age" in _assemble(tables).unusable
    cohort = _assemble(tables, odd_cells="missing")
    assert cohort.frame["age"].isna().sum() == 2
    assert sum("cells are taken as missing" in note for note in cohort.notes) == 2
