"""The cohort of Korbmacher 2026 as FreeSurfer would have left it: folders of tables, no image.

Volumes are drawn from the population that the app ships, at a scanner of its own, so that the
right z of everyone is known. Patients are shifted so that their deviations are 2.70 times as
many as those of controls, in the 14 volumes of the paper that lie below the cortex, in all other
tissue and in the cortex, and the thalamus deviates in a quarter of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from npsle_app.bids.output.writer import replace as replace_file
from npsle_app.cohort.normative.population import MAN, Population
from npsle_app.cohort.normative.population_json import population_from_plain
from npsle_app.documents import read_json
from npsle_app.measures.names_of_freesurfer import (
    DESIKAN,
    ETIV,
    REGIONS_OF_PAPER,
    TISSUE,
    VOLUMES_GIVEN,
    thickness_name,
    volume_name,
)
from npsle_app.measures.names_of_regions import SIDES
from npsle_app.phantom.cohort.files import write_raw
from npsle_app.phantom.cohort.paper3 import RATIO, SHARED_SD, THALAMUS_SHARE
from npsle_app.phantom.cohort.records import Cohort, Row
from npsle_app.resources import DATA

FOLDER = Path("derivatives", "freesurfer")
VERSION = "7.4.1"
_STREAM = 201  # apart from that of the cohort, which stays as it is
_CUT = -1.96
_BELOW_CORTEX = REGIONS_OF_PAPER[:14]
_GYRUS_ML, _GYRUS_SPREAD = 7.0, 0.12
_THICKNESS_MM, _THICKNESS_SD_MM = 2.5, 0.12
_DAYS_PER_YEAR = 365.25
_HOLES = 20
_README = """\
# A simulated cohort for npsle_app: volumes of FreeSurfer

No person was seen and no image made: every number was drawn at random, with the moments that
a paper prints ({source}).
Made by `npsle_phantom --cohort {cohort} --freesurfer --participants {participants} --seed {seed}`;
the same call makes the same files, and a participant stays the same in a larger cohort.

`sourcedata/truth.json` says what was planted. `derivatives/freesurfer` holds a folder of each
session as FreeSurfer leaves it, with its tables alone. Then

    npsle_app THIS_FOLDER OUTPUT_FOLDER participant group \\
        --derivatives freesurfer=THIS_FOLDER/derivatives/freesurfer
"""


def write_freesurfer(folder: Path, *, cohort: Cohort, seed: int) -> None:
    """Write the raw dataset of tables, the truth, and FreeSurfer's folders."""
    population = population_from_plain(read_json(Path(str(DATA / "reference_freesurfer.json"))))
    terms = _site_terms(population, seed=seed)
    told = dict(cohort.truth) | {
        "freesurfer": VERSION,
        "shift_sd_of_volumes": shifts_of_volumes(),
        "site_terms_sd": terms,
        "scored_by": population.text,
    }
    write_raw(folder, cohort=replace(cohort, truth=told), readme=_README)
    visits = _by_participant(cohort.visits)
    for index, person in enumerate(cohort.clinical, start=1):
        name = str(person["participant_id"])
        rng = np.random.default_rng([seed, index, _STREAM])
        for session, volumes in _measure(person, visits[name], population, terms, rng):
            _write_subject(folder / FOLDER / f"{name}_{session}", volumes)


def shifts_of_volumes() -> dict[str, float]:
    """Return by how many standard deviations the patients' volumes are smaller."""
    from scipy import stats

    ordinary = float(stats.norm.cdf(_CUT))
    thalami = [name for name in _BELOW_CORTEX if "thalamus" in name]
    rest = [name for name in _BELOW_CORTEX if name not in thalami]
    left = RATIO * len(_BELOW_CORTEX) * ordinary - len(thalami) * THALAMUS_SHARE
    shares = dict.fromkeys((*REGIONS_OF_PAPER, *TISSUE), RATIO * ordinary)
    shares |= dict.fromkeys(thalami, THALAMUS_SHARE) | dict.fromkeys(rest, left / len(rest))
    return {name: float(stats.norm.ppf(share) - _CUT) for name, share in shares.items()}


def _site_terms(population: Population, *, seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, 0, _STREAM])
    return {name: float(rng.normal(0, one.site_sd)) for name, one in population.regions.items()}


def _measure(
    person: Row,
    visits: list[Mapping[str, Any]],
    population: Population,
    terms: Mapping[str, float],
    rng: np.random.Generator,
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each session of a person with its volumes in mL and thicknesses in mm."""
    is_patient, is_man = person["group"] != "HC", person["sex"] == MAN
    moved = shifts_of_volumes() if is_patient else {}
    shared, z_tiv = float(rng.standard_normal()), float(rng.standard_normal())
    names = (*population.regions, *(n for n in REGIONS_OF_PAPER if n not in population.regions))
    own = dict(zip(names, rng.standard_normal(len(names)), strict=True))
    z = {n: SHARED_SD * shared + np.sqrt(1 - SHARED_SD**2) * own[n] for n in names}
    z = {n: value - moved.get(n, 0.0) for n, value in z.items()}
    for visit in visits:
        age = float(person["age"]) + _years(visits[0], visit)
        design = population.design(np.array([age]), is_man=np.array([float(is_man)]))
        volumes = {}
        for name, region in population.regions.items():
            rho = region.rho.get(str(person["sex"]), 0.0)
            score = z_tiv if name == ETIV else rho * z_tiv + np.sqrt(1 - rho**2) * z[name]
            at = np.array([score + terms[name]])
            volumes[name] = float(region.to_volume_ml(at, design=design)[0])
        yield str(visit["session_id"]), volumes | _cortex(z, rng)


def _cortex(z: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    found = {}
    for gyrus, side in ((one.name, side) for one in DESIKAN for side in SIDES):
        name = volume_name(gyrus, side=side)
        found[name] = _GYRUS_ML * max(1 + _GYRUS_SPREAD * z[name], 0.1)
        thick = _THICKNESS_MM + _THICKNESS_SD_MM * float(rng.standard_normal())
        found[thickness_name(gyrus, side=side)] = thick
    return found


def _years(first: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(str(one["acq_time"])) for one in (first, later))
    return (end - begin).total_seconds() / 86400 / _DAYS_PER_YEAR


def _by_participant(visits: Any) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for visit in visits:
        found.setdefault(str(visit["participant_id"]), []).append(visit)
    return found


def _write_subject(folder: Path, volumes: Mapping[str, float]) -> None:
    tables = {"aseg.stats": _aseg(volumes, name=folder.name)}
    for hemi, side in (("lh", "left"), ("rh", "right")):
        tables[f"{hemi}.aparc.stats"] = _aparc(volumes, hemi=hemi, side=side)
    for name, text in tables.items():
        path = folder / "stats" / name
        path.parent.mkdir(parents=True, exist_ok=True)

        def write(part: Path, text: str = text) -> None:
            part.write_text(text, encoding="utf-8")

        replace_file(path, write)


def _aseg(volumes: Mapping[str, float], *, name: str) -> str:
    """Write the table of the whole brain in FreeSurfer's layout, labels left out."""
    given = {measure: told for told, measure in VOLUMES_GIVEN.items()}
    sums = [told for told in VOLUMES_GIVEN if told.endswith(("Vol", "NotVent"))]
    head = [
        "# Title Segmentation Statistics",
        "# generating_program mri_segstats",
        f"# cvs_version {VERSION}",
        "# anatomy_type volume",
        f"# subjectname {name}",
        *(_measure_line(f"{one.replace('Vol', '')}, {one}, {one}", volumes[VOLUMES_GIVEN[one]])
          for one in sums if VOLUMES_GIVEN[one] != ETIV),
        _measure_line(f"{given[ETIV]}, eTIV, Estimated Total Intracranial Volume", volumes[ETIV]),
        *(f"# Measure {hemi}SurfaceHoles, {hemi}SurfaceHoles, Defect holes, {_HOLES}, unitless"
          for hemi in ("lh", "rh")),
    ]  # fmt: skip
    rows = [
        f"{place:3d} {1000 * volumes[measure]:12.1f} {told.replace('Thalamus-Proper', 'Thalamus')}"
        for place, (told, measure) in enumerate(
            ((one, m) for one, m in VOLUMES_GIVEN.items() if one not in (*sums, given[ETIV])),
            start=1,
        )
    ]
    head += [f"# NRows {len(rows)}", "# ColHeaders Index Volume_mm3 StructName"]
    return "\n".join([*head, *rows]) + "\n"


def _measure_line(names: str, volume_ml: float) -> str:
    return f"# Measure {names}, {1000 * volume_ml:.6f}, mm^3"


def _aparc(volumes: Mapping[str, float], *, hemi: str, side: str) -> str:
    head = [
        "# Table of FreeSurfer cortical parcellation anatomical statistics",
        f"# cvs_version {VERSION}",
        f"# hemi {hemi}",
        "# ColHeaders StructName GrayVol ThickAvg",
    ]
    rows = [
        f"{one.given} {1000 * volumes[volume_name(one.name, side=side)]:.1f} "
        f"{volumes[thickness_name(one.name, side=side)]:.4f}"
        for one in DESIKAN
    ]
    return "\n".join([*head, *rows]) + "\n"
