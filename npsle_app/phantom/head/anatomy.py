"""Heads: the template, moved, bent and aged at random."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Reals, Volume
from npsle_app.measures.names_of_regions import RIGHT_LABELS
from npsle_app.phantom.head.atlas import Atlas, load_atlas
from npsle_app.phantom.head.fields import Field, draw_field
from npsle_app.phantom.head.grids import Grid, moved, turned
from npsle_app.phantom.head.neck import head_and_neck

# The template is a quarter larger, in volume, than the average head.
_MEAN_SCALE = 0.92
_SHARPNESS = 2.2
_PLANES_AT_ONCE = 24


@dataclass(frozen=True, slots=True)
class Shape:
    """All that was drawn at random for one head.

    `move` maps native to template mm, `pitch` (degrees) is the part of its rotation about
    the ears, `bend` are displacements in `bend_mm`, and `folds` shift the borders between
    grey matter, white matter and fluid. `ageing` runs from 0 to 1.
    """

    move: Reals
    pitch: float
    bend: tuple[Field, ...]
    bend_mm: float
    folds: tuple[Field, Field]
    ageing: float


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Maps of one head on its grid, float32.

    `gm`, `wm` and `csf` sum to `intracranial`. `head` is the T1w signal outside it and
    `signal` the template's T1w signal inside, both relative to white matter.
    `from_ventricles` and `depth` (into white matter) are in mm. `region` is a number of
    `names_of_regions`, plus `RIGHT_LABELS` on the right, 0 outside all regions.
    """

    grid: Grid
    intracranial: Volume
    gm: Volume
    wm: Volume
    csf: Volume
    deep_gm: Volume
    signal: Volume
    head: Volume
    from_ventricles: Volume
    depth: Volume
    region: Volume


def draw_shape(rng: np.random.Generator, *, age: float, sex: str) -> Shape:
    """Draw a head: size by sex, ventricles and sulci by age."""
    pitch, roll, yaw = rng.uniform([-2, -3, -3], [10, 3, 3])
    scale = _MEAN_SCALE * (1.02 if sex == "M" else 0.985) * (1 + rng.uniform(-0.03, 0.03))
    move = np.eye(4)
    stretch = scale * (1 + rng.uniform(-0.02, 0.02, 3))
    move[:3, :3] = turned(pitch=pitch, roll=roll, yaw=yaw) @ np.diag(stretch)
    move[:3, 3] = rng.uniform(-4, 4, 3)
    return Shape(
        move=np.linalg.inv(move),
        pitch=float(pitch),
        bend=tuple(draw_field(rng, spacing_mm=30) for _ in range(3)),
        bend_mm=rng.uniform(1.2, 2.0),
        folds=(draw_field(rng, spacing_mm=5), draw_field(rng, spacing_mm=5)),
        ageing=float(np.clip((age - 20) / 60 + rng.normal(0, 0.12), 0, 1)),
    )


def make_anatomy(shape: Shape, *, grid: Grid, voxel_mm: float) -> Anatomy:
    """Warp the template onto a grid."""
    atlas = load_atlas(voxel_mm=voxel_mm)
    bends = [shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend]
    names = [name for name in Anatomy.__slots__ if name != "grid"]
    maps = {name: np.zeros(grid.shape, dtype=np.float32) for name in names}
    for start in range(0, grid.shape[0], _PLANES_AT_ONCE):
        planes = slice(start, start + _PLANES_AT_ONCE)
        points = moved(grid.world_mm(planes), affine=shape.move)
        points += np.stack([bend[planes] for bend in bends])
        _sample({name: made[planes] for name, made in maps.items()}, points, atlas, shape)
    _divide(maps, shape=shape, grid=grid)
    return Anatomy(grid=grid, **maps)


def _sample(maps: dict[str, Volume], points: Volume, atlas: Atlas, shape: Shape) -> None:
    """Fill some planes of all maps; what lies outside the skull's inside stays 0."""
    maps["intracranial"][:] = atlas.intracranial.at(points)
    inside = maps["intracranial"] > 0
    within = points[:, inside]
    maps["head"][:] = head_and_neck(points, atlas=atlas)
    enlarged_mm = np.float32(-0.4 + 2.4 * shape.ageing)
    within -= enlarged_mm * np.stack([push.at(within) for push in atlas.push])
    for name in ("gm", "wm", "deep_gm", "signal", "from_ventricles", "depth"):
        maps[name][inside] = getattr(atlas, name).at(within)
    numbers = atlas.regions.nearest(within)
    maps["region"][inside] = numbers + RIGHT_LABELS * ((numbers > 0) & (within[0] >= 0))


def _divide(maps: dict[str, Volume], *, shape: Shape, grid: Grid) -> None:
    """Turn the template's blurred probabilities into one person's partial volumes.

    The template is an average: its odds are sharpened, and tilted at random so that
    sulci differ from head to head. Deep nuclei count as grey matter.
    """
    inside = maps["intracranial"] > 0
    gm, wm = (np.clip(maps[name][inside], 0, 1) for name in ("gm", "wm"))
    csf = np.clip(1 - gm - wm, 0, 1)
    gm = np.maximum(gm, maps["deep_gm"][inside] * (1 - csf))
    wm = np.clip(1 - gm - csf, 0, 1)
    first, second = (0.45 * field.at(grid.axes_mm)[inside] for field in shape.folds)
    odds = (
        gm**_SHARPNESS,
        wm**_SHARPNESS * np.exp(first + 0.6),
        csf**_SHARPNESS * np.exp(second + shape.ageing),
    )
    total = (odds[0] + odds[1] + odds[2]) / maps["intracranial"][inside]
    for name, odd in zip(("gm", "wm", "csf"), odds, strict=True):
        maps[name][inside] = odd / total
