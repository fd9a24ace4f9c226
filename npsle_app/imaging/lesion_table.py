"""One row for each lesion: how large, where, of what shape."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.imaging.lesion_regions import (
    BEYOND_MM,
    LOBES,
    SIDES,
    LesionVoxels,
    Region,
    regions,
)
from npsle_app.imaging.lesion_shape import SHAPES, measure_shape
from npsle_app.imaging.lesion_sizes import extent_mm

if TYPE_CHECKING:
    from pandas import DataFrame

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


def describe_lesions(
    voxels: LesionVoxels, *, flair: Volume, white_matter: Mask, affine: Floats
) -> "DataFrame":
    """Describe each lesion in the columns of `COLUMNS`.

    Parameters
    ----------
    voxels : LesionVoxels
        May be of no lesion; then the table has no rows.
    flair : (I, J, K) array
        Bias-corrected FLAIR, in any unit.
    white_matter : (I, J, K) array of bool
        White matter outside lesions, for the contrast; missing where it is empty.
    affine : (4, 4) array
        Voxels to world.
    """
    from pandas import DataFrame

    normal = float(np.median(flair[white_matter])) if white_matter.any() else float("nan")
    rows = [
        _row(voxels, number=number, region=region, affine=affine)
        | {"flair_contrast": float(flair[tuple(_of(voxels, number).T)].mean()) / normal - 1}
        for number, region in enumerate(regions(voxels), start=1)
    ]
    table = DataFrame(rows, columns=list(COLUMNS))
    shapes: DataFrame = table.astype(dict.fromkeys(SHAPES, float))
    return shapes.replace({np.inf: np.nan})


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
