"""What the tutorial makes of DICOM is what the app takes: names of dcm2bids and of HeuDiConv."""

import json
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.dataset import find_sessions
from tests.book.blocks import ROOT, find_blocks

PAGE = ROOT / "docs" / "dicom.md"
# Series as a scanner calls them: description, sign of the phase encoding, and name in BIDS.
SERIES = (
    ("t1_MPRAGE_sag_1mm", None, "anat/sub-01_T1w"),
    ("t2_space_FLAIR_sag", None, "anat/sub-01_FLAIR"),
    ("ep2d_DTI_64_AP", "j-", "dwi/sub-01_dir-AP_dwi"),
    ("ep2d_DTI_b0_PA", "j", "fmap/sub-01_dir-PA_epi"),
    ("t1_SPACE_VWI_pre", None, "anat/sub-01_acq-vwi_T1w"),
    ("t1_SPACE_VWI_post", None, "anat/sub-01_acq-vwi_ce-gad_T1w"),
)
USED = {"t1w": "T1w", "flair": "FLAIR", "dwi": "dir-AP_dwi", "vwi": "acq-vwi_T1w"}


@pytest.fixture(scope="module")
def descriptions() -> list[dict[str, object]]:
    (block,) = find_blocks("json", documents=[PAGE])
    return json.loads(block.text)["descriptions"]


@pytest.fixture(scope="module")
def heuristic() -> dict[str, object]:
    (block,) = find_blocks("python", documents=[PAGE])
    made: dict[str, object] = {}
    exec(block.text, made)  # noqa: S102 - our own document
    return made


def name_by_dcm2bids(descriptions, description: str, encoding: str | None) -> list[str]:
    """Name a series as dcm2bids does: by each description whose criteria all fit."""
    sidecar = {"SeriesDescription": description, "PhaseEncodingDirection": encoding or ""}
    return [
        "/".join((told["datatype"], "_".join(part for part in parts if part)))
        for told in descriptions
        if all(fnmatch(sidecar[key], wanted) for key, wanted in told["criteria"].items())
        for parts in [("sub-01", told.get("custom_entities"), told["suffix"])]
    ]


@pytest.mark.parametrize(("description", "encoding", "name"), SERIES)
def test_the_config_of_dcm2bids_names_each_series_once(
    descriptions, description: str, encoding: str | None, name: str
) -> None:
    assert name_by_dcm2bids(descriptions, description, encoding) == [name]


def test_the_heuristic_names_each_series_once_and_leaves_derived_ones(heuristic) -> None:
    info = [
        SimpleNamespace(series_id=str(n), series_description=told, image_type=("ORIGINAL",))
        for n, (told, _, _) in enumerate(SERIES)
    ]
    derived = SimpleNamespace(
        series_id="9", series_description="ep2d_DTI_ADC", image_type=("DERIVED", "ADC")
    )
    found = heuristic["infotodict"]([*info, derived])
    named = {key[0].format(subject="01"): series for key, series in found.items()}
    assert named == {f"sub-01/{name}": [str(n)] for n, (_, _, name) in enumerate(SERIES)}


def test_the_app_takes_the_scans_by_these_names(tmp_path: Path) -> None:
    for _, encoding, name in SERIES:
        write_scan(tmp_path / "sub-01" / f"{name}.nii.gz", encoding=encoding)
    (tmp_path / "dataset_description.json").write_text('{"Name": "n", "BIDSVersion": "1.10.0"}')
    (session,) = find_sessions(tmp_path, "01")
    taken = {kind: scan.path.name for kind, scan in session.scans.items()}
    assert taken == {kind: f"sub-01_{name}.nii.gz" for kind, name in USED.items()}
    reversed_one = next(choice for choice in session.choices if choice.kind == "dwi").reason
    assert "sub-01_dir-PA_epi.nii.gz" in reversed_one


def write_scan(path: Path, *, encoding: str | None) -> None:
    """Write a small image as the scanner's, with what its kind needs beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    series = path.name.endswith("_dwi.nii.gz")
    n = 13 if series else 1
    rng = np.random.default_rng(1)
    values = rng.integers(100, 900, (24, 24, 24, n) if series else (24, 24, 24)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, np.diag([0.6, 0.6, 0.6, 1.0])), path)
    stem = path.with_name(path.name.removesuffix(".nii.gz"))
    sidecar = {"PhaseEncodingDirection": encoding, "TotalReadoutTime": 0.05} if encoding else {}
    stem.with_name(f"{stem.name}.json").write_text(json.dumps(sidecar))
    if series:
        directions = rng.normal(size=(3, n))
        directions /= np.linalg.norm(directions, axis=0)
        directions[:, 0] = 0
        stem.with_name(f"{stem.name}.bval").write_text(" ".join(["0", *["1000"] * (n - 1)]))
        np.savetxt(stem.with_name(f"{stem.name}.bvec"), directions, fmt="%.6f")
