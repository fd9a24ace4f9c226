"""Small BIDS datasets of empty files, for tests that ask only for names."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np


def make_files(root: Path, *names: str) -> Path:
    """Make empty files below `root`; a name is `anat/sub-01_ses-a_T1w.nii.gz`."""
    root.mkdir(exist_ok=True)
    description = {"Name": "made for a test", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    for name in names:
        path = place(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def place(root: Path, name: str) -> Path:
    """Complete `anat/sub-01_ses-a_T1w.nii.gz` with the folders that its name tells."""
    labels = [part for part in Path(name).name.split("_") if part.startswith(("sub-", "ses-"))]
    return root.joinpath(*labels, name)


def make_image(
    root: Path,
    name: str,
    *,
    zooms: tuple[float, float, float] = (1, 1, 1),
    shape: tuple[int, int, int] = (17, 18, 16),
    seed: int = 0,
) -> Path:
    """Save a small image of noise under a BIDS name."""
    path = place(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(seed).integers(1, 99, shape).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([*zooms, 1])), path)
    return path
