"""Tables that fooled the app, found in public bug reports: each with what is right.

The tables lie beside the repository; the people in them are those of a simulated cohort.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from npsle_app.__main__ import main
from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.tables import read_table
from npsle_app.cohort.statistics.adjusted_groups import FEW_PEOPLE
from npsle_app.cohort.statistics.analyses import analyse
from npsle_app.cohort.statistics.imbalance import find_imbalances
from npsle_app.cohort.study.populations import members
from npsle_app.phantom.__main__ import main as simulate
from npsle_app.settings import MeasuresSettings, NormativeSettings
from npsle_app.stages.group import measures, normative
from npsle_app.stages.group.measures import gather
from npsle_app.stages.group.shared import assemble_cohort, read_tables

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not CASES.is_dir(), reason=f"needs the collected cases, which are not in {CASES}"
    ),
]


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
        ("codes_missing", ["1 participant is in no group: sub-0005"]),
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


HOSPITAL = """
groups = ["HC", "non-NPSLE", "NPSLE"]
[table.levels.group]
"0" = "HC"
"1" = "non-NPSLE"
"2" = "NPSLE"
[columns]
total_cholesterol_mmol_l = "cholesterol"
ldl_mmol_l = "LDL"
iga_g_l = "IgA"
[units]
total_cholesterol_mmol_l = "mmol/L"
ldl_mmol_l = "mmol/L"
iga_g_l = "g/L"
"""


def pasted(text):
    """Return the lines that a dry run proposes, parsed as a study file."""
    lines = [line.strip() for line in text.splitlines()]
    start = next(n for n, line in enumerate(lines) if line.startswith("lines for the study file"))
    kept = []
    for line in lines[start + 1 :]:
        if not (line.startswith(("[", "#")) or " = " in line):
            break
        kept.append(line)
    return tomllib.loads("\n".join(kept))


def test_what_the_dry_run_proposes_for_a_hospitals_table_can_be_pasted(look):
    code, text, _ = look("paper1", apply("hospital"))
    assert code == 0
    lines = pasted(text)
    assert lines["table"]["levels"]["group"] == {"0": "?", "1": "?", "2": "?"}
    assert lines["columns"]["ldl_mmol_l"] == "LDL"
    assert lines["units"]["ldl_mmol_l"] == "?"
    assert '# sledai_2k = "SLEDAI" # looks alike' in text


def test_lines_that_still_ask_are_refused_by_their_place(look, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(HOSPITAL.replace('"1" = "non-NPSLE"', '"1" = "?"'))
    code, text, _ = look("paper1", apply("hospital"), "--study", str(study))
    assert code == 2
    assert "still holds '?' for table.levels.group.1: write what is meant" in text


def test_the_lines_completed_give_the_groups_and_units(look, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(HOSPITAL)
    code, text, place = look("paper1", apply("hospital"), "--study", str(study))
    assert code == 0
    assert "groups: Controls 20, non-NPSLE 30, NPSLE 30" in text
    assert "lines for the study file" not in text.replace("looks alike", "").split("groups:")[0]
    assert cohort_of(place, str(study)).frame["ldl_mmol_l"].max() < 10


def test_a_column_in_another_unit_has_its_unit_proposed_and_pasted_it_is_read(look, tmp_path):
    _, text, _ = look("paper1", apply("chol_mgdl"))
    lines = pasted(text)
    assert lines == {"units": {"total_cholesterol_mmol_l": "mg/dL"}}
    study = tmp_path / "study.toml"
    study.write_text('[units]\ntotal_cholesterol_mmol_l = "mg/dL"\n')
    place = tmp_path / "study"
    frame = cohort_of(place, str(study)).frame
    assert frame["total_cholesterol_mmol_l"].iloc[0] == pytest.approx(157 / 38.67)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('[group_tests]\nmeasures = ["alps_men"]', "'alps_men', .*: is it 'alps_mean'"),
        ('[regressions]\noutcomes = ["wm_ml"]', "'wm_ml', which no table has"),
        ('[table]\nseperator = ";"', "no key 'seperator'.*: is it 'separator'"),
        ('[clasifier]\ncontrast = "x"', "no key 'clasifier'.*: is it 'classifier'"),
        ('[classifier]\ncontrast = "npsle_v_nn"', "'npsle_v_nn'.*: is it 'npsle_v_non'"),
        ('[table.missing]\nagee = ["999"]', "table.missing: .* 'agee'.*: is it 'age'"),
        ('[table.levels.grup]\n"2" = "NPSLE"', "table.levels: .* 'grup'.*: is it 'group'"),
        ('[columns]\nage = "Leeftyd"', "columns.age: no table has 'Leeftyd'"),
        ('[units]\nldl_mmol_l = "mgdl"', "ldl_mmol_l is in 'mgdl'.*: is it 'mg/dL'"),
    ],
)
def test_what_a_study_file_asks_in_vain_ends_the_run_before_computing(
    cohorts, tmp_path, capsys, line, message
):
    place = tmp_path / "study"
    shutil.copytree(cohorts / "paper1", place)
    study = tmp_path / "study.toml"
    study.write_text(line + "\n")
    out = place / "derivatives" / "npsle_app"
    assert main([str(place), str(out), "group", "--study", str(study)]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (out / "group").exists()


def analysed(cohorts, tmp_path, case, cohort, study_file=""):
    """Return the analyses of a cohort with a case's tables in it, by name."""
    place = tmp_path / "analysed"
    shutil.copytree(cohorts / cohort, place)
    apply(case)(place)
    found = cohort_of(place, study_file)
    return found, {one.name: one for one in analyse(found, rng=np.random.default_rng(1))}


def test_four_people_per_group_have_permuted_p_values_and_a_caution(cohorts, tmp_path):
    _, found = analysed(cohorts, tmp_path, "n4", "paper1")
    (note,) = set(found["group_tests"].tables["kruskal_wallis"]["note"]) - {""}
    assert note == "fewer than 10 in a group: p is permuted, and says little"
    tests = found["table1"].tables["table1_tests"].dropna(subset="p_recommended")
    names = set(tests["test_recommended"])
    assert not names & {"Pearson χ²", "Student's t", "Mann-Whitney U", "Kruskal-Wallis"}
    notes = found["adjusted"].tables["ancova"]["note"]
    assert (notes[notes != ""] == FEW_PEOPLE).all()
    low = found["correlations"].tables["correlations"]
    assert low.loc[low["df"] < 10, "note"].str.contains("p by permutation").all()
    assert found["markers"].statement.methods.endswith(
        "judged as a marker: 4 and 4 people; needed are 5 on each side."
    )


def test_lesions_in_nobody_are_said_in_words_and_no_number(cohorts, tmp_path):
    _, found = analysed(cohorts, tmp_path, "wmh0", "paper2")
    table = found["regressions"].tables["regressions"]
    own = table[(table["measure"] == "wmh_ml") & (table["contrast"] == "npsle_v_non")]
    assert own["reason"].str.endswith("the outcome is constant (0)").all()
    markers = found["markers"]
    assert "wmh_ml is the same in all (0)" in list(markers.tables["markers"]["reason"])[-1]
    assert markers.statement.methods.startswith("No single measure could be judged")


def test_without_sex_no_model_says_that_it_was_adjusted_for_it(cohorts, tmp_path):
    _, found = analysed(cohorts, tmp_path, "nosex", "paper2")
    for name in ("adjusted", "correlations", "regressions", "outcomes"):
        methods = found[name].statement.methods
        assert methods.startswith("No ")
        assert "adjusted for" not in methods
    assert "sex is missing for all" in found["regressions"].statement.methods


def test_variables_that_say_the_same_are_named(cohorts, tmp_path):
    _, found = analysed(cohorts, tmp_path, "collinear", "paper2")
    table = found["regressions"].tables["regressions"]
    own = table[(table["model"] == "secondary") & (table["contrast"] == "npsle_v_non")]
    assert own["reason"].str.endswith("depend on each other: hypertension, diabetes").all()
    primary = table[(table["model"] == "primary") & (table["contrast"] == "npsle_v_non")]
    assert (primary["status"] == "estimated").all()


@pytest.mark.parametrize(("case", "column"), [("siteconf", "scanner"), ("site_only", "site")])
def test_a_site_that_is_the_group_is_warned_of_in_every_comparison(cohorts, tmp_path, case, column):
    cohort, found = analysed(cohorts, tmp_path, case, "paper2")
    (first, *_) = find_imbalances(cohort)
    assert first.startswith(f"{column.capitalize()} tells non-NPSLE and NPSLE apart")
    for name, table in (("adjusted", "ancova"), ("regressions", "regressions")):
        rows = found[name].tables[table]
        done = rows[rows["status"] == "estimated"]
        if name == "regressions":
            done = done[(done["contrast"] == "npsle_v_non") & (done["model"] == "primary")]
        told = f"not adjusted for {column}: each of its levels is in one group alone"
        assert done["note"].str.contains(told).all()
        assert not done["covariates"].str.contains(column).any()


def test_levels_that_no_group_asks_for_leave_no_sentence_with_a_zero(cohorts, tmp_path):
    study = str(CASES / "tables" / "hospital.toml")
    _, found = analysed(cohorts, tmp_path, "hospital", "paper1", study)
    for analysis in found.values():
        assert not re.search(
            r"(?<![\d.,])0 (measures|correlations)|n = 0\b", analysis.statement.methods
        )
    assert (
        found["adjusted"]
        .tables["ancova"]["reason"]
        .str.contains("no one is in the groups that are compared|no column")
        .all()
    )


@pytest.mark.parametrize(
    ("case", "cohort", "study"),
    [("anc1", "paper1", "ancova1.toml"), ("anc2", "paper2", "ancova.toml")],
)
def test_groups_of_other_ages_are_compared_at_equal_age(cohorts, tmp_path, case, cohort, study):
    found, analyses = analysed(cohorts, tmp_path, case, cohort, str(CASES / "tables" / study))
    table = analyses["adjusted"].tables["ancova"]
    done = table[table["status"] == "estimated"].iloc[0]
    names = done["covariates"].split(", ")
    assert "age" in names
    frame = found.included.assign(group_of=None)
    for name in found.study.groups:
        inside = members(found.frame, population=found.study.populations[name])
        frame.loc[inside[frame.index], "group_of"] = name
    fit = smf.ols(f"{done['measure']} ~ C(group_of) + {' + '.join(names)}", frame).fit()
    expected = sm.stats.anova_lm(fit, typ=2).loc["C(group_of)", "F"]
    assert done["f"] == pytest.approx(expected)


@pytest.mark.exhaustive
def test_few_people_have_limits_of_their_rate_ratio_by_t_and_a_caution(tmp_path):
    place = tmp_path / "p3s"
    assert simulate([str(place), "--cohort", "paper3", "--participants", "60"]) == 0
    apply("p3s")(place)
    out = place / "derivatives" / "npsle_app"
    measures.run(output_dir=out, settings=MeasuresSettings(), raw=place)
    normative.run(output_dir=out, settings=NormativeSettings(), raw=place)
    table = read_table(out / GroupFile.DEVIATION_COMPARISONS.path)
    row = table[(table["contrast"] == "npsle_v_non") & (table["status"] == "estimated")].iloc[0]
    assert (row["n_group"], row["n_against"]) == (11, 12)
    assert "limits may be too narrow, read the permutation test" in row["note"]
    assert 0 < row["irr_low"] < row["irr"] < row["irr_high"]
