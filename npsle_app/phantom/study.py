"""The synthetic study on disk: a raw BIDS dataset, and its truth under `sourcedata`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from npsle_app.bids.output.writer import replace, write_json, write_tsv
from npsle_app.measures import MEASURES
from npsle_app.phantom.arteries.vessel_files import VESSEL_COLUMNS, write_vessels
from npsle_app.phantom.cohort.clinic import COLUMNS, clinical_row
from npsle_app.phantom.head.diffusion_files import write_dwi
from npsle_app.phantom.head.image_files import write_image
from npsle_app.phantom.head.truth import vessel_truth
from npsle_app.phantom.participant import PhantomParticipant, Request, make_participant

_README = """\
# A synthetic study for npsle_app

No person was scanned: every head is a template, warped, lit and scanned by arithmetic.
Made by `npsle_phantom --participants {participants} --seed {seed} --voxel-mm {voxel_mm:g}{more}`;
the same call makes the same files, byte for byte, and a participant stays the same in a
larger study.

`sourcedata/truth.tsv` holds the true volumes of tissues and regions, DTI-ALPS indices, arteries'
lumens and walls, `sourcedata/sub-*` the true tissue and lesion fractions on the grid of the T1w
image. {vessels}Clinical columns are drawn at random and carry no medical information.
"""
_VESSELS = """\
Of three participants one has a black-blood image with an angiogram, one with and without
contrast agent, one none. """

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

_CHANGE_COLUMNS = {
    "wmh_new_ml": "Part of wmh_ml in lesions that touch none of the session before",
    "wmh_enlarged_ml": "Part of wmh_ml that the other lesions have gained since then",
}
_ALPS_COLUMNS = {
    "alps_left": "DTI-ALPS index of the left side, of the true tensors along the head's axes",
    "alps_right": "DTI-ALPS index of the right side",
    "alps_mean": "Mean of alps_left and alps_right",
}
_FIRST_YEAR = 2020  # invented, like all else

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
    """What to make: how many participants, from which seed, at which T1w voxel size.

    With several `sessions`, a year apart, each person is scanned again: the head lies
    otherwise, and lesions have grown. One session makes a dataset without session folders.
    Without `diffusion` or `vessel_wall` the other images and the truth stay the same.
    """

    participants: int = 3
    seed: int = 0
    voxel_mm: float = 1.0
    sessions: int = 1
    diffusion: bool = True
    vessel_wall: bool = True


def write_study(folder: Path, *, study: Study) -> None:
    """Write the dataset, one participant at a time."""
    clinical, truths = [], []
    for index in range(1, study.participants + 1):
        for session in range(1, study.sessions + 1):
            person = make_participant(
                Request(
                    index,
                    seed=study.seed,
                    voxel_mm=study.voxel_mm,
                    session=session,
                    diffusion=study.diffusion,
                    vessel_wall=study.vessel_wall,
                )
            )
            label = f"ses-{session}" if study.sessions > 1 else None
            _write_scans(folder, person, session=label)
            truths.append(_truth_row(person, session=label))
            if session == 1:
                clinical.append(clinical_row(person, seed=study.seed, index=index))
        if study.sessions > 1:
            _write_sessions(folder, f"sub-{index:02d}", count=study.sessions)
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
    text = _readme(study)
    replace(folder / "README.md", lambda part: part.write_text(text, encoding="utf-8"))


def write_head(folder: Path, *, label: str, study: Study, nwi: float | None = None) -> None:
    """Write the scans of the study's first head under another label, into a dataset that is there.

    With `nwi` its arteries have the walls that this normalised wall index wants. Its truth is
    written to `sourcedata/truth.tsv`.
    """
    made = make_participant(
        Request(
            1,
            seed=study.seed,
            voxel_mm=study.voxel_mm,
            diffusion=study.diffusion,
            vessel_wall=study.vessel_wall,
            nwi=nwi,
        )
    )
    person = replace_fields(made, label=label)
    _write_scans(folder, person, session=None)
    truth = pd.DataFrame([_truth_row(person, session=None)]).round(4)
    write_tsv(folder / "sourcedata" / "truth.tsv", truth)


def _readme(study: Study) -> str:
    """Name the call that makes these very files, and what lies in them."""
    more = [f" --sessions {study.sessions}"] if study.sessions > 1 else []
    more += [] if study.diffusion else [" --no-diffusion"]
    more += [] if study.vessel_wall else [" --no-vessel-wall"]
    vessels = _VESSELS if study.vessel_wall else ""
    return _README.format(**asdict(study), more="".join(more), vessels=vessels)


def _truth_row(person: PhantomParticipant, *, session: str | None) -> dict[str, Any]:
    truth = asdict(person.truth) | person.regions_ml | vessel_truth(person.arteries)
    if session is None:
        return {"participant_id": f"sub-{person.label}"} | {
            name: value for name, value in truth.items() if name not in _CHANGE_COLUMNS
        }
    return {"participant_id": f"sub-{person.label}", "session_id": session} | truth


def _write_scans(folder: Path, person: PhantomParticipant, *, session: str | None) -> None:
    place = [f"sub-{person.label}", *([session] if session else [])]
    stem, inside = "_".join(place), Path(*place)
    flair = _FLAIR | _FLAIR_TIMES[person.truth.flair_type]
    flair["MRAcquisitionType"] = person.truth.flair_type
    for image, suffix, sidecar in ((person.t1w, "T1w", _T1W), (person.flair, "FLAIR", flair)):
        path = folder / inside / "anat" / f"{stem}_{suffix}.nii.gz"
        write_image(path, image)
        thickness = {"SliceThickness": round(float(image.header.get_zooms()[2]), 3)}
        write_json(path.with_name(f"{stem}_{suffix}.json"), sidecar | thickness)
    if person.dwi is not None:
        write_dwi(folder / inside, person.dwi, stem=stem, inside=inside)
    if person.vessels is not None:
        write_vessels(folder / inside / "anat", person.vessels, stem=stem)
    for name, image in person.maps.items():
        path = folder / "sourcedata" / inside / f"{stem}_{name}.nii.gz"
        write_image(path, _as_bytes(image))


def _write_sessions(folder: Path, subject: str, *, count: int) -> None:
    rows = [
        {"session_id": f"ses-{number}", "acq_time": f"{_FIRST_YEAR + number}-03-01T10:00:00"}
        for number in range(1, count + 1)
    ]
    write_tsv(folder / subject / f"{subject}_sessions.tsv", pd.DataFrame(rows))


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
    known: dict[str, Any] = {
        "participant_id": {"Description": "Participant"},
        "session_id": {"Description": "Session"},
        "flair_type": COLUMNS["flair_type"],
    }
    for name, text in (_TRUTH_COLUMNS | _CHANGE_COLUMNS).items():
        known[name] = {"Description": text, "Units": "mL"}
    known |= {name: {"Description": text, "Units": "1"} for name, text in _ALPS_COLUMNS.items()}
    known |= {
        name: {"Description": MEASURES[name].description, "Units": "mL"}
        for name in truths[0]
        if name.startswith("region_")
    }
    known |= VESSEL_COLUMNS
    dictionary = {name: known[name] for name in truths[0]}
    write_json(folder / "sourcedata" / "truth.json", dictionary)
