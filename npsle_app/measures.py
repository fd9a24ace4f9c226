"""Every number the app reports: name, unit, definition, plausible range."""

from npsle_app.alps_measures import ALPS
from npsle_app.dwi_measures import DWI
from npsle_app.lesion_measures import LESIONS
from npsle_app.measure_definition import MeasureDefinition
from npsle_app.region_measures import REGION_VOLUMES
from npsle_app.vessel_measures import VESSELS

__all__ = ["MEASURES", "MeasureDefinition"]

_MALONE = "Malone 2015, doi:10.1016/j.neuroimage.2014.09.034"
_INGLESE = "Inglese 2021, doi:10.1007/s00330-021-07970-2"
_SCHMIDT = "Schmidt 2017, PhD thesis LMU Munich (LST lesion prediction algorithm)"

_CHANGE = (
    "Schmidt 2019, doi:10.1016/j.nicl.2019.101849; "
    "Reuter 2012, doi:10.1016/j.neuroimage.2012.02.084"
)


def _change(name: str, description: str, formula: str, unit: str = "mL") -> MeasureDefinition:
    return MeasureDefinition(
        name=name,
        unit=unit,
        stage="change",
        description=f"{description}, half-way between this session and the one before",
        formula=formula,
        reference=_CHANGE,
    )


_CHANGES = (
    _change(
        "wmh_earlier_ml",
        "Lesions of the session before",
        "wmh_stable_ml + wmh_shrunken_ml + wmh_resolved_ml",
    ),
    _change(
        "wmh_later_ml",
        "Lesions of this session",
        "wmh_earlier_ml + wmh_new_ml + wmh_enlarged_ml − wmh_shrunken_ml − wmh_resolved_ml",
    ),
    _change("wmh_stable_ml", "Lesions of both sessions", "voxels × voxel volume"),
    _change(
        "wmh_new_ml",
        "New lesions: those that touch none of the session before",
        "voxels that entered the mask and grew brighter than noise explains × voxel volume",
    ),
    _change(
        "wmh_enlarged_ml",
        "What lesions of the session before have gained",
        "voxels that entered the mask and grew brighter than noise explains × voxel volume",
    ),
    _change(
        "wmh_shrunken_ml",
        "What lesions that are still there have lost",
        "voxels that left the mask and grew darker than noise explains × voxel volume",
    ),
    _change(
        "wmh_resolved_ml",
        "Lesions that are gone: those that touch none of this session",
        "voxels that left the mask and grew darker than noise explains × voxel volume",
    ),
    _change("wmh_net_change_ml", "Net change of the lesions", "wmh_later_ml − wmh_earlier_ml"),
    _change(
        "wmh_net_change_ml_per_year",
        "Net change of the lesions per year, where the dates of both sessions are known and lie "
        "at least 90 days apart",
        "wmh_net_change_ml / (days between the sessions / 365.25)",
        "mL/year",
    ),
    _change("wmh_new_count", "Number of new lesions", "26-connected components", "1"),
    _change("wmh_resolved_count", "Number of resolved lesions", "26-connected components", "1"),
    _change(
        "wmh_unproven_change_ml",
        "Difference of the two lesion masks that noise may explain and that counts as no change",
        "voxels of one mask alone that did not count as changed × voxel volume",
    ),
)

_DEFINITIONS = (
    MeasureDefinition(
        name="tiv_ml",
        unit="mL",
        stage="tissue",
        description="Total intracranial volume: all tissue and fluid inside the skull",
        formula="voxels of the intracranial mask × voxel volume",
        reference=_MALONE,
        plausible=(1000, 2000),
    ),
    MeasureDefinition(
        name="tbv_ml",
        unit="mL",
        stage="tissue",
        description="Total brain volume: grey plus white matter, lesions included",
        formula="gm_ml + wm_ml",
        reference=_INGLESE,
        plausible=(800, 1600),
    ),
    MeasureDefinition(
        name="gm_ml",
        unit="mL",
        stage="tissue",
        description="Grey matter, cortical and deep, cerebellum included",
        formula="Σ p(GM) × voxel volume",
        reference=_INGLESE,
        plausible=(400, 900),
    ),
    MeasureDefinition(
        name="wm_ml",
        unit="mL",
        stage="tissue",
        description="White matter, lesions counted as white matter, brainstem included",
        formula="Σ p(WM) × voxel volume, with p(WM) = 1 inside the lesion mask",
        reference=_INGLESE,
        plausible=(300, 750),
    ),
    MeasureDefinition(
        name="wm_without_wmh_ml",
        unit="mL",
        stage="tissue",
        description="White matter outside the lesion mask",
        formula="Σ p(WM) outside the lesion mask × voxel volume",
        reference=_INGLESE,
        plausible=(300, 750),
    ),
    MeasureDefinition(
        name="csf_ml",
        unit="mL",
        stage="tissue",
        description="Cerebrospinal fluid inside the skull, meninges and sinuses included",
        formula="Σ p(CSF) over the intracranial mask × voxel volume",
        reference=_INGLESE,
        plausible=(120, 600),
    ),
    MeasureDefinition(
        name="wmh_ml",
        unit="mL",
        stage="wmh",
        description="White-matter hyperintensities at the chosen threshold, after clean-up",
        formula="voxels with p ≥ threshold in kept components × voxel volume",
        reference=_INGLESE,
        plausible=(0, 100),
    ),
    *(
        MeasureDefinition(
            name=f"wmh_ml_at_{threshold}",
            unit="mL",
            stage="wmh",
            description=f"White-matter hyperintensities at threshold {threshold}, after clean-up",
            formula=f"voxels with p ≥ {threshold} in kept components × voxel volume",
            reference=_SCHMIDT,
            plausible=(0, 100),
        )
        for threshold in ("0.1", "0.2", "0.3", "0.5")
    ),
    MeasureDefinition(
        name="wmh_soft_ml",
        unit="mL",
        stage="wmh",
        description="Expected lesion volume: the probability map summed where it counts",
        formula="Σ p × voxel volume over voxels with p ≥ 0.05",
        reference=_SCHMIDT,
        plausible=(0, 100),
    ),
    MeasureDefinition(
        name="wmh_count",
        unit="1",
        stage="wmh",
        description="Number of lesions (26-connected) at the chosen threshold",
        formula="number of kept components",
        reference=_SCHMIDT,
        plausible=(0, 500),
    ),
    *REGION_VOLUMES,
    *LESIONS,
    *_CHANGES,
    *DWI,
    *ALPS,
    *VESSELS,
)

MEASURES = {definition.name: definition for definition in _DEFINITIONS}
