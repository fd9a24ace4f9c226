"""The numbers of the stage `lesions`: where lesions lie, how large they are, of what shape."""

from npsle_app.measure_definition import MeasureDefinition

_GHAZNAWI = "Ghaznawi 2019, doi:10.1177/0271678X18800463"
_CHEN = "Chen 2020, doi:10.1016/j.acra.2020.07.039"
_DECARLI = "DeCarli 2005, doi:10.1161/01.STR.0000150668.58689.f2"
_BRESSER = "de Bresser 2018, doi:10.1038/s41598-018-20084-y"
_WILTGEN = "Wiltgen 2024, doi:10.1016/j.nicl.2024.103611"
_AAL = "Tzourio-Mazoyer 2002, doi:10.1006/nimg.2001.0978"
_FAZEKAS = "after Fazekas 1987, doi:10.2214/ajr.149.2.351"
_INGLESE = "Inglese 2021, doi:10.1007/s00330-021-07970-2"
_SHAPE = f"{_BRESSER}; Inglese 2022, doi:10.1093/rheumatology/keab823"
_RULE = "rule (a), continuity and distance, by whole lesion (the primary rule)"


def _define(
    name: str, description: str, formula: str, reference: str, *, unit: str = "mL"
) -> MeasureDefinition:
    plausible = {"mL": (0.0, 100.0), "1": (0.0, 500.0), "mm³": (0.0, 100_000.0)}[unit]
    return MeasureDefinition(
        name=name,
        unit=unit,
        stage="lesions",
        description=description,
        formula=formula,
        reference=reference,
        plausible=plausible if unit != "1" or name.endswith("_count") else None,
    )


def _volume_and_count(
    name: str, what: str, formula: str, reference: str
) -> tuple[MeasureDefinition, ...]:
    return (
        _define(
            f"wmh_{name}_ml", f"Volume of {what}", f"{formula}: voxels × voxel volume", reference
        ),
        _define(
            f"wmh_{name}_count", f"Number of {what}", f"{formula}: lesions", reference, unit="1"
        ),
    )


_BY_DISTANCE = (
    *_volume_and_count(
        "periventricular",
        f"periventricular lesions, {_RULE}",
        "least distance from a lateral ventricle ≤ 3 mm, greatest ≤ 10 mm",
        _GHAZNAWI,
    ),
    *_volume_and_count(
        "confluent",
        f"confluent periventricular lesions, {_RULE}",
        "least distance from a lateral ventricle ≤ 3 mm, greatest > 10 mm",
        _GHAZNAWI,
    ),
    *_volume_and_count(
        "periventricular_or_confluent",
        f"periventricular and confluent lesions together, {_RULE}",
        "least distance from a lateral ventricle ≤ 3 mm",
        _GHAZNAWI,
    ),
    *_volume_and_count(
        "deep",
        f"deep lesions (all others, juxtacortical and infratentorial ones too), {_RULE}",
        "least distance from a lateral ventricle > 3 mm",
        _GHAZNAWI,
    ),
    _define(
        "wmh_periventricular_d10_ml",
        "Periventricular lesion volume, rule (b), voxel by voxel (D10). By either rule "
        "periventricular and deep volumes go together; the border is a convention",
        "lesion voxels ≤ 10 mm from a lateral ventricle × voxel volume",
        f"{_CHEN}; {_DECARLI}",
    ),
    _define(
        "wmh_deep_d10_ml",
        "Deep lesion volume, rule (b), voxel by voxel (D10)",
        "lesion voxels > 10 mm from every lateral ventricle × voxel volume",
        f"{_CHEN}; {_DECARLI}",
    ),
    _define(
        "wmh_type",
        "Type by rule (a): 0 no lesion, 1 periventricular without deep, 2 periventricular with "
        "deep, 3 confluent, 4 deep alone",
        "from the zones of all lesions",
        _GHAZNAWI,
        unit="1",
    ),
)

_ORDER = "by whole lesion, in the order periventricular, juxtacortical, infratentorial, subcortical"
_BY_NEIGHBOUR = (
    *_volume_and_count(
        "juxtacortical",
        f"juxtacortical lesions, {_ORDER}",
        "at least 3 voxels touch the cerebral cortex (3 × 3 × 3 voxels), > 3 mm from the "
        "lateral ventricles",
        _WILTGEN,
    ),
    *_volume_and_count(
        "infratentorial",
        f"infratentorial lesions, {_ORDER}",
        "more than half in brainstem or cerebellum of the template, not juxtacortical",
        _WILTGEN,
    ),
    *_volume_and_count(
        "subcortical", f"the other deep lesions, {_ORDER}", "none of the others", _WILTGEN
    ),
)

_SHAPES = {
    "convexity": "surface of the convex hull / surface; above 1 for thin curved bands",
    "solidity": "volume / volume of the convex hull",
    "concavity_index": "√((2 − convexity)² + (1 − solidity)²); 1 for a convex body",
    "fractal_dimension": "slope of log(boxes) against −log(edge)",
    "eccentricity": "minor / major axis of the ellipsoid of equal second moments; 1 for a ball",
}
_OF_SHAPE = tuple(
    _define(
        f"wmh_{where}_{shape}",
        f"Shape: mean {shape.replace('_', ' ')} of the {where.replace('_', ' ')} lesions (rule a) "
        "of at least 27 voxels; missing where there are none",
        _SHAPES[shape],
        _SHAPE,
        unit="1",
    )
    for where, shapes in (
        (
            "periventricular_or_confluent",
            ("convexity", "solidity", "concavity_index", "fractal_dimension"),
        ),
        ("deep", ("eccentricity", "fractal_dimension")),
    )
    for shape in shapes
)

_CLASSES = {
    "below_10mm3": "smaller than 10 mm³",
    "10_to_100mm3": "from 10 to below 100 mm³",
    "100_to_1000mm3": "from 100 to below 1000 mm³",
    "from_1000mm3": "from 1000 mm³",
}
_OF_SIZE = (
    *(
        _define(
            f"wmh_count_{name}",
            f"Number of lesions {what} (those under the minimum size are gone)",
            "kept components of that volume",
            _WILTGEN,
            unit="1",
        )
        for name, what in _CLASSES.items()
    ),
    _define(
        "wmh_median_lesion_mm3",
        "Median volume of a lesion; missing where there is none",
        "median over kept components",
        _WILTGEN,
        unit="mm³",
    ),
    _define(
        "wmh_largest_lesion_mm3",
        "Volume of the largest lesion",
        "largest kept component",
        _WILTGEN,
        unit="mm³",
    ),
    _define(
        "wmh_min_lesion_mm3",
        "Minimum size in force: smaller components were removed, single voxels too",
        "the setting of the stage wmh",
        _WILTGEN,
        unit="mm³",
    ),
    _define(
        "wmh_raw_ml",
        "Lesion volume at the chosen threshold before small components are removed",
        "voxels with p ≥ threshold × voxel volume",
        _INGLESE,
    ),
    _define(
        "wmh_raw_count",
        "Number of components at the chosen threshold before small ones are removed",
        "26-connected components with p ≥ threshold",
        _INGLESE,
        unit="1",
    ),
)

_BY_PLACE = (
    *(
        _define(
            f"wmh_{side}_ml",
            f"Lesion volume {side} of the template's midline",
            "lesion voxels by the sign of x in template space × voxel volume",
            _AAL,
        )
        for side in ("left", "right")
    ),
    *(
        _define(
            f"wmh_{lobe}_{side}_ml",
            f"Lesion volume, {what}, {side}",
            "lesion voxels by the nearest AAL region (made symmetric) × voxel volume",
            _AAL,
        )
        for lobe, what in {
            "frontal": "frontal lobe",
            "parietal": "parietal lobe",
            "temporal": "temporal lobe",
            "occipital": "occipital lobe",
            "insular_deep": "insula and deep nuclei with the white matter within 4 mm",
            "infratentorial": "brainstem and cerebellum",
        }.items()
        for side in ("left", "right")
    ),
)

_SIGNS = (
    _define(
        "wmh_fazekas_periventricular",
        "Fazekas grade, periventricular: estimated, not rated",
        "greatest distance from a lateral ventricle of periventricular or confluent lesions: "
        "0 none, 1 < 5 mm, 2 5–10 mm, 3 > 10 mm",
        _FAZEKAS,
        unit="1",
    ),
    _define(
        "wmh_fazekas_deep",
        "Fazekas grade, deep: estimated, not rated",
        "largest diameter of the deep lesions above the tentorium: 0 none, 1 < 10 mm, "
        "2 10–20 mm, 3 > 20 mm or a confluent lesion",
        _FAZEKAS,
        unit="1",
    ),
    _define(
        "wmh_status",
        "Lesions present (1) or absent (0); the cut is the setting lesions.status_min_ml, 0.3 mL "
        "unless chosen otherwise: no more than what the map may find where there is nothing",
        "1 where wmh_ml ≥ the cut",
        "Wang 2026 (WMH status; its cut is not published)",
        unit="1",
    ),
    _define(
        "wmh_cavity_count",
        "Pockets as dark as fluid with a bright rim, away from ventricles and sulci; what opens "
        "into them is missed",
        "see wmh_infarct_suspects",
        _INGLESE,
        unit="1",
    ),
    _define(
        "wmh_infarct_suspects",
        "What may be an infarct: flagged for exclusion, research use only; look",
        "wmh_cavity_count + lesions with a diameter > 15 mm, at the ventricles too",
        _INGLESE,
        unit="1",
    ),
    MeasureDefinition(
        name="lateral_ventricles_ml",
        unit="mL",
        stage="lesions",
        description="Lateral ventricles, from which distances are taken; thin parts of the "
        "temporal horns are left out",
        formula="voxels with p(CSF) > 0.5 near the template's lateral ventricles, the largest two "
        "bodies × voxel volume",
        reference=_GHAZNAWI,
        plausible=(4, 120),
    ),
)

LESIONS = (*_BY_DISTANCE, *_BY_NEIGHBOUR, *_OF_SHAPE, *_OF_SIZE, *_BY_PLACE, *_SIGNS)
