"""Participants whose regional volumes deviate, with the printed ratio of Korbmacher 2026.

Printed are the mean counts of deviations (4.51 and 1.67 of 82 regions, a ratio of 2.70), that
the thalamus deviates in a quarter of the patients, and 362 patients with 953 scans. Here the
patients have lupus, so that the app's own groups apply; volumes, scores, events and all else
are invented, as `truth` says.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_regions import DEEP, PARCELS, SIDES, measure_name
from npsle_app.phantom.cohort.draws import bounded, chance
from npsle_app.phantom.cohort.records import Person, Row, Visit

_CUT = -1.96
RATIO, THALAMUS_SHARE = 2.70, 0.25
SHARED_SD = 0.6  # of a z that all regions of a person have in common
_REPEAT_SD = 0.15  # of a z between two visits without change
_SHIFT_PER_YEAR = 0.05
_FIRST_DAY = date(2020, 3, 1)
_NOT_OVERLAPPING = (*DEEP, "cerebellum", "insula", *(parcel.name for parcel in PARCELS))
COUNTED = tuple(measure_name(name, side=side) for name in _NOT_OVERLAPPING for side in SIDES)
REGIONS = tuple(name for name in MEASURES if name.startswith("region_"))
_MEAN_ML = {
    "thalamus": 7.0,
    "hippocampus": 4.4,
    "putamen": 4.6,
    "caudate": 3.8,
    "pallidum": 1.7,
    "amygdala": 1.7,
    "cerebellum": 62.0,
    "frontal_lobe": 85.0,
    "parietal_lobe": 50.0,
    "temporal_lobe": 48.0,
    "occipital_lobe": 32.0,
    "lateral_ventricle": 9.0,
}
_PARCEL_ML, _SPREAD = 6.0, 0.08  # SD over mean
_TIV_ML, _TIV_MEN_ML, _TIV_SD_ML = 1400.0, 150.0, 105.0
_LOSS_PER_YEAR = 0.002
SCORE_PER_SD, HAZARD_PER_YEAR, HAZARD_RATIO_PER_SD = -0.5, 0.08, 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """A group: how many of 724, and whether its regions are shifted."""

    group: str
    in_724: int
    is_patient: bool


HC = _Profile(group="HC", in_724=362, is_patient=False)
NON_NPSLE = _Profile(group="non-NPSLE", in_724=181, is_patient=True)
NPSLE = _Profile(group="NPSLE", in_724=181, is_patient=True)
PROFILES = (HC, NON_NPSLE, NPSLE)
BLOCK = tuple(profile for profile in PROFILES for _ in range(profile.in_724))


@cache
def shifts() -> dict[str, float]:
    """Return by how many standard deviations the patients' regions are smaller.

    The thalamus falls below −1.96 in a quarter of them; the others alike, so that the mean
    count is 2.70 times that of controls.
    """
    from scipy import stats

    ordinary = stats.norm.cdf(_CUT)
    thalami = [name for name in COUNTED if "thalamus" in name]
    rest = len(COUNTED) - len(thalami)
    share = (RATIO * len(COUNTED) * ordinary - len(thalami) * THALAMUS_SHARE) / rest
    own = {name: float(stats.norm.ppf(THALAMUS_SHARE) - _CUT) for name in thalami}
    return {name: own.get(name, float(stats.norm.ppf(share) - _CUT)) for name in COUNTED}


def make_person(rng: np.random.Generator, profile: _Profile) -> Person:
    """Draw one participant of a group, with one visit or, of patients, up to three."""
    sex = "F" if chance(rng, 0.75) else "M"
    age = bounded(rng, (42, 13), low=18, high=75)
    shared = float(rng.standard_normal())
    own = rng.standard_normal(len(REGIONS))
    z = SHARED_SD * shared + np.sqrt(1 - SHARED_SD**2) * own
    tiv = _TIV_ML + _TIV_MEN_ML * (sex == "M") + _TIV_SD_ML * float(rng.standard_normal())
    base = float(np.clip(3 + SCORE_PER_SD * shared + rng.normal(0, 1), 0, 9.5))
    visits = []
    for number in range(1 + (int(rng.integers(0, 3)) if profile.is_patient else 0)):
        years = 0.0 if number == 0 else round(number + float(rng.uniform(-0.1, 0.1)), 2)
        noise = rng.normal(0, _REPEAT_SD, len(REGIONS)) if number else 0.0
        moved = _move(z + noise, years=years, is_patient=profile.is_patient)
        visits.append(
            Visit(
                session_id=f"ses-{number + 1}",
                clinical={"acq_time": _date(years)} | _score(rng, profile, base, years),
                measures=_to_volumes(moved, age=age + years, tiv=tiv),
            )
        )
    clinical: Row = {"age": age, "sex": sex, "group": profile.group, "scanner": "synthetic"}
    return Person(
        clinical=clinical | _follow(rng, profile, shared), measures={}, visits=tuple(visits)
    )


def _date(years: float) -> str:
    day = _FIRST_DAY + timedelta(days=round(365.25 * years))
    return f"{day.isoformat()}T10:00:00"


def _move(z: np.ndarray, *, years: float, is_patient: bool) -> np.ndarray:
    if not is_patient:
        return z
    known = shifts()
    own = np.array([known.get(name, 0.0) for name in REGIONS])
    moved: np.ndarray = z - own - _SHIFT_PER_YEAR * years * (own > 0)
    return moved


def _to_volumes(z: np.ndarray, *, age: float, tiv: float) -> Row:
    means = np.array([_mean_ml(name) for name in REGIONS])
    expected = means * (1 + 0.5 * (tiv / _TIV_ML - 1)) * (1 - _LOSS_PER_YEAR * (age - 40))
    volumes = np.maximum(expected + _SPREAD * means * z, 0.05 * means)
    own = dict(zip(REGIONS, map(float, volumes), strict=True))
    return {"tiv_ml": tiv, "tbv_ml": 0.76 * tiv - 1.2 * (age - 40), **own}


def _mean_ml(measure: str) -> float:
    name = measure.removeprefix("region_").removesuffix("_ml").rpartition("_")[0]
    return _MEAN_ML.get(name, _PARCEL_ML)


def _score(rng: np.random.Generator, profile: _Profile, base: float, years: float) -> Row:
    """Give a patient's scores at a visit; EDSS goes in halves."""
    if not profile.is_patient:
        return {"edss": None, "sledai_2k": None}
    worse = base + 0.1 * years + rng.normal(0, 0.3)
    edss = float(np.clip(round(2 * worse) / 2, 0, 10))
    return {"edss": edss, "sledai_2k": 2 * int(rng.poisson(3))}


def _follow(rng: np.random.Generator, profile: _Profile, shared: float) -> Row:
    if not profile.is_patient:
        return {"time_to_event_days": None, "event": None}
    hazard = HAZARD_PER_YEAR * np.exp(-HAZARD_RATIO_PER_SD * shared)
    time, end = float(rng.exponential(1 / hazard)), float(rng.uniform(2, 6))
    days = max(round(365.25 * min(time, end)), 1)
    return {"time_to_event_days": days, "event": int(time <= end)}


def truth() -> dict[str, Any]:
    """Say what was planted, what is printed and what is invented."""
    return {
        "source": "Korbmacher 2026 (normative models in multiple sclerosis)",
        "groups_in_724": {profile.group: profile.in_724 for profile in PROFILES},
        "counted_regions": len(COUNTED),
        "incidence_rate_ratio": {"patients_v_controls": RATIO, "npsle_v_non": 1.0},
        "mean_count_of_controls": 0.025 * len(COUNTED),
        "shift_sd": shifts(),
        "shift_sd_per_year": _SHIFT_PER_YEAR,
        "correlation_of_regions": SHARED_SD**2,
        "edss_per_sd_of_shared_deviation": SCORE_PER_SD,
        "hazard_per_year": HAZARD_PER_YEAR,
        "ln_hazard_ratio_per_sd_of_shared_deviation": -HAZARD_RATIO_PER_SD,
        "printed": "the ratio of mean counts, the share of patients whose thalamus deviates, "
        "362 patients",
        "invented": "all else: volumes, their spread and correlation, age, TIV, the number and "
        "time of visits, EDSS, SLEDAI-2K and events; regions other than the thalamus are shifted "
        "alike, and both groups of patients alike",
        "not_reproduced": "82 regions of FreeSurfer: here are the app's own; lobes and ventricles "
        "do not deviate and are not the sum of their parts",
    }
