"""Fibres of the white matter: which way they run in the template, and their tensors.

Three slabs on each side of the midline: callosal fibres run across, projection fibres (and those
of the brainstem) upwards, association fibres forwards. The regions of the DTI-ALPS index lie deep
inside the latter two.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import polar

from npsle_app.arrays import Floats, Volume
from npsle_app.phantom.head.anatomy import Anatomy, Shape
from npsle_app.phantom.head.grids import moved

_CALLOSAL_END_MM, _PROJECTION_END_MM, _BLUR_MM = 17.0, 32.0, 0.6
_CALLOSAL = np.diag([1.50, 0.40, 0.40]) * 1e-3
_PROJECTION = np.array([0.70, 0.46, 1.15]) * 1e-3
_ASSOCIATION = np.array([0.66, 1.20, 0.42]) * 1e-3
_INDEX = 1.36 / 0.88
# Mean index and its deviation between people, after Mo (2024); left is larger than right.
_GROUPS = {"HC": (1.635, 0.11), "SLE": (1.486, 0.10), "NPSLE": (1.43, 0.10)}
_LEFT_MINUS_RIGHT = (0.12, 0.04)
_LATERAL_MM, _LEVEL_MM = (26.0, 38.0), (-16.0, 27.0)  # the regions: |x|, then y and z
_SLABS = (
    "callosal", "projection_left", "association_left", "projection_right", "association_right"
)  # fmt: skip
_CALLOSAL_BOTTOM_MM = 0.0
_PERIOD_MM, _LEAST_BUNDLED = 24.0, 0.1
_PLANES_AT_ONCE = 24


@dataclass(frozen=True, slots=True)
class Fibres:
    """True DTI-ALPS index of each side of one person."""

    alps_left: float
    alps_right: float

    @property
    def tensors(self) -> dict[str, Floats]:
        """Tensors (3, 3) in mm²/s along the axes of the template, by the name of the slab."""
        made = {"callosal": _CALLOSAL}
        for side, index in (("left", self.alps_left), ("right", self.alps_right)):
            across = np.array([index / _INDEX, 1, 1])  # of Dxx alone
            made[f"projection_{side}"] = np.diag(_PROJECTION * across)
            made[f"association_{side}"] = np.diag(_ASSOCIATION * across)
        return made


def draw_fibres(rng: np.random.Generator, *, group: Literal["HC", "SLE", "NPSLE"]) -> Fibres:
    """Draw the index of both sides."""
    mean = float(np.clip(rng.normal(*_GROUPS[group]), 1.15, 1.85))
    gap = float(np.clip(rng.normal(*_LEFT_MINUS_RIGHT), 0, 0.25))
    return Fibres(alps_left=mean + gap / 2, alps_right=mean - gap / 2)


def to_template(shape: Shape) -> Floats:
    """Return the rotation, (3, 3), in the move from native to template axes."""
    rotation: Floats = polar(np.asarray(shape.move, dtype=float)[:3, :3])[0]
    return rotation


def share_of_slabs(anatomy: Anatomy, *, shape: Shape) -> dict[str, Volume]:
    """Return how much of each voxel of the anatomy the fibres of each slab take, 0 to 1.

    They lie in the white matter, in bundles. Around the regions of the index, 12 mm across, they
    take all: the average template has some grey matter there, which would change the index.
    """
    grid = anatomy.grid
    bends = [shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend]
    made = {name: np.empty(grid.shape, dtype=np.float32) for name in _SLABS}
    for start in range(0, grid.shape[0], _PLANES_AT_ONCE):
        planes = slice(start, start + _PLANES_AT_ONCE)
        points = moved(grid.world_mm(planes), affine=shape.move)
        points += np.stack([bend[planes] for bend in bends])
        taken = np.maximum(anatomy.wm[planes], _core(points) * anatomy.intracranial[planes])
        bundled = _bundles(points)
        for name, share in _slabs(points).items():
            made[name][planes] = taken * share * bundled[name.partition("_")[0]]
    return made


def _slabs(points: Volume) -> dict[str, Volume]:
    """Divide all of the head; near the midline fibres run across above the brainstem alone."""
    x = points[0]
    outer, lateral = (_beyond(x, end) for end in (_CALLOSAL_END_MM, _PROJECTION_END_MM))
    outer = np.maximum(outer, (points[2] < _CALLOSAL_BOTTOM_MM).astype(np.float32))
    left = (x < 0).astype(np.float32)
    made = {"callosal": 1 - outer}
    for side, where in (("left", left), ("right", 1 - left)):
        made[f"projection_{side}"] = where * (outer - lateral)
        made[f"association_{side}"] = where * lateral
    return made


def _bundles(points: Volume) -> dict[str, Volume]:
    """Cut each slab into bundles along its fibres, or nothing would tell their way from places.

    Bundles are 14 mm wide with a region in the middle of one, and 24 mm from one to the next;
    what lies between has no direction.
    """
    y, z = (
        np.abs((points[axis] - level + _PERIOD_MM / 2) % _PERIOD_MM - _PERIOD_MM / 2)
        for axis, level in zip((1, 2), map(np.float32, _LEVEL_MM), strict=True)
    )
    x = np.maximum(np.abs(points[0]) - np.float32(_LATERAL_MM[1]), 0)
    apart = {"callosal": np.maximum(y, z), "projection": y, "association": np.maximum(x, z)}
    return {
        name: np.clip((10 - mm) / 3, _LEAST_BUNDLED, 1).astype(np.float32)
        for name, mm in apart.items()
    }


def _core(points: Volume) -> Volume:
    """Return 1 within 6 mm of a region's centre, fading to 0 at 9 mm."""
    y, z = (points[axis] - np.float32(_LEVEL_MM[axis - 1]) for axis in (1, 2))
    x = [np.abs(points[0]) - np.float32(lateral) for lateral in _LATERAL_MM]
    nearest = np.sqrt(np.minimum(x[0] ** 2, x[1] ** 2) + y**2 + z**2)
    core: Volume = np.clip((9 - nearest) / 3, 0, 1)
    return core


def _beyond(x: Volume, end_mm: float) -> Volume:
    """Rise from 0 to 1 about a distance from the midline."""
    ratio = np.clip((np.abs(x) - np.float32(end_mm)) / np.float32(_BLUR_MM), -30, 30)
    risen: Volume = (1 / (1 + np.exp(-ratio))).astype(np.float32)
    return risen
