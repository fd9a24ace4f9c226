"""From the table of lesions to the numbers of one person."""

from typing import TYPE_CHECKING

import numpy as np

from npsle_app.imaging.lesion_regions import LOBES, SIDES, LesionVoxels, Region
from npsle_app.imaging.lesion_sizes import count_by_size

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_AT_VENTRICLES = ("convexity", "solidity", "concavity_index", "fractal_dimension")
_IN_DEPTH = ("eccentricity", "fractal_dimension")
_SIZES = ("below_10mm3", "10_to_100mm3", "100_to_1000mm3", "from_1000mm3")


def summarise_regions(table: "DataFrame") -> dict[str, float | None]:
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


def _volume_and_count(name: str, volumes_mm3: "Series[float]") -> dict[str, float | None]:
    return {
        f"wmh_{name}_ml": float(volumes_mm3.sum()) / 1000,
        f"wmh_{name}_count": float(len(volumes_mm3)),
    }


def _shapes(table: "DataFrame") -> dict[str, float | None]:
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


def summarise_sizes(table: "DataFrame") -> dict[str, float | None]:
    """Count by size; the largest of no lesions is 0, their median is not defined."""
    volumes = table["volume_mm3"].to_numpy(dtype=float)
    counts = count_by_size(volumes)
    return {
        **{f"wmh_count_{name}": float(n) for name, n in zip(_SIZES, counts, strict=True)},
        "wmh_median_lesion_mm3": float(np.median(volumes)) if volumes.size else None,
        "wmh_largest_lesion_mm3": float(volumes.max(initial=0.0)),
    }


def region_labels(table: "DataFrame") -> dict[int, Region]:
    """Return the region of each lesion by its number."""
    return {
        int(number): Region[name.upper()]
        for number, name in zip(table["lesion"], table["region"], strict=True)
    }
