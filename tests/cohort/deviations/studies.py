"""Studies with known deviations: tables as they are read from disk."""

from dataclasses import replace

import numpy as np
import pandas as pd

from npsle_app.cohort.deviations.analyses import Effort, NormativeStudy, model_study
from npsle_app.cohort.normative.model import Provenance
from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.tables import Tables

OWN = Provenance(software="npsle_app", app_version="1.0.0", templates={"REGIONS": "abc"})
REGIONS = (
    *("region_thalamus_left_ml", "region_thalamus_right_ml", "region_putamen_left_ml"),
    *("region_putamen_right_ml", "region_insula_left_ml", "region_insula_right_ml"),
)
QUICK = Effort(permutations=99, samples=0, seed=1)
STUDY = {"normative": {"counted": ["thalamus", "putamen", "insula"]}}


def make_tables(
    *, controls=60, patients=40, shift=1.5, visits=1, seed=1, sexes=("F", "M"), **columns
) -> Tables:
    """Controls, and patients whose volumes are smaller by `shift` standard deviations.

    `columns` override those of participants.tsv. With more visits, patients come again after
    a year each, unchanged but for noise of a tenth of a standard deviation.
    """
    rng = np.random.default_rng(seed)
    n = controls + patients
    ill = np.arange(n) >= controls
    ids = [f"sub-{number:03d}" for number in range(n)]
    age, tiv = rng.uniform(20, 70, n).round(1), rng.normal(1450, 100, n)
    age = np.where(ill, np.clip(age, 28, 60), age)  # within the ages of the controls
    sex = np.array(sexes)[np.arange(n) % len(sexes)]
    z = rng.normal(size=(n, len(REGIONS))) - shift * ill[:, None]
    edss = np.clip(3 - z.mean(axis=1) + rng.normal(0, 0.5, n), 0, 10).round(1)
    people = {
        "participant_id": ids,
        "age": age.astype(str),
        "sex": sex,
        "group": np.where(ill, "NPSLE", "HC"),
        "scanner": "A",
        "edss": np.where(ill, edss.astype(str), "n/a"),
    }
    parts, sessions = [], []
    for visit in range(visits):
        own = np.flatnonzero(ill) if visit else np.arange(n)
        noise = 0.1 * rng.normal(size=(len(own), len(REGIONS))) if visit else 0.0
        volumes = 6 + 0.003 * (tiv[own] - 1450)[:, None] - 0.01 * (age[own] - 40)[:, None]
        volumes = volumes + 0.5 * (z[own] + noise)
        label = f"ses-{visit + 1}" if visits > 1 else None
        part = pd.DataFrame(volumes, columns=list(REGIONS)).assign(
            participant_id=[ids[one] for one in own], session_id=label, tiv_ml=tiv[own]
        )
        parts.append(part)
        sessions += [(ids[one], label, str(edss[one] + 0.1 * visit)) for one in own if ill[one]]
    measures = pd.concat(parts, ignore_index=True)
    for name in (*REGIONS, "tiv_ml"):
        measures[f"{name}_qc"] = "pass"
    table = pd.DataFrame(sessions, columns=["participant_id", "session_id", "edss"], dtype=object)
    if visits > 1:
        people.pop("edss")
    return Tables(
        participants=pd.DataFrame(people | columns, dtype=object),
        measures=measures,
        visits={"sub-*_sessions.tsv": table} if visits > 1 else {},
    )


def dates_of(tables: Tables) -> dict[tuple[str, str], str]:
    """Give sessions a date, a year apart."""
    keys = zip(tables.measures["participant_id"], tables.measures["session_id"], strict=True)
    return {(who, ses): f"{2019 + int(ses[-1])}-03-01" for who, ses in keys if ses}


def with_dates(tables: Tables) -> Tables:
    """Let the tables say when sessions were."""
    return replace(tables, dates=dates_of(tables))


def run(tables: Tables, *, study=None, effort=QUICK, **parts) -> NormativeStudy:
    """Model a study from its tables."""
    cohort = assemble(with_dates(tables), study=parse_study(study or STUDY))
    return model_study(cohort, own=OWN, effort=effort, **parts)


def table_of(found: NormativeStudy, name: str) -> pd.DataFrame:
    """Return a table of any of the analyses."""
    return next(one.tables[name] for one in found.analyses if name in one.tables)
