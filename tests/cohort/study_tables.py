"""Small studies for tests: tables as they are read from disk."""

import numpy as np
import pandas as pd

from npsle_app.cohort.study.assembly import Cohort, assemble
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.tables import Tables

MEASURED = ("tiv_ml", "tbv_ml", "gm_ml", "wm_ml", "wmh_ml", "alps_mean", "alps_left", "alps_right")


def make_tables(*, n=60, seed=1, participants=None, measures=None, **parts) -> Tables:
    """A third controls, a third SLE, a third NPSLE; `participants` and `measures` override."""
    rng = np.random.default_rng(seed)
    groups = np.array(["HC", "SLE", "NPSLE"])[np.arange(n) % 3]
    ill = groups != "HC"
    ids = [f"sub-{number:03d}" for number in range(n)]
    phenotype = np.where(rng.uniform(size=n) < 0.6, "inflammatory", "ischemic")
    people = {
        "participant_id": ids,
        "age": rng.integers(18, 75, n).astype(str),
        "sex": np.where(rng.uniform(size=n) < 0.8, "F", "M"),
        "group": groups,
        "np_phenotype": np.where(groups == "NPSLE", phenotype, "n/a"),
        "scanner": np.where(rng.uniform(size=n) < 0.5, "A", "B"),
        "flair_type": np.where(rng.uniform(size=n) < 0.6, "2D", "3D"),
        "bmi": rng.normal(25, 4, n).round(1).astype(str),
        "hypertension": rng.integers(0, 2, n).astype(str),
        "diabetes": (rng.uniform(size=n) < 0.15).astype(int).astype(str),
        "smoking": rng.choice(["never", "ex", "current"], n),
        "disease_duration_years": _of_patients(rng.gamma(1.5, 4, n).round(1), ill),
        "sledai_2k": _of_patients(rng.poisson(3, n) * 2, ill),
        "sdi": _of_patients(rng.poisson(1, n), ill),
        "ldl_mmol_l": rng.normal(3, 0.8, n).round(2).astype(str),
    }
    tiv = rng.normal(1450, 120, n)
    numbers = {
        "tiv_ml": tiv,
        "tbv_ml": 0.72 * tiv + rng.normal(0, 30, n),
        "gm_ml": 0.4 * tiv + rng.normal(0, 20, n),
        "wm_ml": 0.32 * tiv + rng.normal(0, 20, n) - 15 * (groups == "NPSLE"),
        "wmh_ml": np.exp(rng.normal(0, 1.2, n) + 0.6 * (groups == "NPSLE")),
        "alps_mean": rng.normal(1.6, 0.13, n) - 0.1 * ill - 0.1 * (groups == "NPSLE"),
        "alps_left": rng.normal(1.65, 0.15, n),
        "alps_right": rng.normal(1.55, 0.15, n),
    }
    wide = pd.DataFrame({"participant_id": ids, "session_id": None, **numbers})
    for name in numbers:
        wide[f"{name}_qc"] = "pass"
    return Tables(
        participants=pd.DataFrame(people | (participants or {}), dtype=object),
        measures=wide.assign(**(measures or {})),
        **parts,
    )


def make_cohort(*, study=DEFAULT_STUDY, **parts) -> Cohort:
    return assemble(make_tables(**parts), study=study)


def _of_patients(values, ill):
    return np.where(ill, values.astype(str), "n/a")
