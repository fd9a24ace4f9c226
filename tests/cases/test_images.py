"""Images that fooled the app, found in public bug reports: each with what is right.

The cases lie beside the repository; the scripts that come with them make each from one synthetic
participant at 3 mm.
"""

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from npsle_app import pipeline
from npsle_app.__main__ import main
from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.gradients import read_tables
from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.output.writer import Writer
from npsle_app.engine.executors import limit_threads
from npsle_app.imaging.diffusion.checks import check_volumes
from npsle_app.imaging.diffusion.gradients import read_fsl
from npsle_app.imaging.diffusion.volumes import join_runs
from npsle_app.phantom.study import Study, write_study
from npsle_app.settings import AlpsSettings, DwiSettings
from npsle_app.stages.participant import alps, dwi
from tests.engine.plan import with_upstream

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
SERIES = "sub-01/dwi/sub-01_dir-AP_dwi.nii.gz"
QUICK = {
    "denoise": False,
    "remove_gibbs_ringing": False,
    "align_volumes": False,
    "correct_bias": False,
    "replace_outlier_slices": False,
}

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not CASES.is_dir(), reason=f"needs the collected cases, which are not in {CASES}"
    ),
]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """The participant that all cases are made from."""
    folder = tmp_path_factory.mktemp("phantom") / "bids"
    write_study(folder, study=Study(participants=1, voxel_mm=3.0, vessel_wall=False))
    return folder


@pytest.fixture(scope="module")
def make(phantom, tmp_path_factory):
    """Return what makes a case, by the script that comes with it; its name "" is the whole."""

    def make(name, *words, into=None):
        if not name:
            return phantom
        folder = into or tmp_path_factory.mktemp(name) / "bids"
        command = [sys.executable, CASES / name / "make.py", phantom, folder, *words]
        subprocess.run(command, check=True)  # noqa: S603 - the cases' own script
        return folder

    return make


def look(folder):
    """Return the choices of the only session by kind, and what preflight says of it."""
    (session,) = find_sessions(folder, "01")
    choices = {choice.kind: choice for choice in session.choices}
    return choices, check_session(session)


def reasons(choice):
    return {one.path.name: one.reason for one in choice.others}


def refusals(problems):
    return [problem.found for problem in problems if problem.refused]


def same_content(first, second):
    one, other = nib.load(first), nib.load(second)
    return np.array_equal(one.affine, other.affine) and np.array_equal(
        np.asarray(one.dataobj), np.asarray(other.dataobj)
    )


def joined(folder):
    """Append the runs that are measured, as the stage does."""
    choices, _ = look(folder)
    scan = choices["dwi"].scan
    runs = [scan, *scan.runs]
    images = [nib.load(one.path) for one in runs]
    tables = [read_tables(one.path) for one in runs]
    gradients = [
        read_fsl(b, vectors=vectors, affine=image.affine)
        for (b, vectors), image in zip(tables, images, strict=True)
    ]
    return join_runs(images, gradients=gradients, names=[one.path.name for one in runs])


def test_a_flair_that_outgrew_its_numbers_is_refused_by_name(make):
    _, (problem,) = look(make("flair_int16_overflow"))
    assert (problem.kind, problem.path.name) == ("flair", "sub-01_FLAIR.nii.gz")
    assert problem.found.startswith("overflow: its brightest voxels have become negative")
    assert "wider type of numbers" in problem.advice


@pytest.mark.parametrize(
    ("case", "other", "why"),
    [
        ("dwi_nii_and_nii_gz", "sub-01_dir-AP_dwi.nii", "the same series as sub-01_dir-AP"),
        ("dwi_phase_as_second_run", "sub-01_dir-AP_run-02_dwi.nii.gz", "P in the ImageType"),
        ("dwi_trace_image_beside_series", "sub-01_acq-trace_dir-AP_dwi.nii.gz", "a map that"),
    ],
)
def test_what_is_no_run_is_left_out_by_name_and_the_whole_series_measured(
    make, phantom, case, other, why
):
    choices, problems = look(make(case))
    scan = choices["dwi"].scan
    assert problems == []
    assert same_content(scan.path, phantom / SERIES)
    assert scan.runs == ()
    assert [one.path.name for one in scan.reverse] == ["sub-01_dir-PA_epi.nii.gz"]
    assert why in reasons(choices["dwi"])[other]


def test_without_its_sidecar_a_phase_image_is_known_by_its_values(make):
    folder = make("dwi_phase_as_second_run")
    for path in (folder / "sub-01/dwi").glob("*.json"):
        path.write_text('{"PhaseEncodingDirection": "j-"}')
    choices, _ = look(folder)
    assert choices["dwi"].scan.path.name == "sub-01_dir-AP_run-01_dwi.nii.gz"
    assert choices["dwi"].scan.runs == ()
    assert "phase image" in reasons(choices["dwi"])["sub-01_dir-AP_run-02_dwi.nii.gz"]


@pytest.mark.parametrize("words", [(), ("grid",), ("sign",), ("second",)])
def test_a_reversed_image_is_used_wherever_physics_allows(make, words):
    name = "dwi_reverse_image_left_out_unsaid" if words else "dwi_reverse_b0_is_3d"
    choices, problems = look(make(name, *words))
    assert refusals(problems) == []
    (reverse,) = choices["dwi"].scan.reverse
    assert "dir-PA" in reverse.path.name
    assert reverse.path.name in choices["dwi"].reason


@pytest.mark.parametrize("count", [1, 3])
def test_blank_volumes_are_said_before_computing_and_left_out(make, count):
    folder = make("dwi_last_volume_blank", str(count))
    _, (problem,) = look(folder)
    assert problem.found.startswith(f"{count} of its 32 volumes")
    assert not problem.refused
    whole = joined(folder)
    assert whole.series.shape[3] == 32 - count
    assert [text.endswith("left out: it is blank.") for text in whole.left_out] == [True] * count


@pytest.mark.parametrize(("factor", "state"), [("0.85", "warn"), ("0.5", "fail")])
def test_runs_in_another_scale_are_brought_to_that_of_the_first(make, factor, state):
    found = joined(make("dwi_runs_of_other_scale", factor))
    level, first = found.levels[1], found.series.get_fdata()
    assert level == pytest.approx(float(factor), rel=0.01)
    (check,) = [one for one in check_volumes(found) if one.name == "DWI runs"]
    assert check.state == state
    unweighted = first[..., found.gradients.b_values < 50]
    bright = unweighted[..., 0] > np.percentile(unweighted[..., 0], 90)
    ratio = unweighted[bright][:, 1] / unweighted[bright][:, 0]
    assert np.median(ratio) == pytest.approx(1, rel=0.01)


def test_the_lengths_of_vectors_tell_the_shells_and_that_is_said(make):
    folder = make("dwi_b_value_told_by_vector_length")
    _, (problem,) = look(folder)
    assert "b-values are taken for 1000, 2000 s/mm²" in problem.found
    b_values, vectors = read_tables(folder / SERIES)
    np.testing.assert_allclose(b_values[2:], np.where(np.arange(30) % 2, 1000, 2000), atol=1)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, 2:], axis=0), 1, atol=1e-4)


def test_broken_first_runs_give_way_to_whole_second_ones(make, phantom):
    choices, problems = look(make("first_run_broken_second_run_good"))
    assert problems == []
    for kind, suffix in (("t1w", "T1w"), ("flair", "FLAIR")):
        name = f"sub-01_run-2_{suffix}.nii.gz"
        assert choices[kind].scan.path.name == name
        whole = phantom / f"sub-01/anat/sub-01_{suffix}.nii.gz"
        assert same_content(choices[kind].scan.path, whole)
        assert f"sub-01_run-1_{suffix}.nii.gz" in reasons(choices[kind])


def test_a_contrast_agent_in_the_sidecar_is_seen(make):
    choices, _ = look(make("t1w_contrast_agent_in_sidecar"))
    assert choices["t1w"].scan is None
    assert "ContrastBolusIngredient of its sidecar: GADOLINIUM" in choices["t1w"].reason


def test_an_index_older_than_the_data_loses_nobody(make, tmp_path):
    folder, index = tmp_path / "bids", tmp_path / "index"
    make("stale_bids_database", into=folder)
    (before,) = find_sessions(folder, "01", database_dir=index)
    assert "flair" not in before.scans
    make("stale_bids_database", "later", into=folder)
    for label in ("01", "02"):
        (session,) = find_sessions(folder, label, database_dir=index)
        assert {"t1w", "flair"} <= session.scans.keys()
        assert any("does not know" in note for note in session.notes)


@pytest.fixture(scope="module")
def index_of(make, tmp_path_factory):
    """Return what measures the DTI-ALPS index of a case, without the steps that take longest.

    The regions lie where they lie in the whole series, so that the values alone are compared.
    """
    placed = {}
    register = alps.register_fa

    def register_once(*images, **options):
        if not placed:
            placed["fit"] = register(*images, **options)
        return placed["fit"]

    def measure(name, *words):
        folder = make(name, *words)
        out = Writer(tmp_path_factory.mktemp("out"), "01", None, {"raw": folder})
        (session,) = find_sessions(folder, "01")
        tensor = dwi.run(
            dwi=session.scans["dwi"], anat=None, settings=DwiSettings(**QUICK), out=out
        )
        settings = AlpsSettings(bootstrap_samples=3)
        found = alps.run(dwi=tensor, anat=None, wmh=None, tissue=None, settings=settings, out=out)
        return values_of(found.record)["alps_mean"]["value"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alps, "register_fa", register_once)
        for stage in (dwi, alps):
            patch.setattr(stage, "_draw", lambda *_, **__: ())
        whole = measure("")
        yield lambda name, *words: measure(name, *words) / whole


def values_of(record):
    return {one["name"]: one for one in json.loads(record.read_text())["measures"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("dwi_last_volume_blank", ("1",)),
        ("dwi_reverse_b0_is_3d", ()),
        ("dwi_reverse_image_left_out_unsaid", ("grid",)),
        ("dwi_reverse_image_left_out_unsaid", ("sign",)),
        ("dwi_runs_of_other_scale", ("0.85",)),
    ],
)
def test_the_index_is_that_of_the_whole_series(index_of, case, words):
    assert index_of(case, *words) == pytest.approx(1, abs=0.03)


@pytest.mark.exhaustive
def test_the_index_of_shells_told_by_lengths_is_that_of_their_b_values(index_of):
    """A tensor of one shell of both is not that of one: 1.536 instead of 1.474, not 1.593."""
    assert index_of("dwi_b_value_told_by_vector_length") == pytest.approx(1.04, abs=0.02)


@pytest.fixture
def measures_of(make, tmp_path, monkeypatch):
    """Return what runs the stages of T1w and FLAIR on a case: measures, checks and exit code."""
    plan = with_upstream(pipeline.PARTICIPANT, ("wmh", "tissue", "lesions"))
    monkeypatch.setattr(pipeline, "PARTICIPANT", tuple(plan))
    for name, value in limit_threads(1).items():  # the app sets them; restored after the test
        monkeypatch.setenv(name, value)

    def measure(name, *words):
        out = tmp_path / (name or "whole")
        asked = [make(name, *words), out, "participant", "--sloppy", "--skip-bids-validation"]
        code = main(list(map(str, asked)))
        checks, values = {}, {}
        for record in sorted((out / "sub-01" / "log").glob("*_stage-*.json")):
            values |= values_of(record)
            checks |= {one["name"]: one for one in json.loads(record.read_text())["checks"]}
        return code, values, checks

    return measure


@pytest.mark.exhaustive
def test_a_flair_of_half_the_brain_gives_its_share_and_no_number_of_the_whole(measures_of):
    code, values, checks = measures_of("flair_covers_half_the_brain")
    assert code == 0
    assert checks["FLAIR coverage"]["seen"].startswith("53")
    assert values["wmh_ml"]["qc"] == values["wmh_count"]["qc"] == "not assessable"
    assert values["tiv_ml"]["qc"] in ("pass", "warn")


@pytest.mark.exhaustive
def test_heads_whose_headers_lost_their_origin_give_the_lesions_of_the_whole(measures_of):
    _, whole, _ = measures_of("")
    code, values, _ = measures_of("t1w_and_flair_lost_their_origin")
    assert code == 0
    assert values["wmh_ml"]["value"] == pytest.approx(whole["wmh_ml"]["value"], rel=0.05)
    assert values["wmh_ml"]["qc"] in ("pass", "warn")


@pytest.mark.exhaustive
def test_a_registration_that_is_not_sure_of_itself_lets_nothing_enter(measures_of):
    _, values, checks = measures_of("t1w_mp2rage_background")
    assert checks["Registration starts agree"]["state"] == "fail"
    assert {one["qc"] for one in values.values()} <= {"fail", "not assessable"}
    assert {"tiv_ml", "tbv_ml", "wmh_ml"} <= values.keys()
