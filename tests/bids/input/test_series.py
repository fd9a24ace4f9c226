"""Which diffusion runs are one series, and which show its distortion."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from npsle_app.bids.input.preflight import check_session
from npsle_app.bids.input.series import phase_axis
from tests.bids.datasets import make_files, place


@pytest.fixture
def root(tmp_path):
    return make_files(tmp_path / "raw")


def add(root, name, *, encoding=None, n=8, zoom=2.0, folder="dwi", b=1000, suffix="dwi"):
    path = place(root, f"{folder}/sub-01{name}_{suffix}.nii.gz")
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(0).integers(1, 99, (4, 4, 4, n)).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([zoom, zoom, zoom, 1])), path)
    stem = path.name.split(".")[0]
    if encoding:
        told = {"PhaseEncodingDirection": encoding}
        path.with_name(f"{stem}.json").write_text(json.dumps(told))
    if folder == "dwi":
        vectors = np.random.default_rng(1).normal(size=(3, n))
        vectors /= np.linalg.norm(vectors, axis=0)
        np.savetxt(path.with_name(f"{stem}.bvec"), vectors)
        path.with_name(f"{stem}.bval").write_text(" ".join(["0", *[str(b)] * (n - 1)]))
    return path


def choice(root, wanted=None, **options):
    (session,) = find_sessions(root, "01", filters={"dwi": wanted or {}}, **options)
    return next(one for one in session.choices if one.kind == "dwi")


def test_runs_of_one_grid_and_encoding_are_one_series(root):
    first, second = (add(root, f"_run-{n}", encoding="j") for n in (1, 2))
    found = choice(root)
    assert found.scan.path == first
    assert [run.path for run in found.scan.runs] == [second]
    assert "2 runs" in found.reason
    assert [path.suffix for path in found.scan.tables] == [".bval", ".bvec"]


def test_the_series_with_most_directions_is_measured_and_the_reason_told(root):
    few, many = add(root, "_acq-a", n=7), add(root, "_acq-b", n=14, zoom=3.0)
    found = choice(root)
    assert (found.scan.path, found.others) == (many, (few,))
    assert "of 2 series" in found.reason
    assert "it has most directions" in found.reason


@pytest.mark.parametrize("told", ["sign", "label"])
def test_opposite_phase_encoding_shows_the_distortion(root, told):
    codes = ("j", "j-") if told == "sign" else (None, None)
    forward, reverse = (add(root, f"_dir-{way}", encoding=code)
                        for way, code in zip(("AP", "PA"), codes, strict=True))  # fmt: skip
    found = choice(root)
    assert found.scan.path == forward
    assert [one.path for one in found.scan.reverse] == [reverse]


def test_a_field_map_comes_before_a_series_and_must_be_meant(root):
    add(root, "_dir-AP", encoding="j-")
    add(root, "_dir-PA", encoding="j")
    epi = add(root, "_dir-PA", encoding="j", folder="fmap", suffix="epi", n=2)
    assert [one.path for one in choice(root, {"direction": "AP"}).scan.reverse] == [epi]
    sidecar = epi.with_name(epi.name.split(".")[0] + ".json")
    sidecar.write_text(
        json.dumps({"PhaseEncodingDirection": "j", "IntendedFor": "func/sub-01_bold.nii.gz"})
    )
    assert choice(root, {"direction": "AP"}).scan.reverse[0].path.name.endswith("PA_dwi.nii.gz")


def test_a_filter_chooses_the_prescription_and_not_its_reverse(root):
    for way in ("AP", "PA"):
        add(root, f"_acq-x_dir-{way}")
    add(root, "_acq-y_dir-PA", zoom=3.0)
    found = choice(root, {"acquisition": "x", "direction": "PA"})
    assert found.scan.path.name == "sub-01_acq-x_dir-PA_dwi.nii.gz"
    assert found.scan.reverse[0].path.name == "sub-01_acq-x_dir-AP_dwi.nii.gz"
    assert choice(root, {"acquisition": "z"}).scan is None


def test_a_series_of_another_program_goes_first(root, tmp_path):
    add(root, "")
    other = tmp_path / "qsiprep"
    path = place(other, "dwi/sub-01_space-ACPC_desc-preproc_dwi.nii.gz")
    path.parent.mkdir(parents=True)
    path.touch()
    found = choice(root, derivatives={"qsiprep": other})
    assert found.scan.path == path
    assert found.scan.preprocessed
    assert "--derivatives qsiprep" in found.reason


@pytest.mark.parametrize(
    ("metadata", "name", "axis"),
    [({"PhaseEncodingDirection": "j-"}, "", 1), ({"PhaseEncodingAxis": "i"}, "", 0),
     ({}, "_dir-AP", 1), ({}, "_dir-LR", 0), ({}, "", None)],
)  # fmt: skip
def test_the_axis_of_phase_encoding_is_told_by_sidecar_or_label(root, metadata, name, axis):
    path = add(root, name)
    path.with_name(path.name.split(".")[0] + ".json").write_text(json.dumps(metadata))
    assert phase_axis(choice(root).scan) == axis


def test_zero_vectors_are_refused_before_anything_is_computed(root):
    path = add(root, "")
    table = path.with_name("sub-01_dwi.bvec")
    vectors = np.loadtxt(table)
    vectors[:, 3] = 0
    np.savetxt(table, vectors)
    (session,) = find_sessions(root, "01")
    found = [problem.found for problem in check_session(session) if problem.refused]
    assert any("1 of its 7 volumes with b > 50 have no direction" in text for text in found)


def test_runs_and_reverse_images_are_looked_at_too(root):
    add(root, "_dir-AP_run-1")
    second, reverse = add(root, "_dir-AP_run-2"), add(root, "_dir-PA")
    for path in (second, reverse):
        path.with_name(path.name.split(".")[0] + ".bval").write_text("0 1000")
    (session,) = find_sessions(root, "01")
    named = {problem.path for problem in check_session(session) if "b-values" in problem.found}
    assert named == {second, reverse}
