"""Each participant's files of deviations: what they say, and when they are made anew."""

import json
import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.writer import write_tsv
from npsle_app.group_tables import group_tables
from npsle_app.phantom.cohort.cohort import simulate_cohort
from npsle_app.phantom.cohort.files import DERIVATIVE, write_cohort
from npsle_app.report.participant import write_report
from npsle_app.settings import DeviationsSettings, MeasuresSettings, NormativeSettings
from npsle_app.stages.group import deviations, measures, normative, person

pytestmark = pytest.mark.long

STUDY = """
[normative]
regions = ["thalamus", "putamen"]
counted = ["thalamus", "putamen"]
scores = ["edss"]  # mixed models of each take most of the time
"""
KEPT = ("sub-0001", "sub-0002")
THALAMUS = 39


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A study of 60, scored; but for two people their folders are gone, to be quick."""
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, cohort=simulate_cohort("paper3", participants=60, seed=1))
    (folder / "study.toml").write_text(STUDY)
    out = folder / DERIVATIVE
    measures.run(output_dir=out, settings=MeasuresSettings())
    quick = NormativeSettings(permutations=9, bootstrap_samples=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normative, "draw_deviations", lambda *_, **__: iter(()))
        normative.run(
            output_dir=out, settings=replace(quick, study_file=str(folder / "study.toml"))
        )
    for path in out.glob("sub-*"):
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return out


@pytest.fixture
def out(scored, tmp_path):
    shutil.copytree(scored, tmp_path / "out")
    return tmp_path / "out"


def run(out):
    return deviations.run(output_dir=out, settings=DeviationsSettings())


def first_session(out):
    folder = out / "sub-0001" / "ses-1"
    return folder, f"sub-0001_{folder.name}"


def add_images(out, *, scan=""):
    """A head whose left half is thalamus; its T1w image in the template's space is empty."""
    folder, name = first_session(out)
    name += scan
    (folder / "anat").mkdir(exist_ok=True)
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4:10, 4:16, 4:16], labels[10:16, 4:16, 4:16] = THALAMUS, THALAMUS + 100
    head = 50.0 * (labels > 0)
    images = {
        "seg-aal_dseg": labels,
        "desc-preproc_T1w": head,
        "space-MNI152NLin2009aSym_desc-preproc_T1w": 0 * head,
    }
    for tail, data in images.items():
        path = folder / "anat" / f"{name}_{tail}.nii.gz"
        nib.save(nib.Nifti1Image(data.astype(np.float32), np.eye(4)), path)


def test_each_session_has_a_table_of_its_own_scores(out):
    made = run(out)
    assert made.changed == ("0001", "0002")
    scores = pd.read_csv(out / GroupFile.NORMATIVE_SCORES.path, sep="\t")
    folder, name = first_session(out)
    own = pd.read_csv(folder / f"{name}_deviations.tsv", sep="\t")
    wanted = scores[(scores.participant_id == "sub-0001") & (scores.session_id == folder.name)]
    assert list(own["region"]) == list(wanted["region"])
    np.testing.assert_allclose(own["z"], wanted["z"])
    sidecar = json.loads((folder / f"{name}_deviations.json").read_text())
    described = [column.name for column in group_tables()["deviations"].columns]
    assert list(own) == described == list(sidecar)[: len(described)]
    assert sidecar["volume"] == {"Description": "Volume that was measured", "Units": "mL"}
    assert len(made.tables) == len(list(out.glob("sub-*/ses-*/*_deviations.tsv")))


def test_the_record_tells_the_reference_and_shows_the_curves(out):
    run(out)
    folder, name = first_session(out)
    record = json.loads((folder / "log" / f"{name}_stage-deviations.json").read_text())
    assert [figure["title"] for figure in record["figures"]] == ["Volumes among centile curves"]
    assert record["checks"][0]["name"] == "People of the reference"
    assert "−1.96" in record["methods"]


def test_with_images_the_brain_is_coloured_too(out):
    add_images(out)
    run(out)
    folder, name = first_session(out)
    assert (folder / "figures" / f"{name}_deviations-map.webp").is_file()


@pytest.mark.parametrize("scan", ["", "_acq-mprage"])
def test_the_map_lies_on_the_scan_that_the_regions_are_of(out, monkeypatch, scan):
    add_images(out, scan=scan)
    seen = []
    draw = person.draw_score_map
    monkeypatch.setattr(
        person,
        "draw_score_map",
        lambda t1w, **more: seen.append(t1w.get_fdata().max()) or draw(t1w, **more),
    )
    run(out)
    assert seen == [50.0]


def test_a_second_run_makes_nothing_anew(out):
    run(out)
    assert run(out).changed == ()


@pytest.mark.parametrize("what", ["score", "measures", "label"])
def test_what_changes_a_person_makes_only_that_person_anew(out, what):
    run(out)
    folder, name = first_session(out)
    summary = out / GroupFile.NORMATIVE.path
    if what == "score":
        path = out / GroupFile.NORMATIVE_SCORES.path
        table = pd.read_csv(path, sep="\t")
        table.loc[table.participant_id == "sub-0001", "z"] += 0.1
        write_tsv(path, table)
    elif what == "measures":
        path = folder / f"{name}_measures.tsv"
        path.write_text(path.read_text() + "other_ml\t1\tmL\tx\tpass\tn/a\n")
    else:
        content = json.loads(summary.read_text())
        summary.write_text(json.dumps(content | {"labels": ["foreign reference: of others"]}))
    assert run(out).changed == (("0001", "0002") if what == "label" else ("0001",))


def test_a_foreign_reference_is_named_on_record_and_page(out):
    summary = out / GroupFile.NORMATIVE.path
    content = json.loads(summary.read_text())
    summary.write_text(json.dumps(content | {"labels": ["foreign reference: <b>others</b>"]}))
    run(out)
    page = write_report(out, "0001", datasets={}).read_text(encoding="utf-8")
    assert "foreign reference: &lt;b&gt;others" in page
    assert "<b>others" not in page


def test_the_page_shows_counts_and_scores_and_forgets_those_of_other_measures(out):
    run(out)
    page = write_report(out, "0001", datasets={}).read_text(encoding="utf-8")
    assert "regions that are counted deviate critically" in page
    assert "Deviations from the reference" in page
    folder, name = first_session(out)
    path = folder / f"{name}_measures.tsv"
    path.write_text(path.read_text() + "other_ml\t1\tmL\tx\tpass\tn/a\n")
    assert "run the group level again" in write_report(out, "0001", datasets={}).read_text("utf-8")


def test_without_a_reference_what_was_said_before_is_taken_away(out):
    run(out)
    for file in (GroupFile.NORMATIVE_SCORES, GroupFile.NORMATIVE_MODEL):
        (out / file.path).unlink()
    made = run(out)
    assert (made.tables, made.changed) == ((), ("0001", "0002"))
    assert not [path for path in out.rglob("*deviations*") if path.is_file()]
