"""Participants with the printed moments of Inglese 2021, doi:10.1007/s00330-021-07970-2.

Volumes follow the paper's own model: a difference between groups (its B), plus age and
intracranial volume, plus noise of the size that its confidence intervals imply. What the
paper does not print is invented; `TRUTH` says which is which.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from npsle_app.phantom.cohort.draws import Moments, bounded, chance, count, positive
from npsle_app.phantom.cohort.records import Person, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """Printed moments of one group (shares; mean and SD), and the planted differences.

    `wm_ml`, `gm_ml` and `ln_wmh` are differences from non-NPSLE, adjusted for age and TIV.
    """

    group: str
    phenotype: str | None
    in_155: int
    female: float
    age: Moments
    hypertension: float
    smoking: float
    bmi: Moments
    diabetes: float
    duration_years: Moments
    sledai: Moments
    sdi: Moments
    not_neurological: float
    tiv_shift_ml: float
    wm_ml: float
    gm_ml: float
    ln_wmh: float


NON_NPSLE = _Profile(
    group="non-NPSLE",
    phenotype=None,
    in_155=117,
    female=108 / 117,
    age=(42, 13),
    hypertension=39 / 117,
    smoking=16 / 117,
    bmi=(25, 4),
    diabetes=6 / 117,
    duration_years=(8, 8),
    sledai=(4, 4),
    sdi=(0.8, 1.1),
    not_neurological=1.0,
    tiv_shift_ml=0.0,
    wm_ml=0.0,
    gm_ml=0.0,
    ln_wmh=0.0,
)
INFLAMMATORY = _Profile(
    group="NPSLE",
    phenotype="inflammatory",
    in_155=26,
    female=23 / 26,
    age=(39, 15),
    hypertension=11 / 26,
    smoking=3 / 26,
    bmi=(24, 5),
    diabetes=1 / 26,
    duration_years=(4, 6),
    sledai=(10, 9),
    sdi=(1.0, 1.1),
    not_neurological=0.4,
    tiv_shift_ml=7.0,
    wm_ml=-17.1,
    gm_ml=-13.7,
    ln_wmh=0.87,
)
ISCHAEMIC = _Profile(
    group="NPSLE",
    phenotype="ischemic",
    in_155=12,
    female=10 / 12,
    age=(41, 11),
    hypertension=5 / 12,
    smoking=2 / 12,
    bmi=(26, 5),
    diabetes=2 / 12,
    duration_years=(10, 10),
    sledai=(4, 3),
    sdi=(1.3, 1.0),
    not_neurological=0.6,
    tiv_shift_ml=2.0,
    wm_ml=0.5,
    gm_ml=2.6,
    ln_wmh=0.24,
)
PROFILES = (NON_NPSLE, INFLAMMATORY, ISCHAEMIC)
BLOCK = tuple(profile for profile in PROFILES for _ in range(profile.in_155))

# Residual SDs: half the width of the printed 95 % CI of inflammatory v non-NPSLE, divided by
# t(0.975; 138) √(1/26 + 1/117). The correlation makes that of total brain volume 56.7 mL.
WM_SD_ML, GM_SD_ML, LN_WMH_SD, WM_GM_R = 33.4, 32.5, 1.26, 0.48
# Slopes that bring the standard deviations of non-NPSLE to the printed 57 and 61 mL, and the
# 10-90 % range of their lesions to the printed one; that of grey matter on age is invented.
WM_PER_YEAR, GM_PER_YEAR, LN_WMH_PER_YEAR = -0.3, -2.0, 0.061
TIV_ML, TIV_SD_ML, TIV_MEN_ML = 1405.0, 110.0, 150.0
_TIV_TOTAL_SD = float(np.hypot(TIV_SD_ML, TIV_MEN_ML * np.sqrt(9 * 108) / 117))
WM_PER_TIV = float(np.sqrt(57**2 - WM_SD_ML**2 - (13 * WM_PER_YEAR) ** 2)) / _TIV_TOTAL_SD
GM_PER_TIV = float(np.sqrt(61**2 - GM_SD_ML**2 - (13 * GM_PER_YEAR) ** 2)) / _TIV_TOTAL_SD
_TIV_MEAN = TIV_ML + TIV_MEN_ML * 9 / 117
_AGE_MEAN = 42.0


def make_person(rng: np.random.Generator, profile: _Profile) -> Person:
    """Draw one participant of a group."""
    clinical = _draw_clinical(rng, profile)
    return Person(clinical=clinical, measures=_draw_volumes(rng, profile, clinical))


def _draw_clinical(rng: np.random.Generator, profile: _Profile) -> Row:
    smokes = chance(rng, profile.smoking)
    sledai = min(count(rng, profile.sledai), 105)
    return {
        "age": bounded(rng, profile.age, low=16, high=79),
        "sex": "F" if chance(rng, profile.female) else "M",
        "group": profile.group,
        "np_phenotype": profile.phenotype,
        "scanner": "synthetic",
        "flair_type": "2D" if chance(rng, 102 / 155) else "3D",
        "bmi": bounded(rng, profile.bmi, low=14, high=50),
        "hypertension": chance(rng, profile.hypertension),
        "diabetes": chance(rng, profile.diabetes),
        "smoking": "current" if smokes else ("ex" if chance(rng, 0.3) else "never"),
        "disease_duration_years": positive(rng, profile.duration_years),
        "sledai_2k": sledai,
        "sledai_2k_non_np": int(rng.binomial(sledai, profile.not_neurological)),
        "sdi": count(rng, profile.sdi),
    }


def _draw_volumes(rng: np.random.Generator, profile: _Profile, clinical: Row) -> Row:
    age = clinical["age"] - _AGE_MEAN
    tiv = TIV_ML + profile.tiv_shift_ml + TIV_MEN_ML * (clinical["sex"] == "M")
    tiv += TIV_SD_ML * rng.standard_normal()
    noise, shared, lesions = rng.standard_normal(3)
    own = WM_GM_R * noise + np.sqrt(1 - WM_GM_R**2) * shared
    wm = 482 + profile.wm_ml + WM_PER_YEAR * age + WM_PER_TIV * (tiv - _TIV_MEAN) + WM_SD_ML * noise
    gm = 560 + profile.gm_ml + GM_PER_YEAR * age + GM_PER_TIV * (tiv - _TIV_MEAN) + GM_SD_ML * own
    ln_wmh = np.log(0.60) + profile.ln_wmh + LN_WMH_PER_YEAR * age + LN_WMH_SD * lesions
    wmh = float(np.exp(ln_wmh))
    return {
        "tiv_ml": tiv,
        "tbv_ml": gm + wm,
        "gm_ml": gm,
        "wm_ml": wm,
        "wm_without_wmh_ml": wm - wmh,
        "csf_ml": tiv - gm - wm,
        "wmh_ml": wmh,
        "wmh_status": float(wmh >= 0.3),
    }


def truth() -> dict[str, Any]:
    """Say what was planted, what is printed and what is invented."""
    npsle = _mixed(INFLAMMATORY, ISCHAEMIC)
    infl, isch = _effects(INFLAMMATORY), _effects(ISCHAEMIC)
    return {
        "source": "Inglese 2021, doi:10.1007/s00330-021-07970-2",
        "groups_in_155": {f"{p.group} {p.phenotype or ''}".strip(): p.in_155 for p in PROFILES},
        "differences": {
            "adjusted_for": ["age", "sex", "tiv_ml"],
            "units": {"wm_ml": "mL", "gm_ml": "mL", "tbv_ml": "mL", "ln_wmh": "ln(mL)"},
            "residual_sd": {
                "wm_ml": WM_SD_ML,
                "gm_ml": GM_SD_ML,
                "tbv_ml": float(
                    np.sqrt(WM_SD_ML**2 + GM_SD_ML**2 + 2 * WM_GM_R * WM_SD_ML * GM_SD_ML)
                ),
                "ln_wmh": LN_WMH_SD,
            },
            "npsle_v_non": npsle,
            "inflammatory_v_non": infl,
            "ischaemic_v_non": isch,
            "inflammatory_v_ischaemic": {name: infl[name] - isch[name] for name in infl},
        },
        "printed": "shares, means and standard deviations of the groups; volumes of non-NPSLE; "
        "differences of inflammatory and of ischaemic patients from non-NPSLE",
        "invented": "TIV and its dependence on sex, the slopes of volumes on age and TIV, never "
        "and former smoking, the neurological part of SLEDAI-2K, and that clinical columns do "
        "not depend on each other, on the volumes or on age",
        "not_reproduced": "medians of WMH in the NPSLE groups: they follow from the planted "
        "differences; one cannot have both. npsle_v_non holds for 26 inflammatory to 12 "
        "ischaemic patients",
    }


def _effects(profile: _Profile) -> dict[str, float]:
    return {
        "wm_ml": profile.wm_ml,
        "gm_ml": profile.gm_ml,
        "tbv_ml": profile.wm_ml + profile.gm_ml,
        "ln_wmh": profile.ln_wmh,
    }


def _mixed(first: _Profile, second: _Profile) -> dict[str, float]:
    one, two, n = _effects(first), _effects(second), first.in_155 + second.in_155
    return {name: (one[name] * first.in_155 + two[name] * second.in_155) / n for name in one}
