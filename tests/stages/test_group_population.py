"""A study with FreeSurfer volumes is compared with the population, and no control is fitted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from npsle_app.bids.freesurfer.folders import find_freesurfer, read_imported
from npsle_app.bids.output.names import File, GroupFile
from npsle_app.bids.output.writer import Writer
from npsle_app.cohort.deviations import population_study
from npsle_app.phantom.__main__ import main as phantom
from npsle_app.phantom.cohort.freesurfer import FOLDER, shifts_of_volumes
from npsle_app.phantom.cohort.paper3 import RATIO
from npsle_app.report.population import read_population
from npsle_app.resources import DATA
from npsle_app.settings import NormativeSettings, PopulationSettings
from npsle_app.stages.group import population, population_person
from npsle_app.stages.group.reference_io import check_given, read_given
from npsle_app.stages.group.shared import MEASURES_FILE
from tests.stages.described_tables import assert_tables_are_as_described

pytestmark = pytest.mark.long

REFERENCE = Path(str(DATA / "reference_freesurfer.json"))
DRAWN = ("sub-0001", "sub-0002")
QUICK = PopulationSettings(permutations=99, bootstrap_samples=0)
ONE_SCORE = '[normative]\nscores = ["edss"]\n'  # mixed models of each take most of the time


def measure(bids: Path, out: Path) -> Path:
    """Write the table of measures as the participant level and the stage `measures` would."""
    rows = []
    for folder in sorted((bids / FOLDER).iterdir()):
        person, _, session = folder.name.partition("_ses-")
        choice = find_freesurfer(
            {"freesurfer": bids / FOLDER},
            participant=person.removeprefix("sub-"),
            session=session,
            sessions=(session,),
        )
        assert choice is not None
        assert choice.scan is not None
        imported = read_imported(choice.scan, unit=folder.name)
        told = {"participant_id": person, "session_id": f"ses-{session}"}
        told["fs_measured_by"] = f"{imported.software} {imported.version}"
        rows.append(told | imported.volumes)
    table = pd.DataFrame(rows)
    states = {f"{name}_qc": "pass" for name in table if str(name).endswith(("_ml", "_mm"))}
    out.mkdir(parents=True)
    pd.concat([table, pd.DataFrame(states, index=table.index)], axis=1).to_csv(
        out / MEASURES_FILE, sep="\t", index=False
    )
    pd.read_csv(bids / "participants.tsv", sep="\t", keep_default_na=False).to_csv(
        out / "participants.tsv", sep="\t", index=False
    )
    for person in table["participant_id"].unique():
        (out / person).mkdir()
    return out


def make_study(folder: Path, *, participants: int) -> Path:
    bids = folder / "bids"
    (folder / "study.toml").write_text(ONE_SCORE)
    (folder / "paper.toml").write_text(f'mode = "paper"\n{ONE_SCORE}')
    arguments = [str(bids), "--cohort", "paper3", "--freesurfer", "--seed", "1"]
    assert phantom([*arguments, "--participants", str(participants)]) == 0
    return measure(bids, folder / "out")


def read(out: Path, file: GroupFile) -> pd.DataFrame:
    return pd.read_csv(out / file.path, sep="\t", keep_default_na=False, na_values=["n/a"])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = make_study(tmp_path_factory.mktemp("study"), participants=60)
    draw = population_person.draw_person
    with pytest.MonkeyPatch.context() as patch:  # sixty pictures take most of the time
        patch.setattr(
            population_person,
            "draw_person",
            lambda own, **more: (
                draw(own, **more) if own["participant_id"].iloc[0] in DRAWN else None
            ),
        )
        run(folder)
    return folder


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes most of a small study's time."""
    monkeypatch.setattr(population, "draw_deviations", lambda *_, **__: iter(()))
    monkeypatch.setattr(population, "draw_study", lambda *_: iter(()))
    monkeypatch.setattr(population_person, "draw_person", lambda *_, **__: None)


def run(out: Path, *, study="study.toml", **changes):
    settings = replace(QUICK, study_file=str(out.with_name(study)), **changes)
    return population.run(output_dir=out, settings=settings, raw=out.parent / "bids")


def summarise(out: Path, **changes) -> dict:
    run(out, **changes)
    return json.loads((out / GroupFile.POPULATION.path).read_text())


def test_every_table_is_described(out):
    assert_tables_are_as_described(
        out,
        "population",
        but=(
            "population_own_scores",
            "population_normative_sexes",
            "population_normative_outliers",
        ),
    )


def test_each_score_names_reference_program_and_controls(out):
    scores = read(out, GroupFile.POPULATION_SCORES)
    assert scores["reference"].str.contains("58,831 healthy people of 82 sites").all()
    assert set(scores["measured_by"]) == {"FreeSurfer 7.4.1"}
    assert scores["n_controls"].between(20, 40).all()
    told = scores[scores["deviation"] == "critical"]
    assert (told["z_high"] < -1.96).all()
    assert (scores.loc[scores["critical"].eq(True), "z_high"] < -1.96).all()


def test_a_bad_fit_is_told_first(out):
    summary = json.loads((out / GroupFile.POPULATION.path).read_text())
    assert "fits" in summary["warnings"][0]
    assert "badly" in summary["warnings"][0]


def test_each_participant_has_a_table_that_the_page_shows(out):
    people = sorted(out.glob("sub-*/ses-1/*_population.tsv"))
    assert len(people) == 60
    writer = Writer(out, "0001", "1")
    shown = read_population(writer)
    assert shown is not None
    assert len(shown.rows) == 37
    assert "58,831" in shown.reference
    assert "of 16 volumes that are counted" in shown.count
    writer.path(File.MEASURES).write_text("measure\tvalue\n")
    stale = read_population(writer)
    assert stale is not None
    assert "do not belong to these measures" in stale.note
    writer.path(File.MEASURES).unlink()


def test_everyone_stands_among_the_populations_curves(out):
    summary = json.loads((out / GroupFile.POPULATION.path).read_text())
    (figure,) = next(one for one in summary["analyses"] if one["name"] == "population_model")[
        "figures"
    ]
    assert (out / figure["path"]).read_text().startswith("<?xml")
    assert "Rutherford 2022" in figure["caption"]
    for name in DRAWN:
        (picture,) = (out / name / "ses-1").glob("figures/*_population-centiles.svg")
        (record,) = (out / name / "ses-1").glob("log/*_stage-population.json")
        told = json.loads(record.read_text())
        assert told["figures"][0]["path"].endswith(picture.name)
        assert "rutherford2022" in told["citations"]


@pytest.mark.usefixtures("no_figures")
def test_the_same_scores_leave_pages_as_they_are(out):
    again = run(out)
    assert again.changed == ()
    log = out / "sub-0003" / "ses-1" / "log"
    checked = log / "sub-0003_ses-1_stage-freesurfer.json"
    checked.write_text(json.dumps({"checks": [{"state": "pass"}, {"state": "warn"}]}))
    later = run(out)
    assert later.changed == ("0003",)
    record = json.loads((log / "sub-0003_ses-1_stage-population.json").read_text())
    assert record["inherited"] == "warn"


@pytest.mark.usefixtures("no_figures")
def test_own_controls_take_all_82_regions_of_the_paper(out):
    summary = summarise(out, reference_file="own", study="paper.toml")
    counts = read(out, GroupFile.POPULATION_DEVIATION_COUNTS)
    assert set(counts["n_regions"]) == {82}
    assert (out / GroupFile.POPULATION_OWN_SCORES.path).is_file()
    assert not list(out.glob("sub-*/ses-*/*_population.tsv"))
    by_population = summarise(out, study="paper.toml")
    counts = read(out, GroupFile.POPULATION_DEVIATION_COUNTS)
    assert set(counts["n_regions"]) == {14}
    assert any("68 of the cortex have no population" in one for one in by_population["warnings"])
    assert not any("68 of the cortex" in one for one in summary["warnings"])


@pytest.mark.usefixtures("no_figures")
def test_without_imported_volumes_there_is_nothing(out, monkeypatch):
    monkeypatch.setattr(population, "has_imported_volumes", lambda _: False)
    done = run(out)
    assert done.summary is None
    assert not (out / GroupFile.POPULATION.path).exists()


def test_two_words_and_a_population_in_json_are_no_reference_of_the_apps_regions(tmp_path):
    plain = json.loads(REFERENCE.read_text())
    given = tmp_path / "mine.json"
    given.write_text(json.dumps(plain | {"name": "Mine"}))
    for told in ("", "population", "own", str(given)):
        settings = NormativeSettings(reference_file=told)
        assert read_given(settings) is None
        check_given(settings, version="1")
    given.write_text(json.dumps(plain | {"sites": 0}))
    with pytest.raises(ValueError, match=r"mine\.json: .*sites"):
        check_given(NormativeSettings(reference_file=str(given)), version="1")


@pytest.mark.usefixtures("no_figures")
def test_a_population_of_the_user_takes_the_place_of_the_apps(out, tmp_path):
    given = tmp_path / "mine.json"
    plain = json.loads(REFERENCE.read_text())
    given.write_text(json.dumps(plain | {"name": "Mine", "citation": "Me, 2026"}))
    run(out, reference_file=str(given))
    assert read(out, GroupFile.POPULATION_SCORES)["reference"].str.startswith("Mine: ").all()
    record = json.loads(next(out.glob("sub-*/ses-1/log/*_stage-population.json")).read_text())
    assert record["citations"] == ["fraza2021"]
    assert "(Me, 2026)" in record["methods"]


@pytest.mark.parametrize("each", [120, pytest.param(362, marks=pytest.mark.exhaustive)])
def test_planted_deviations_of_patients_and_as_many_controls_come_back(tmp_path, monkeypatch, each):
    """The ratio is within its interval, the thalamus in a quarter, and nobody makes the model.

    362 are those of the paper.
    """
    monkeypatch.setattr(population, "draw_deviations", lambda *_, **__: iter(()))
    monkeypatch.setattr(population, "draw_study", lambda *_: iter(()))
    monkeypatch.setattr(population_person, "draw_person", lambda *_, **__: None)
    monkeypatch.setattr(population_study, "model_study", None)  # the app's own fit of controls
    out = make_study(tmp_path, participants=2 * each)
    run(out, study="paper.toml")
    counts = read(out, GroupFile.POPULATION_DEVIATION_COMPARISONS)
    row = counts[(counts["contrast"] == "patients_v_controls") & counts["method"].str.contains("1")]
    low, ratio, high = (float(row.iloc[0][name]) for name in ("irr_low", "irr", "irr_high"))
    assert (row.iloc[0]["n_group"], row.iloc[0]["n_against"]) == (each, each)
    assert low <= RATIO <= high, f"{ratio:.2f} ({low:.2f} to {high:.2f})"
    regions = read(out, GroupFile.POPULATION_DEVIATION_PREVALENCE)
    thalami = regions[
        (regions["contrast"] == "patients_v_controls") & regions["region"].str.contains("thalamus")
    ]
    assert thalami["percent_group"].between(19, 31).all()
    assert thalami["percent_against"].between(0.5, 6).all()
    scores = read(out, GroupFile.POPULATION_SCORES)
    assert set(scores["n_reference"]) >= {58831}


def test_shifts_plant_what_they_say():
    shares = {name: stats.norm.cdf(-1.96 + shift) for name, shift in shifts_of_volumes().items()}
    assert shares["fs_thalamus_left_ml"] == pytest.approx(0.25)
    below = [shares[name] for name in list(shares)[:14]]
    assert np.sum(below) / (14 * stats.norm.cdf(-1.96)) == pytest.approx(RATIO)
