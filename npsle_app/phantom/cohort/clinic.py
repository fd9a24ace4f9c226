"""Invented clinical data of the synthetic study."""

from collections.abc import Mapping

import numpy as np

from npsle_app.phantom.participant import PhantomParticipant

_STREAM = 100  # apart from the streams of the images
_NO_YES = {"0": "No", "1": "Yes"}

COLUMNS: Mapping[str, Mapping[str, object]] = {
    "participant_id": {"Description": "Participant"},
    "age": {"Description": "Age at the scan", "Units": "year"},
    "sex": {"Description": "Sex", "Levels": {"F": "Female", "M": "Male"}},
    "group": {
        "Description": "Study group",
        "Levels": {
            "HC": "Healthy control",
            "SLE": "Systemic lupus erythematosus, no neuropsychiatric event attributed to it",
            "NPSLE": "Neuropsychiatric systemic lupus erythematosus",
        },
    },
    "np_phenotype": {
        "Description": "Phenotype of the neuropsychiatric lupus",
        "Levels": {"inflammatory": "Inflammatory", "ischemic": "Ischaemic"},
    },
    "scanner": {"Description": "Scanner"},
    "flair_type": {
        "Description": "Acquisition of the FLAIR image",
        "Levels": {"2D": "Axial slices", "3D": "Volume"},
    },
    "bmi": {"Description": "Body mass index", "Units": "kg/m^2"},
    "hypertension": {"Description": "Hypertension", "Levels": _NO_YES},
    "smoking": {
        "Description": "Smoking",
        "Levels": {"never": "Never", "ex": "Stopped", "current": "Smokes now"},
    },
    "disease_duration_years": {"Description": "Time since diagnosis", "Units": "year"},
    "sledai_2k": {"Description": "SLE Disease Activity Index 2000, 0 to 105"},
    "sdi": {"Description": "SLICC/ACR Damage Index, 0 to 47"},
    "prednisone_mg_d": {"Description": "Prednisone per day", "Units": "mg"},
}


def clinical_row(person: PhantomParticipant, *, seed: int, index: int) -> dict[str, object]:
    """Invent one row of participants.tsv; what does not apply to a control is None."""
    rng = np.random.default_rng([seed, index, _STREAM])
    row: dict[str, object] = {
        "participant_id": f"sub-{person.label}",
        "age": person.age,
        "sex": person.sex,
        "group": person.group,
        "np_phenotype": str(rng.choice(["inflammatory", "ischemic"])),
        "scanner": "synthetic",
        "flair_type": person.truth.flair_type,
        "bmi": round(float(np.clip(rng.normal(25, 4), 17, 42)), 1),
        "hypertension": int(rng.uniform() < 0.3),
        "smoking": str(rng.choice(["never", "ex", "current"], p=[0.55, 0.25, 0.2])),
        "disease_duration_years": round(float(np.clip(rng.gamma(1.5, 4), 0, person.age - 16)), 1),
        "sledai_2k": int(rng.poisson(3)) * 2,
        "sdi": int(rng.poisson(1)),
        "prednisone_mg_d": float(rng.choice([0, 5, 7.5, 10, 20])),
    }
    absent = {"HC": _DISEASE, "SLE": ("np_phenotype",), "NPSLE": ()}[person.group]
    return row | dict.fromkeys(absent)


_DISEASE = ("np_phenotype", "disease_duration_years", "sledai_2k", "sdi", "prednisone_mg_d")
