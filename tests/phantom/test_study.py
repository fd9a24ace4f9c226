import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from npsle_app.phantom.__main__ import main

pytestmark = pytest.mark.long

COARSE = ("--voxel-mm", "4")
BARE = ("--no-diffusion", "--no-vessel-wall")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "study"
    assert main([str(folder), "--participants", "2", "--seed", "7", *COARSE]) == 0
    return folder


def _digests(folder: Path, pattern: str) -> dict[str, str]:
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_study_holds_scans_tables_and_truth(study):
    names = set(_digests(study, "**/*"))
    assert {"dataset_description.json", "participants.tsv", "participants.json"} < names
    assert {"sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_FLAIR.json"} < names
    assert {"sub-01/dwi/sub-01_dir-AP_dwi.bvec", "sub-02/fmap/sub-02_dir-PA_epi.json"} < names
    assert {"sourcedata/truth.tsv", "sourcedata/sub-02/sub-02_lesions.nii.gz"} < names
    assert {"sub-01/anat/sub-01_acq-vwi_T1w.nii.gz", "sub-01/anat/sub-01_angio.json"} < names
    assert "sub-02/anat/sub-02_acq-vwi_ce-gad_T1w.nii.gz" in names
    assert len(names) == 6 + 2 * (4 + 4 + 2 + 5 + 4)


@pytest.mark.slow
def test_the_same_call_makes_the_same_bytes(study, tmp_path):
    main([str(tmp_path / "again"), "--participants", "2", "--seed", "7", *COARSE])
    assert _digests(tmp_path / "again", "**/*") == _digests(study, "**/*")


@pytest.mark.slow
def test_a_participant_stays_the_same_in_a_larger_study(study, tmp_path):
    main([str(tmp_path / "small"), "--participants", "1", "--seed", "7", *COARSE])
    small = _digests(tmp_path / "small", "**/sub-01/**/*")
    assert small
    assert small == _digests(study, "**/sub-01/**/*")


def test_without_diffusion_and_arteries_the_other_images_and_the_truth_stay(study, tmp_path):
    call = ("--participants", "2", "--seed", "7", *COARSE, *BARE)
    assert main([str(tmp_path / "bare"), *call]) == 0
    bare, whole = (_digests(folder, "**/*") for folder in (tmp_path / "bare", study))
    left_out = set(whole) - set(bare)
    assert len(left_out) == 2 * (4 + 2) + 2 * 4
    assert all(any(word in name for word in ("dwi", "epi", "vwi", "angio")) for name in left_out)
    assert {name for name in bare if bare[name] != whole[name]} == {"README.md"}
    told = (tmp_path / "bare" / "README.md").read_text()
    assert f"npsle_phantom {' '.join(call)}`" in told
    assert "black-blood" not in told


def test_every_column_is_explained(study):
    for table in ("participants", "sourcedata/truth"):
        columns = pd.read_csv(study / f"{table}.tsv", sep="\t").columns
        assert list(json.loads((study / f"{table}.json").read_text("utf-8"))) == list(columns)


def test_the_truth_on_disk_fits_the_maps_on_disk(study):
    truth = pd.read_csv(study / "sourcedata" / "truth.tsv", sep="\t").set_index("participant_id")
    for tissue in ("gm", "wm", "csf"):
        image = nib.load(study / f"sourcedata/sub-02/sub-02_{tissue}.nii.gz")
        volume_ml = image.get_fdata().sum() * 0.064
        assert volume_ml == pytest.approx(truth.loc["sub-02", f"{tissue}_ml"], rel=1e-3)
    lesions = nib.load(study / "sourcedata/sub-02/sub-02_lesions.nii.gz").get_fdata()
    volume_ml = np.count_nonzero(lesions >= 0.5) * 0.064
    assert volume_ml == pytest.approx(truth.loc["sub-02", "wmh_ml"])


def test_sidecars_tell_2d_from_3d_flair(study):
    read = [
        json.loads((study / f"sub-0{k}/anat/sub-0{k}_FLAIR.json").read_text("utf-8"))
        for k in (1, 2)
    ]
    assert [sidecar["MRAcquisitionType"] for sidecar in read] == ["3D", "2D"]


def test_a_folder_with_files_is_refused_unless_forced(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert main([str(tmp_path), *COARSE]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert main([str(tmp_path), "--participants", "1", "--force", *COARSE, *BARE]) == 0
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_file_is_refused_as_output(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file")]) == 2
    assert "is a file: name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [("--participants", "0"), ("--seed", "-1"), ("--voxel-mm", "nan")]
)
def test_impossible_options_are_refused(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "out"), "=".join(wrong)])
    assert "expected a" in capsys.readouterr().err


@pytest.fixture(scope="module")
def visits(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "visits"
    words = ("--participants", "1", "--seed", "7", "--sessions", "2", *COARSE)
    assert main([str(folder), *words]) == 0
    return folder


def test_several_sessions_have_folders_dates_and_a_row_of_truth_each(visits):
    names = set(_digests(visits, "**/*"))
    assert {"sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz", "sub-01/sub-01_sessions.tsv"} < names
    assert "sourcedata/sub-01/ses-2/sub-01_ses-2_lesions.nii.gz" in names
    truth = pd.read_csv(visits / "sourcedata" / "truth.tsv", sep="\t")
    assert list(truth.session_id) == ["ses-1", "ses-2"]
    assert truth.wmh_new_ml.isna().tolist() == [True, False]
    assert list(json.loads((visits / "sourcedata/truth.json").read_text())) == list(truth.columns)
    dates = pd.read_csv(visits / "sub-01/sub-01_sessions.tsv", sep="\t").acq_time
    assert dates.is_monotonic_increasing


def test_the_first_of_several_sessions_is_the_scan_of_a_study_of_one(visits, study):
    for suffix in ("T1w", "FLAIR"):
        first = visits / "sub-01" / "ses-1" / "anat" / f"sub-01_ses-1_{suffix}.nii.gz"
        only = study / "sub-01" / "anat" / f"sub-01_{suffix}.nii.gz"
        assert first.read_bytes() == only.read_bytes()


@pytest.mark.parametrize("name", ["study", "visits"])
def test_the_validator_finds_no_error(name, request):
    study = request.getfixturevalue(name)
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    found = subprocess.run(  # noqa: S603
        [validator, str(study), "--json"], capture_output=True, text=True, check=False, timeout=120
    )
    issues = json.loads(found.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
