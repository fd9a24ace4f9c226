"""The stage writes what the page reads, takes a reference, and says why where it cannot."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.files import DERIVATIVE, write_cohort
from npsle_app.report.references import WORKS
from npsle_app.report.study import read_study
from npsle_app.settings import MeasuresSettings, NormativeSettings
from npsle_app.stages.group import normative
from npsle_app.stages.group.measures import run as gather
from npsle_app.stages.group.normative import plan, run
from npsle_app.stages.group.reference_io import check_given, read_reference
from npsle_app.stages.group.shared import read_tables
from tests.stages.described_tables import assert_tables_are_as_described

pytestmark = pytest.mark.long

QUICK = NormativeSettings(permutations=99, bootstrap_samples=20)
STUDY = """
[normative]
regions = ["thalamus", "putamen"]
counted = ["thalamus", "putamen"]
scores = ["edss"]  # mixed models of each take most of the time
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, cohort=simulate_cohort("paper3", participants=90, seed=1))
    (folder / "study.toml").write_text(STUDY)
    gather(output_dir=folder / DERIVATIVE, settings=MeasuresSettings())
    run(output_dir=folder / DERIVATIVE, settings=_settings(folder / DERIVATIVE))
    return folder / DERIVATIVE


@pytest.fixture
def copied(out, tmp_path):
    """Return a copy of the study, to be spoilt."""
    shutil.copytree(out.parents[1], tmp_path / "study")
    return tmp_path / "study" / DERIVATIVE


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small study's time."""
    monkeypatch.setattr(normative, "draw_deviations", lambda *_, **__: iter(()))


def _settings(out, **changes):
    return replace(QUICK, study_file=str(out.parents[1] / "study.toml"), **changes)


def _summary(out):
    return json.loads((out / GroupFile.NORMATIVE.path).read_text())


def _read(out, file):
    return pd.read_csv(out / file.path, sep="\t", keep_default_na=False, na_values=["n/a"])


def test_every_table_and_figure_of_the_summary_is_there_and_explained(out):
    told = _summary(out)
    assert told["status"] == "estimated"
    assert (told["tail"], told["labels"]) == ("lower", [])
    tables = {path for one in told["analyses"] for path in one["tables"].values()}
    for path in (*tables, told["scores"]):
        columns = pd.read_csv(out / path, sep="\t").columns
        meanings = json.loads((out / path).with_suffix(".json").read_text())
        assert list(meanings) == list(columns)
        assert all(meaning["Description"] for meaning in meanings.values())
    figures = [figure["path"] for one in told["analyses"] for figure in one["figures"]]
    assert {path.rpartition("/")[2] for path in figures} == {
        "deviation-scores.svg",
        "deviation-ratios.svg",
        "deviation-associations.svg",
        "deviation-regions.svg",
        "survival.svg",
    }
    assert all((out / path).with_suffix(".pdf").is_file() for path in figures)
    keys = {key for one in told["analyses"] for key in one["citations"]}
    assert keys <= set(WORKS)


def test_every_table_is_as_described(out):
    assert_tables_are_as_described(out, "normative")


def test_the_planted_thalami_come_out(out):
    table = _read(out, GroupFile.DEVIATION_PREVALENCE)
    own = table[table["contrast"] == "patients_v_controls"].set_index("region")
    thalami = own.loc[["region_thalamus_left_ml", "region_thalamus_right_ml"]]
    assert thalami["percent_group"].mean() == pytest.approx(25, abs=10)
    assert thalami["percent_against"].mean() < 10


def test_scores_have_a_row_for_each_session_and_region(out):
    scores, counts = _read(out, GroupFile.NORMATIVE_SCORES), _read(out, GroupFile.DEVIATION_COUNTS)
    assert len(scores) == 4 * len(counts)
    assert not scores.duplicated(["participant_id", "session_id", "region"]).any()
    assert set(scores["session_id"]) == {"ses-1", "ses-2", "ses-3"}
    assert {"age", "sex", "tiv_ml", "site", "n_deviations"} <= set(counts)


def test_the_page_shows_the_analyses_between_statistics_and_classifier(out):
    shown = read_study(out)
    names = [one.name for one in shown.analyses]
    assert names == [
        *("normative_model", "deviations", "deviation_prevalence", "deviation_associations"),
        *("deviation_transitions", "deviation_events"),
    ]
    headings = {
        heading for one in shown.analyses for table in one.tables for heading in table.headings
    }
    assert {"IRR (95 % CI)", "β (95 % CI)", "Hazard ratio (95 % CI)"} <= headings
    assert "ge2024" in dict(shown.works)


@pytest.mark.usefixtures("no_figures")
def test_the_same_study_gives_the_same_bytes(copied):
    run(output_dir=copied, settings=_settings(copied))
    before = {file: (copied / file.path).read_bytes() for file in _written(copied)}
    run(output_dir=copied, settings=_settings(copied))
    assert {file: (copied / file.path).read_bytes() for file in _written(copied)} == before


def _written(out):
    return [file for file in GroupFile if (out / file.path).is_file()]


@pytest.mark.usefixtures("no_figures")
def test_the_model_and_the_table_of_one_study_are_references_of_another(out, copied):
    ours = _read(out, GroupFile.NORMATIVE_SCORES)
    for file in (GroupFile.NORMATIVE_MODEL, GroupFile.NORMATIVE_REFERENCE):
        path = str(out / file.path)
        run(output_dir=copied, settings=_settings(copied, reference_file=path))
        theirs = _read(copied, GroupFile.NORMATIVE_SCORES)
        patients = ours["participant_id"].isin(_patients(out))
        assert theirs["z"][patients].to_numpy() == pytest.approx(
            ours["z"][patients].to_numpy(), abs=1e-3
        )
        assert _summary(copied)["reference"]["name"] == path.rpartition("/")[2]
        assert not (copied / GroupFile.NORMATIVE_REFERENCE.path).is_file()


def _patients(out):
    table = pd.read_csv(out.parents[1] / "participants.tsv", sep="\t")
    return table.loc[table["group"] != "HC", "participant_id"]


def test_a_table_without_sidecar_is_foreign_until_it_is_allowed_and_labels_every_figure(
    out, copied, tmp_path
):
    table = tmp_path / "healthy.tsv"
    shutil.copy(out / GroupFile.NORMATIVE_REFERENCE.path, table)
    foreign = _settings(copied, reference_file=str(table))
    with pytest.raises(ValueError, match=r"healthy\.tsv: the reference is foreign: .*unknown"):
        check_given(foreign, version="1.0")
    with pytest.raises(ValueError, match=r"healthy\.tsv: the reference is foreign"):
        run(output_dir=copied, settings=foreign)
    allowed = replace(foreign, allow_foreign=True)
    check_given(allowed, version="1.0")
    run(output_dir=copied, settings=allowed)
    told = _summary(copied)
    assert told["warnings"][0].startswith("foreign reference: it was measured by unknown software")
    figures = [figure for one in told["analyses"] for figure in one["figures"]]
    assert figures
    assert all("foreign reference" in figure["caption"] for figure in figures)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{}", "it is no normative model of this app"),
        ("a.json", "{", "it is no readable JSON"),
        ("a.tsv", "participant_id\tage\nx\t1\n", "it has no column sex, tiv_ml"),
        ("a.tsv", "participant_id\tage\tsex\ttiv_ml\nx\t1\tF\t1\n", "it has no region's volume"),
        (
            "a.tsv",
            "participant_id\tage\tsex\ttiv_ml\tregion_thalamus_left_ml\nx\told\tF\t1\t5\n",
            "age should hold a number",
        ),
        ("none.tsv", None, "cannot read the reference"),
    ],
)
def test_a_reference_that_is_none_is_refused_by_the_name_of_its_file(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_reference(tmp_path / name)
    assert name in str(caught.value)


def test_without_controls_the_summary_says_why_and_what_was_there_is_gone(copied):
    kept = copied / GroupFile.STATISTICS.path
    kept.write_text("{}")
    people = copied.parents[1] / "participants.tsv"
    people.write_text(people.read_text().replace("\tHC\t", "\tNPSLE\t"))
    made = run(output_dir=copied, settings=_settings(copied))
    assert made.tables == ()
    told = _summary(copied)
    assert told["status"] == "not estimable"
    assert "there are no controls" in told["reason"]
    assert not (copied / GroupFile.NORMATIVE_SCORES.path).exists()
    assert not list((copied / GROUP_FIGURES).glob("deviation-*"))
    assert kept.read_text() == "{}"
    kept.unlink()
    (shown,) = read_study(copied).analyses
    assert "not estimable" in shown.results[0]


def test_a_plan_says_who_makes_the_reference_and_who_is_scored(out):
    told = list(plan(read_tables(out), settings=_settings(out)))
    assert told[0].startswith("normative modelling: the reference would be Controls: ")
    assert "would be scored in 4 regions" in told[1]
