"""The synthetic study on disk: a raw BIDS dataset, and its truth under `sourcedata`."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from npsle_app.bids.writer import replace, write_json, write_tsv
from npsle_app.phantom.clinic import COLUMNS, clinical_row
from npsle_app.phantom.participant import PhantomParticipant, make_participant

_README = """\
# A synthetic study for npsle_app

No person was scanned: every head is a template, warped, lit and scanned by arithmetic.
Made by `npsle_phantom --participants {participants} --seed {seed} --voxel-mm {voxel_mm:g}`;
the same call makes the same files, byte for byte, and a participant stays the same in a
larger study.

`sourcedata/truth.tsv` holds the true volumes, `sourcedata/sub-*` the true tissue and lesion
fractions on the grid of the T1w image. Clinical columns are drawn at random and carry no
medical information.
"""

_TRUTH_COLUMNS = {
    "tiv_ml": "Intracranial volume: sum of the three tissues",
    "tbv_ml": "Brain volume: grey plus white matter",
    "gm_ml": "Grey matter, sum of fractions",
    "wm_ml": "White matter with lesions, sum of fractions",
    "csf_ml": "Cerebrospinal fluid inside the skull, sum of fractions",
    "wmh_ml": "Lesions: voxels with a lesion fraction of 0.5 or more",
    "wmh_soft_ml": "Lesions: sum of fractions",
    "wm_without_wmh_ml": "White matter outside the voxels counted in wmh_ml",
}

_T1W = {
    "Modality": "MR",
    "Manufacturer": "npsle_phantom",
    "ManufacturersModelName": "Synthetic",
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3D",
    "ScanningSequence": "GR",
    "SequenceVariant": "MP",
    "RepetitionTime": 0.0098,
    "EchoTime": 0.0046,
    "InversionTime": 0.9,
    "FlipAngle": 8,
}
_FLAIR = _T1W | {"ScanningSequence": ["SE", "IR"], "SequenceVariant": "SK", "FlipAngle": 90}
_FLAIR_TIMES = {
    "3D": {"RepetitionTime": 4.8, "EchoTime": 0.32, "InversionTime": 1.65},
    "2D": {"RepetitionTime": 11.0, "EchoTime": 0.125, "InversionTime": 2.8},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What to make: how many participants, from which seed, at which T1w voxel size."""

    participants: int = 3
    seed: int = 0
    voxel_mm: float = 1.0


def write_study(folder: Path, *, study: Study) -> None:
    """Write the dataset, one participant at a time."""
    clinical, truths = [], []
    for index in range(1, study.participants + 1):
        person = make_participant(index, seed=study.seed, voxel_mm=study.voxel_mm)
        _write_scans(folder, person)
        clinical.append(clinical_row(person, seed=study.seed, index=index))
        truths.append({"participant_id": f"sub-{person.label}"} | asdict(person.truth))
    _write_tables(folder, clinical=clinical, truths=truths)
    write_json(
        folder / "dataset_description.json",
        {
            "Name": "Synthetic study for npsle_app",
            "BIDSVersion": "1.10.0",
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["npsle_app developers"],
        },
    )
    text = _README.format(**asdict(study))
    replace(folder / "README.md", lambda part: part.write_text(text, encoding="utf-8"))


def _write_scans(folder: Path, person: PhantomParticipant) -> None:
    subject = f"sub-{person.label}"
    flair = _FLAIR | _FLAIR_TIMES[person.truth.flair_type]
    flair["MRAcquisitionType"] = person.truth.flair_type
    for image, suffix, sidecar in ((person.t1w, "T1w", _T1W), (person.flair, "FLAIR", flair)):
        stem = folder / subject / "anat" / f"{subject}_{suffix}"
        write_image(stem.with_name(f"{stem.name}.nii.gz"), image)
        thickness = {"SliceThickness": round(float(image.header.get_zooms()[2]), 3)}
        write_json(stem.with_name(f"{stem.name}.json"), sidecar | thickness)
    for name, image in person.maps.items():
        place = folder / "sourcedata" / subject / f"{subject}_{name}.nii.gz"
        write_image(place, _as_bytes(image))


def write_image(path: Path, image: nib.Nifti1Image) -> None:
    """Write a `.nii.gz` whose bytes depend on the image alone, not on time or name."""
    packed = gzip.compress(image.to_bytes(), compresslevel=4, mtime=0)
    replace(path, lambda part: part.write_bytes(packed))


def _as_bytes(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Store fractions in steps of 1/255, which keeps every one on its side of 0.5."""
    data = np.floor(np.asarray(image.dataobj) * 255 + 0.5).clip(0, 255).astype(np.uint8)
    packed = nib.Nifti1Image(data, image.affine, image.header)
    packed.header.set_data_dtype(np.uint8)
    packed.header.set_slope_inter(1 / 255, 0)
    return packed


def _write_tables(
    folder: Path,
    *,
    clinical: Sequence[Mapping[str, Any]],
    truths: Sequence[Mapping[str, Any]],
) -> None:
    write_tsv(folder / "participants.tsv", pd.DataFrame(clinical).convert_dtypes())
    write_json(folder / "participants.json", COLUMNS)
    write_tsv(folder / "sourcedata" / "truth.tsv", pd.DataFrame(truths).round(4))
    dictionary: dict[str, Any] = {"participant_id": {"Description": "Participant"}}
    for name, text in _TRUTH_COLUMNS.items():
        dictionary[name] = {"Description": text, "Units": "mL"}
    dictionary["flair_type"] = COLUMNS["flair_type"]
    write_json(folder / "sourcedata" / "truth.json", dictionary)
