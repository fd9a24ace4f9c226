"""Participants with the printed associations of Wang 2026, doi:10.3389/fnins.2026.1773928.

The paper prints four partial correlations and the direction of three group differences, and
no mean, no standard deviation and no split of the 60 patients. The DTI-ALPS index is that of
Mo 2024, doi:10.1093/rheumatology/keae251; all else is invented, as `truth` says.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from npsle_app.phantom.cohort.draws import Moments, bounded, chance, count, positive, standard
from npsle_app.phantom.cohort.records import Person, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """Group means; the standard deviations inside a group are the same for all."""

    group: str
    in_80: int
    alps: float
    lumen_mm2: float
    nwi: float
    ln_wmh: float
    neurological: float

    @property
    def is_patient(self) -> bool:
        return self.group != "HC"


HC = _Profile(
    group="HC", in_80=20, alps=1.635, lumen_mm2=7.0, nwi=0.40, ln_wmh=-1.2, neurological=0.0
)
NON_NPSLE = _Profile(
    group="non-NPSLE", in_80=30, alps=1.530, lumen_mm2=6.6, nwi=0.43, ln_wmh=-0.5, neurological=0.0
)
NPSLE = _Profile(
    group="NPSLE", in_80=30, alps=1.442, lumen_mm2=5.6, nwi=0.47, ln_wmh=0.05, neurological=0.5
)
PROFILES = (HC, NON_NPSLE, NPSLE)
BLOCK = tuple(profile for profile in PROFILES for _ in range(profile.in_80))

ALPS_SD, LUMEN_SD_MM2, NWI_SD, LN_WMH_SD = 0.11, 1.2, 0.05, 1.49
ALPS_PER_YEAR, ALPS_PER_BMI, ALPS_SIDE = -0.002, -0.004, 0.0575
AGE: Moments = (36, 11)
BMI: Moments = (23, 3.5)
LDL: Moments = (2.9, 0.9)
OTHER_CHOLESTEROL: Moments = (2.0, 0.6)
CHOLESTEROL: Moments = (4.9, float(np.hypot(0.9, 0.6)))
IGA: Moments = (2.6, 1.1)
DURATION: Moments = (5.5, 4.5)
MISSING = 0.06
PARTIAL_R = {
    ("alps_mean", "total_cholesterol_mmol_l"): -0.308,
    ("alps_mean", "iga_g_l"): -0.301,
    ("vw_lumen_area_mm2", "ldl_mmol_l"): -0.293,
    ("vw_lumen_area_mm2", "disease_duration_years"): -0.474,
}


def make_person(rng: np.random.Generator, profile: _Profile) -> Person:
    """Draw one participant of a group."""
    blood = _draw_blood(rng)
    clinical = _draw_clinical(rng, profile)
    measures = _draw_measures(rng, profile, clinical=clinical, blood=blood)
    kept = {name: None if chance(rng, MISSING) else value for name, value in blood.items()}
    if not profile.is_patient:
        clinical |= dict.fromkeys(
            ("disease_duration_years", "sledai_2k", "sledai_2k_non_np", "sdi")
        )
        kept["iga_g_l"] = None
    return Person(clinical=clinical | kept, measures=measures)


def _draw_blood(rng: np.random.Generator) -> Row:
    ldl = positive(rng, LDL)
    return {
        "total_cholesterol_mmol_l": round(ldl + positive(rng, OTHER_CHOLESTEROL), 2),
        "ldl_mmol_l": ldl,
        "iga_g_l": positive(rng, IGA),
    }


def _draw_clinical(rng: np.random.Generator, profile: _Profile) -> Row:
    other = count(rng, (5, 4))
    return {
        "age": bounded(rng, AGE, low=18, high=65),
        "sex": "F" if chance(rng, 0.9) else "M",
        "group": profile.group,
        "scanner": "synthetic",
        "flair_type": "3D",
        "bmi": bounded(rng, BMI, low=15, high=40),
        "disease_duration_years": bounded(rng, DURATION, low=0, high=20),
        "sledai_2k": min(other + 8 * chance(rng, profile.neurological), 105),
        "sledai_2k_non_np": other,
        "sdi": count(rng, (0.8, 1.1)),
    }


def _draw_measures(
    rng: np.random.Generator, profile: _Profile, *, clinical: Row, blood: Row
) -> Row:
    noise = rng.standard_normal(5)
    in_patients = float(profile.is_patient)
    alps = profile.alps + ALPS_SD * _coupled(
        noise[0],
        in_patients * _inside("alps_mean", "total_cholesterol_mmol_l"),
        standard(blood["total_cholesterol_mmol_l"], CHOLESTEROL),
        in_patients * _inside("alps_mean", "iga_g_l"),
        standard(blood["iga_g_l"], IGA),
    )
    alps += ALPS_PER_YEAR * (clinical["age"] - AGE[0]) + ALPS_PER_BMI * (clinical["bmi"] - BMI[0])
    lumen = profile.lumen_mm2 + LUMEN_SD_MM2 * _coupled(
        noise[1],
        in_patients * _inside("vw_lumen_area_mm2", "ldl_mmol_l"),
        standard(blood["ldl_mmol_l"], LDL),
        in_patients * _inside("vw_lumen_area_mm2", "disease_duration_years"),
        standard(clinical["disease_duration_years"], DURATION),
    )
    wmh = float(np.exp(profile.ln_wmh + LN_WMH_SD * noise[3]))
    side = ALPS_SIDE + 0.03 * noise[4]
    return {
        "wmh_ml": wmh,
        "wmh_status": float(wmh >= 0.3),
        "alps_left": alps + side,
        "alps_right": alps - side,
        "alps_mean": alps,
        "vw_nwi": float(np.clip(profile.nwi + NWI_SD * noise[2], 0.05, 0.95)),
        "vw_lumen_area_mm2": max(lumen, 0.5),
    }


def _coupled(noise: float, r1: float, z1: float, r2: float, z2: float) -> float:
    """Mix two standardised, unrelated columns and noise to unit variance."""
    return float(r1 * z1 + r2 * z2 + np.sqrt(1 - r1**2 - r2**2) * noise)


def _inside(measure: str, column: str) -> float:
    """Correlation inside a group that gives the printed one over both patient groups.

    Two groups with different means vary more together than each alone, so that the same
    association shows as a smaller correlation.
    """
    spread, step = (
        (ALPS_SD, NPSLE.alps - NON_NPSLE.alps)
        if measure == "alps_mean"
        else (LUMEN_SD_MM2, NPSLE.lumen_mm2 - NON_NPSLE.lumen_mm2)
    )
    share = NPSLE.in_80 / (NPSLE.in_80 + NON_NPSLE.in_80)
    return (
        PARTIAL_R[measure, column]
        * float(np.hypot(spread, np.sqrt(share * (1 - share)) * step))
        / spread
    )


def truth() -> dict[str, Any]:
    """Say what was planted, what is printed and what is invented."""
    return {
        "source": "Wang 2026, doi:10.3389/fnins.2026.1773928",
        "groups_in_80": {profile.group: profile.in_80 for profile in PROFILES},
        "partial_correlations": [
            {"measure": measure, "clinical": column, "r": r}
            for (measure, column), r in PARTIAL_R.items()
        ],
        "partial_correlations_adjusted_for": ["age", "sex", "bmi"],
        "partial_correlations_population": "patients (non-NPSLE and NPSLE together)",
        "group_means": {
            profile.group: {
                "alps_mean": profile.alps,
                "vw_lumen_area_mm2": profile.lumen_mm2,
                "vw_nwi": profile.nwi,
                "ln_wmh": profile.ln_wmh,
            }
            for profile in PROFILES
        },
        "standard_deviations_inside_a_group": {
            "alps_mean": _total_alps_sd(),
            "vw_lumen_area_mm2": LUMEN_SD_MM2,
            "vw_nwi": NWI_SD,
            "ln_wmh": LN_WMH_SD,
        },
        "auc_npsle_v_non": auc_of_best_rule(),
        "auc_npsle_v_non_of": ["alps_mean", "vw_nwi", "ln_wmh"],
        "printed": "the partial correlations; that NPSLE has a lower DTI-ALPS index and lumen "
        "area and a higher normalised wall index; 60 patients and 20 controls",
        "invented": "means and standard deviations (DTI-ALPS near those of Mo 2024), equal halves "
        "of patients with and without NPSLE, blood values, age, sex, BMI, SLEDAI-2K with 8 "
        "neurological points in half of the NPSLE patients; 6 % of blood values are missing "
        "completely at random",
    }


def auc_of_best_rule() -> float:
    """AUC of the best linear rule on DTI-ALPS, NWI and ln WMH, NPSLE v non-NPSLE.

    The three do not depend on each other inside a group and are taken as normal, so that the
    AUC is Φ(√(Σ d²) / √2), d being the standardised differences.
    """
    from scipy.stats import norm

    steps = np.array(
        [
            (NPSLE.alps - NON_NPSLE.alps) / _total_alps_sd(),
            (NPSLE.nwi - NON_NPSLE.nwi) / NWI_SD,
            (NPSLE.ln_wmh - NON_NPSLE.ln_wmh) / LN_WMH_SD,
        ]
    )
    return float(norm.cdf(np.linalg.norm(steps) / np.sqrt(2)))


def _total_alps_sd() -> float:
    return float(np.linalg.norm([ALPS_SD, ALPS_PER_YEAR * AGE[1], ALPS_PER_BMI * BMI[1]]))
