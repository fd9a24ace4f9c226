"""Tables that fooled the app, found in public bug reports: each with what is right.

The tables lie beside the repository; the people in them are those of a simulated cohort.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from npsle_app.__main__ import main
from npsle_app.phantom.__main__ import main as simulate
from npsle_app.stages.group.measures import gather
from npsle_app.stages.group.shared import assemble_cohort, read_tables

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"needs the collected cases, which are not in {CASES}"
)


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Simulated cohorts as the participant level would have left them, by name."""
    folder = tmp_path_factory.mktemp("cohorts")
    for name, words in {
        "forty": ["paper2", "--participants", "40", "--seed", "1"],
        "paper1": ["paper1"],
        "paper2": ["paper2"],
    }.items():
        assert simulate([str(folder / name), "--cohort", *words]) == 0
    return folder


@pytest.fixture
def look(cohorts, tmp_path, capsys):
    """Return what a dry run says of a cohort with a case's tables in it, and its folder."""

    def look(cohort, change, *words):
        place = tmp_path / "study"
        shutil.copytree(cohorts / cohort, place)
        change(place)
        capsys.readouterr()
        out = place / "derivatives" / "npsle_app"
        try:
            code = main([str(place), str(out), "group", "--dry-run", *words])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err, place

    return look


def put(*parts):
    def change(place):
        source = CASES.joinpath(*parts)
        if source.is_dir():
            shutil.copytree(source, place / source.name)
        else:
            shutil.copy(source, place / "participants.tsv")

    return change


def apply(name):
    """Put a case in place by the script that comes with the cases."""

    def change(place):
        script = CASES / "tables" / "apply.py"
        command = [sys.executable, script, CASES / "tables" / name, place]
        subprocess.run(command, check=True)  # noqa: S603 - the cases' own script

    return change


def cohort_of(place, study_file=""):
    out = place / "derivatives" / "npsle_app"
    tables = read_tables(out, study_file=study_file, raw=place, measures=gather(out))
    return assemble_cohort(tables, study_file=study_file)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (("ids_without_leading_zeros", "participants.tsv"), "40 ids .* by leading zeros only"),
        (("participants_in_latin1", "participants.tsv"), "participants.tsv is not UTF-8"),
        (("table_empty_last_row", "participants.tsv"), ""),
        (("table_empty_last_row", "participants_three_rows.tsv"), ""),
    ],
)
def test_all_forty_people_of_a_table_enter(look, case, said):
    code, text, place = look("forty", put(*case))
    assert code == 0
    assert "40 of 40 participants of the table have images or measures" in text
    assert "groups: Controls 0, non-NPSLE 33, NPSLE 7" in text
    assert re.search(said, text)
    assert len(cohort_of(place).included) == 40


def test_smoking_told_as_yes_and_no_finds_the_three_smokers(look):
    _, text, place = look("forty", put("smoking_yes_no", "participants.tsv"))
    assert cohort_of(place).frame["current_smoking"].sum() == 3
    assert "smoking holds yes and no: read as smoking now (3 yes)" in text


def test_a_phenotype_of_another_session_label_keeps_its_values(look):
    _, text, place = look("forty", put("phenotype_of_another_session_label", "phenotype"))
    assert "session ses-baseline is taken as the only one" in text
    (table,) = (place / "phenotype").glob("*.tsv")
    columns = table.read_text().splitlines()[0].split("\t")
    values = [name for name in columns if name not in ("participant_id", "session_id")]
    assert all(cohort_of(place).frame[name].notna().any() for name in values)


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        ("grouplabels", ["Controls 20, non-NPSLE 30, NPSLE 30", "the spelling of 80 values"]),
        ("sexlower", ["Controls 20, non-NPSLE 30, NPSLE 30"]),
        ("nosub", ["80 of 80 participants", "Controls 20, non-NPSLE 30, NPSLE 30"]),
        ("code999", ["age: 999 (1 times) cannot be a value", "ldl_mmol_l: 999 (1 times)"]),
        ("codes_missing", ["1 participants are in no group: sub-0005"]),
        ("chol_mgdl", ["not understood: total_cholesterol_mmol_l", "157 (sub-0001)", "[units]"]),
        ("extra_measured", ["77 of 77", "3 more have some and are not in the table (sub-0001"]),
        ("noimg", ["80 of 85", "not sub-9000, sub-9001, sub-9002, sub-9003, sub-9004"]),
        ("n4", ["12 of 12", "Controls 4, non-NPSLE 4, NPSLE 4"]),
    ],
)
def test_what_a_table_holds_is_said_before_computing(look, case, lines):
    code, text, _ = look("paper1", apply(case))
    assert code == 0
    assert [line for line in lines if line not in text] == []


def test_an_id_that_stands_twice_is_refused_by_name(look):
    code, text, _ = look("paper1", apply("dup"))
    assert code == 2
    assert "participants.tsv names sub-0001 twice" in text


@pytest.mark.parametrize("case", ["hospital", "hospital_tab"])
def test_a_hospitals_export_is_read_with_its_commas_codes_and_names(look, case):
    study = str(CASES / "tables" / ("hospital2.toml"))
    code, text, place = look("paper1", apply(case), "--study", study)
    assert code == 0
    assert "Controles 20, non-NPSLE 30, NPSLE 30" in text
    frame = cohort_of(place, study).frame
    assert frame["age"].iloc[0] == 31.9
    assert frame["age"].max() < 100
    assert set(frame["sex"].dropna()) == {"F", "M"}
    assert {"\u4e0a\u6d77", "Leiden"} <= set(frame["site"])


def test_group_codes_that_no_group_asks_for_are_named_with_the_line_to_write(look):
    study = str(CASES / "tables" / "hospital.toml")
    _, text, _ = look("paper1", apply("hospital"), "--study", study)
    assert "80 participants are in no group" in text
    assert '[table.levels.group] of the study file: "2" = ' in text
