"""Every number the app reports: name, unit, definition, plausible range."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureDefinition:
    """What one column of the measures table means.

    `plausible` bounds an adult's value; outside it the report raises a flag. It is no
    reference interval and says nothing of disease.
    """

    name: str
    unit: str
    stage: str
    description: str
    formula: str
    reference: str
    plausible: tuple[float, float] | None = None


_MALONE = "Malone 2015, doi:10.1016/j.neuroimage.2014.09.034"
_INGLESE = "Inglese 2021, doi:10.1007/s00330-021-07970-2"
_SCHMIDT = "Schmidt 2017, PhD thesis LMU Munich (LST lesion prediction algorithm)"

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
)

MEASURES = {definition.name: definition for definition in _DEFINITIONS}
