"""One row for each lesion: how large, where, of what shape; and from rows to one person."""

from dataclasses import asdict
from typing import Any

import numpy as np
from pandas import DataFrame, Series

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.imaging.lesions.components import count_by_size, extent_mm
from npsle_app.imaging.lesions.location import (
    BEYOND_MM,
    HALO_MM,
    LOBES,
    SIDES,
    LesionVoxels,
    Region,
    regions,
)
from npsle_app.imaging.lesions.shape import SHAPES, measure_shape

_AXES = ("x", "y", "z")

COLUMNS: dict[str, dict[str, Any]] = {
    "lesion": {"Description": "Number of the lesion, in the order of the image's voxels"},
    "volume_mm3": {"Description": "Volume", "Units": "mm3"},
    "zone": {
        "Description": "Continuity and distance: within 3 mm of a lateral ventricle, and then "
        "beyond 10 mm or not",
        "Levels": {
            "periventricular": "within 3 mm of a lateral ventricle and nowhere beyond 10 mm",
            "confluent": "within 3 mm of a lateral ventricle and beyond 10 mm",
            "deep": "nowhere within 3 mm of a lateral ventricle",
        },
    },
    "region": {
        "Description": "The first that holds of periventricular or confluent (as zone), "
        "juxtacortical (touches the cortex), infratentorial (most of it), subcortical"
    },
    "within_5mm_mm3": {
        "Description": "Volume of the voxels within 5 mm of a lateral ventricle",
        "Units": "mm3",
    },
    "within_10mm_mm3": {
        "Description": "Volume of the voxels within 10 mm of a lateral ventricle",
        "Units": "mm3",
    },
    "lobe": {"Description": "Lobe that holds most of it"},
    "side": {"Description": "Side of the template's midline that holds most of it"},
    "ventricle_min_mm": {"Description": "Least distance from a lateral ventricle", "Units": "mm"},
    "ventricle_max_mm": {"Description": "Greatest distance from it", "Units": "mm"},
    "extent_mm": {"Description": "Largest diameter in space", "Units": "mm"},
    **{
        f"{axis}_mm": {
            "Description": f"Centre of mass, {axis} in the world of the T1w image (RAS)",
            "Units": "mm",
        }
        for axis in _AXES
    },
    **{
        f"template_{axis}_mm": {
            "Description": f"Centre of mass, {axis} in template space (RAS)",
            "Units": "mm",
        }
        for axis in _AXES
    },
    "flair_contrast": {
        "Description": "Mean FLAIR of the lesion over the median of normal-appearing white matter, "
        "minus 1"
    },
    "convexity": {"Description": "Surface of the convex hull over that of the lesion"},
    "solidity": {"Description": "Volume over that of the convex hull"},
    "concavity_index": {
        "Description": "√((2 − convexity)² + (1 − solidity)²): 1 for a convex body"
    },
    "fractal_dimension": {"Description": "Slope of box counting"},
    "eccentricity": {"Description": "Minor over major axis: 1 for a ball, 0 for a line"},
}
_AT_VENTRICLES = ("convexity", "solidity", "concavity_index", "fractal_dimension")
_IN_DEPTH = ("eccentricity", "fractal_dimension")
_SIZES = ("below_10mm3", "10_to_100mm3", "100_to_1000mm3", "from_1000mm3")


def describe_lesions(
    voxels: LesionVoxels, *, flair: Volume | None, white_matter: Mask, affine: Floats
) -> DataFrame:
    """Describe each lesion in the columns of `COLUMNS`.

    Parameters
    ----------
    voxels : LesionVoxels
        May be of no lesion; then the table has no rows.
    flair : (I, J, K) array or None
        Bias-corrected FLAIR, in any unit; without it the contrast is missing.
    white_matter : (I, J, K) array of bool
        White matter outside lesions, for the contrast; missing where it is empty.
    affine : (4, 4) array
        Voxels to world.
    """
    rows = [
        _row(voxels, number=number, region=region, affine=affine)
        | {"flair_contrast": _contrast(_of(voxels, number), flair=flair, normal=white_matter)}
        for number, region in enumerate(regions(voxels), start=1)
    ]
    table = DataFrame(rows, columns=list(COLUMNS))
    shapes: DataFrame = table.astype(dict.fromkeys(SHAPES, float))
    return shapes.replace({np.inf: np.nan})


def _contrast(where: Ints, *, flair: Volume | None, normal: Mask) -> float:
    if flair is None or not normal.any():
        return float("nan")
    return float(flair[tuple(where.T)].mean()) / float(np.median(flair[normal])) - 1


def _of(voxels: LesionVoxels, number: int) -> Ints:
    mine: Ints = voxels.where[voxels.lesion == number]
    return mine


def _row(voxels: LesionVoxels, *, number: int, region: Region, affine: Floats) -> dict[str, Any]:
    mine = voxels.lesion == number
    voxel_mm3 = float(abs(np.linalg.det(affine[:3, :3])))
    distance, t1w, template = (
        values[mine] for values in (voxels.ventricle_mm, voxels.t1w_mm, voxels.template_mm)
    )
    return {
        "lesion": number,
        "volume_mm3": mine.sum() * voxel_mm3,
        "zone": region.zone,
        "region": region.name.lower(),
        "within_5mm_mm3": (distance <= HALO_MM).sum() * voxel_mm3,
        "within_10mm_mm3": (distance <= BEYOND_MM).sum() * voxel_mm3,
        "lobe": LOBES[int(np.bincount(voxels.lobe[mine]).argmax())],
        "side": SIDES[int(np.bincount(voxels.side[mine]).argmax())],
        "ventricle_min_mm": distance.min(),
        "ventricle_max_mm": distance.max(),
        "extent_mm": extent_mm(t1w, voxel_mm3=voxel_mm3),
        **dict(zip((f"{a}_mm" for a in _AXES), t1w.mean(axis=0), strict=True)),
        **dict(zip((f"template_{a}_mm" for a in _AXES), template.mean(axis=0), strict=True)),
        **asdict(measure_shape(_of(voxels, number), affine=affine)),
    }


def summarise_regions(table: DataFrame) -> dict[str, float | None]:
    """Sum and count the lesions by region; `table` is that of `describe_lesions`.

    By continuity and distance, periventricular + confluent + deep is the whole; by voxels,
    the two d10 volumes are; and deep is juxtacortical + infratentorial + subcortical.
    """
    volume, zone, region = table["volume_mm3"], table["zone"], table["region"]
    found: dict[str, float | None] = {}
    for name in ("periventricular", "confluent", "deep"):
        found |= _volume_and_count(name, volume[zone == name])
    found |= _volume_and_count("periventricular_or_confluent", volume[zone != "deep"])
    for name in ("juxtacortical", "infratentorial", "subcortical"):
        found |= _volume_and_count(name, volume[region == name])
    near = float(table["within_10mm_mm3"].sum()) / 1000
    return found | {
        "wmh_periventricular_d10_ml": near,
        "wmh_deep_d10_ml": max(float(volume.sum()) / 1000 - near, 0.0),
        "wmh_type": float(lesion_type(set(zone))),
        **_shapes(table),
    }


def lesion_type(zones: set[str]) -> int:
    """Return 0 no lesion, 1 periventricular alone, 2 with deep ones, 3 confluent, 4 deep alone.

    The first three types with lesions are those of Ghaznawi 2019,
    doi:10.1177/0271678X18800463.
    """
    if "confluent" in zones:
        return 3
    if "periventricular" in zones:
        return 2 if "deep" in zones else 1
    return 4 if zones else 0


def _volume_and_count(name: str, volumes_mm3: Series) -> dict[str, float | None]:
    return {
        f"wmh_{name}_ml": float(volumes_mm3.sum()) / 1000,
        f"wmh_{name}_count": float(len(volumes_mm3)),
    }


def _shapes(table: DataFrame) -> dict[str, float | None]:
    """Average over the lesions that have a shape; None where none has."""
    deep = table["zone"] == "deep"
    means = {
        f"wmh_{where}_{shape}": table.loc[rows, shape].mean()
        for where, rows, shapes in (
            ("periventricular_or_confluent", ~deep, _AT_VENTRICLES),
            ("deep", deep, _IN_DEPTH),
        )
        for shape in shapes
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in means.items()}


def summarise_places(voxels: LesionVoxels, *, voxel_mm3: float) -> dict[str, float | None]:
    """Measure the lesion volume of each side and of each lobe and side, voxel by voxel."""
    counts = np.zeros((len(LOBES), len(SIDES)))
    np.add.at(counts, (voxels.lobe, voxels.side), 1)
    ml = counts * voxel_mm3 / 1000
    sides: dict[str, float | None] = {
        f"wmh_{side}_ml": float(ml[:, place].sum()) for place, side in enumerate(SIDES)
    }
    return sides | {
        f"wmh_{lobe}_{side}_ml": float(ml[row, column])
        for row, lobe in enumerate(LOBES)
        for column, side in enumerate(SIDES)
    }


def summarise_sizes(table: DataFrame) -> dict[str, float | None]:
    """Count by size; the largest of no lesions is 0, their median is not defined."""
    volumes = table["volume_mm3"].to_numpy(dtype=float)
    counts = count_by_size(volumes)
    return {
        **{f"wmh_count_{name}": float(n) for name, n in zip(_SIZES, counts, strict=True)},
        "wmh_median_lesion_mm3": float(np.median(volumes)) if volumes.size else None,
        "wmh_largest_lesion_mm3": float(volumes.max(initial=0.0)),
    }


def region_labels(table: DataFrame) -> dict[int, Region]:
    """Return the region of each lesion by its number."""
    return {
        int(number): Region[name.upper()]
        for number, name in zip(table["lesion"], table["region"], strict=True)
    }
