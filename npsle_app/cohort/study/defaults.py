"""The analyses that are done where no study file asks for others: those of the lupus papers.

Wang 2026, doi:10.3389/fnins.2026.1773928 (group tests, correlations, classifier) and
Inglese 2021, doi:10.1007/s00330-021-07970-2 (Table 1, regressions).
"""

from npsle_app.cohort.study.study import (
    AdjustedGroups,
    BaselineTable,
    Change,
    ClassifierQuestion,
    Contrast,
    Correlations,
    Family,
    GroupTests,
    Markers,
    Outcomes,
    Population,
    Regressions,
    Study,
)
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_freesurfer import PREFIX

_ISCHAEMIC = ("ischemic", "ischaemic")
_NON_NPSLE = ("non-NPSLE", "SLE")

POPULATIONS = (
    Population(name="HC", label="Controls", where={"group": ("HC",)}),
    Population(name="non-NPSLE", label="non-NPSLE", where={"group": _NON_NPSLE}),
    Population(name="NPSLE", label="NPSLE", where={"group": ("NPSLE",)}),
    Population(name="patients", label="Patients", where={"group": (*_NON_NPSLE, "NPSLE")}),
    Population(
        name="inflammatory",
        label="NPSLE, inflammatory",
        where={"group": ("NPSLE",), "np_phenotype": ("inflammatory",)},
    ),
    Population(
        name="ischaemic",
        label="NPSLE, ischaemic",
        where={"group": ("NPSLE",), "np_phenotype": _ISCHAEMIC},
    ),
)


def contrast_of(name: str, group: str, against: str) -> Contrast:
    """Name a contrast after its populations."""
    labels = {population.name: population.label for population in POPULATIONS}
    told = f"{labels.get(group, group)} v {labels.get(against, against)}"
    return Contrast(name=name, label=told, group=group, against=against)


CONTRASTS = (
    contrast_of("npsle_v_non", "NPSLE", "non-NPSLE"),
    contrast_of("inflammatory_v_non", "inflammatory", "non-NPSLE"),
    contrast_of("ischaemic_v_non", "ischaemic", "non-NPSLE"),
    contrast_of("inflammatory_v_ischaemic", "inflammatory", "ischaemic"),
    contrast_of("patients_v_controls", "patients", "HC"),
)

_RISKS = ("hypertension", "current_smoking", "bmi", "diabetes")
_DISEASE = ("disease_duration_years", "sledai_2k", "sdi")
_VOLUMES = ("wm_ml", "gm_ml", "tbv_ml", "wmh_ml")
_VESSEL = ("vw_lumen_area_mm2", "vw_nwi")
_BLOOD = (
    "total_cholesterol_mmol_l",
    "ldl_mmol_l",
    "iga_g_l",
    "c3",
    "c4",
    "anti_dsdna",
)

_IMPORTED = tuple(name for name in MEASURES if name.startswith(PREFIX))

DEFAULT_FAMILIES = (
    # a hundred and more, which must not thin out what was asked of the app's own measures
    Family(
        name="FreeSurfer volumes and thicknesses between groups",
        analysis="group_tests",
        measures=_IMPORTED,
    ),
    Family(name="imaging measures between groups", analysis="group_tests"),
    Family(name="imaging measures between groups, adjusted", analysis="adjusted"),
    Family(name="imaging × clinical correlations", analysis="correlations"),
    Family(name="pairwise contrasts of volumes", analysis="regressions"),
)

DEFAULT_STUDY = Study(
    groups=("HC", "non-NPSLE", "NPSLE"),
    reference_group="non-NPSLE",
    populations={population.name: population for population in POPULATIONS},
    contrasts=CONTRASTS,
    table1=BaselineTable(variables=("sex", "age", *_RISKS, *_DISEASE)),
    group_tests=GroupTests(
        measures=("alps_mean", "alps_left", "alps_right", *_VESSEL, *_VOLUMES, f"{PREFIX}*"),
    ),
    correlations=Correlations(
        measures=("alps_mean", *_VESSEL, "wmh_ml"),
        clinical=(*_BLOOD, *_DISEASE, "prednisone_mg_d"),
        covariates=("age", "sex", "bmi"),
    ),
    regressions=Regressions(
        outcomes=_VOLUMES,
        ln_outcomes=("wmh_ml",),
        covariates=("age", "sex", "tiv_ml"),
        secondary=(*_RISKS, "disease_duration_years"),
        sensitivity=("scanner", "flair_type"),
    ),
    adjusted=AdjustedGroups(
        measures=("alps_mean", *_VESSEL, *_VOLUMES),
        covariates=("age", "sex", "bmi"),
    ),
    markers=Markers(
        measures=("alps_mean", *_VESSEL, "wmh_ml"),
        contrasts=("npsle_v_non",),
    ),
    outcomes=Outcomes(
        yes_no=("wmh_status", "wmh_count > 0"),
        numbers=("wmh_count",),
        covariates=("age", "sex"),
    ),
    change=Change(
        measures=("alps_mean", *_VOLUMES, "sledai_2k", "sdi", "edss"),
        covariates=("age", "sex"),
    ),
    families=DEFAULT_FAMILIES,
    classifier=ClassifierQuestion(
        contrast="npsle_v_non",
        clinical=("sledai_2k_non_np",),
        imaging=("alps_mean", "vw_nwi", "wmh_ml"),
        sensitivity=("age", "sex", "disease_duration_years", "vw_lumen_area_mm2"),
        instead={"wmh_ml": "wmh_status", "vw_nwi": "vw_lumen_area_mm2"},  # as the paper had them
    ),
)
