"""The numbers of the stage `regions`: volumes of brain regions, left and right."""

from npsle_app.measure_definition import MeasureDefinition
from npsle_app.region_names import (
    LATERAL_VENTRICLE,
    REGIONS,
    SIDES,
    Region,
    measure_name,
    spell_out,
)

_AAL = "Tzourio-Mazoyer 2002, doi:10.1006/nimg.2001.0978 (atlas, made symmetric)"
_FORMULAS = {
    "grey matter": "Σ p(GM)",
    "grey and white matter": "Σ (p(GM) + p(WM))",
    "grey matter around a solid core": "Σ p(GM), with p(GM) + p(WM) one atlas voxel from its "
    "border on",
}
_PLAUSIBLE_ML = {
    "thalamus": (3.5, 12.0),
    "hippocampus": (2.0, 9.0),
    "putamen": (2.0, 9.0),
    "caudate": (2.0, 9.0),
    "pallidum": (0.7, 4.0),
    "amygdala": (0.7, 4.0),
    "cerebellum": (35.0, 100.0),
    LATERAL_VENTRICLE: (1.0, 60.0),
}


def _define(region: Region, side: str) -> MeasureDefinition:
    what = "white matter counted too" if region.tissue == "grey and white matter" else "grey matter"
    return MeasureDefinition(
        name=measure_name(region.name, side=side),
        unit="mL",
        stage="regions",
        description=f"Volume of the {side} {spell_out(region.name)}, {what}",
        formula=f"{_FORMULAS[region.tissue]} · share of the region in the atlas × voxel volume",
        reference=_AAL,
        plausible=_PLAUSIBLE_ML.get(region.name),
    )


def _define_ventricle(side: str) -> MeasureDefinition:
    return MeasureDefinition(
        name=measure_name(LATERAL_VENTRICLE, side=side),
        unit="mL",
        stage="regions",
        description=f"Volume of the {side} lateral ventricle, its fluid, parted in the middle of "
        "the template",
        formula="Σ p(CSF) over the mask of the lateral ventricles × voxel volume",
        reference=_AAL,
        plausible=_PLAUSIBLE_ML[LATERAL_VENTRICLE],
    )


REGION_VOLUMES = (
    *(_define(region, side) for region in REGIONS for side in SIDES),
    *map(_define_ventricle, SIDES),
)
