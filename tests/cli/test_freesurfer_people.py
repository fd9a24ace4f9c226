"""People who have FreeSurfer's tables and no image are imported, from the plan to the page."""

import pandas as pd
import pytest

from npsle_app.__main__ import main
from tests.stats_files import write_tables_alone


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_tables_alone(folder)
    return folder


def call(study, *more):
    given = f"freesurfer={study / 'fs'}"
    arguments = [str(study / "bids"), str(study / "out"), *more, "--derivatives", given]
    return main([*arguments, "--skip-bids-validation", "--sloppy"])


def test_the_plan_has_a_row_of_each_session(study, capsys):
    assert call(study, "participant", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "regions: FreeSurfer 7.1.1 of sub-01_ses-1" in told
    assert "regions: FreeSurfer 7.4.1 of sub-02_ses-1" in told
    assert told.count("freesurfer: will run") == 2
    assert not (study / "out").exists()


@pytest.mark.slow
def test_volumes_are_measured_scored_and_shown(study):
    assert call(study, "participant", "group", "--normative-reference", "population") == 0
    out = study / "out"
    measures = pd.read_csv(out / "sub-01/ses-1/sub-01_ses-1_measures.tsv", sep="\t")
    assert set(measures["software"]) == {"FreeSurfer 7.1.1"}
    assert measures.set_index("measure").loc["fs_thalamus_left_ml", "value"] == 7.6
    status = pd.read_csv(out / "sub-01/log/status.tsv", sep="\t").set_index("stage")["status"]
    assert status["freesurfer"] == "done"
    assert set(status.drop("freesurfer")) == {"absent"}
    wide = pd.read_csv(out / "npsle_app_measures.tsv", sep="\t")
    assert wide["fs_measured_by"].tolist() == ["FreeSurfer 7.1.1", "FreeSurfer 7.4.1"]
    scores = pd.read_csv(out / "group/population_scores.tsv", sep="\t")
    thalamus = scores[scores["region"] == "fs_thalamus_left_ml"].set_index("participant_id")
    assert thalamus.loc["sub-02", "z"] < -1.96
    assert thalamus["reason"].str.contains("site term from 0 controls").all()
    page = (out / "sub-02.html").read_text()
    assert "FreeSurfer volumes beside a population" in page
    assert "58,831 healthy people" in page
    study_page = (out / "group.html").read_text()
    assert "FreeSurfer volumes: the population" in study_page
    # the group level alone knows where the tables lie
    (out / "sub-02/ses-1/sub-02_ses-1_population.tsv").unlink()
    assert main([str(study / "bids"), str(out), "group", "--sloppy"]) == 0
    assert "fs_thalamus_left_ml" in (out / "sub-02.html").read_text()
    # a second run makes nothing anew
    assert call(study, "participant") == 0
    again = pd.read_csv(out / "sub-01/log/status.tsv", sep="\t").set_index("stage")["status"]
    assert again["freesurfer"] == "reused"


def test_the_plan_of_the_group_level_tells_of_the_population(study, capsys):
    if not (study / "out").exists():
        call(study, "participant")
    capsys.readouterr()
    assert call(study, "group", "--dry-run") == 0
    assert "2 people would be scored by Rutherford 2022: 58,831" in capsys.readouterr().out
