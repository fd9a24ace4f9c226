"""Fibres of the white matter of one person: where they lie, and their tensors.

They run along the tracts of the atlas. Around the regions of the DTI-ALPS index they run as the
index takes for granted: projection fibres upwards, association fibres forwards, and water moves
across both as the person's true index says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage
from scipy.linalg import polar

from npsle_app.arrays import Floats, Ints, Mask, Volume
from npsle_app.phantom.head.anatomy import Anatomy, Shape
from npsle_app.phantom.head.grids import moved
from npsle_app.phantom.head.tracts import SYSTEMS, load_tracts

# Diffusivities, mm²/s, of fibres that run along the axis of their system: x, z, y.
_DIFFUSIVITIES = {
    "commissural": np.array([1.50, 0.40, 0.40]) * 1e-3,
    "projection": np.array([0.70, 0.46, 1.15]) * 1e-3,
    "association": np.array([0.66, 1.20, 0.42]) * 1e-3,
}
_AXES = {"commissural": 0, "projection": 2, "association": 1}
_INDEX = 1.36 / 0.88
# Mean index and its deviation between people, after Mo (2024); left is larger than right.
_GROUPS = {"HC": (1.635, 0.11), "SLE": (1.486, 0.10), "NPSLE": (1.43, 0.10)}
_LEFT_MINUS_RIGHT = (0.12, 0.04)
_LATERAL_MM, _LEVEL_MM = (26.0, 38.0), (-16.0, 27.0)  # the regions: |x|, then y and z
_CORE_MM, _CORE_END_MM = 6.0, 9.0


@dataclass(frozen=True, slots=True)
class Fibres:
    """True DTI-ALPS index of each side of one person."""

    alps_left: float
    alps_right: float

    @property
    def tensors(self) -> Iterator[tuple[int, bool, int, Floats]]:
        """Tensors along the axes of the template, (3, 3) in mm²/s.

        Each with the place of its system in `SYSTEMS`, whether it is that of the left side, and
        the axis along which its fibres run.
        """
        for place, system in enumerate(SYSTEMS):
            for left, index in ((True, self.alps_left), (False, self.alps_right)):
                of_index = 1 if system == "commissural" else index / _INDEX
                across = np.array([of_index, 1, 1])  # of Dxx alone
                yield place, left, _AXES[system], np.diag(_DIFFUSIVITIES[system] * across)


@dataclass(frozen=True, slots=True)
class Course:
    """Fibres on the grid of an anatomy.

    Attributes
    ----------
    share : (I, J, K) array
        How much of each voxel they take, 0 to 1.
    tensors : (n, 6) array
        Dxx, Dyy, Dzz, Dxy, Dxz, Dyz along the template's axes, mm²/s, where `share` is above 0.
    """

    share: Volume
    tensors: Volume


def draw_fibres(rng: np.random.Generator, *, group: Literal["HC", "SLE", "NPSLE"]) -> Fibres:
    """Draw the index of both sides."""
    mean = float(np.clip(rng.normal(*_GROUPS[group]), 1.15, 1.85))
    gap = float(np.clip(rng.normal(*_LEFT_MINUS_RIGHT), 0, 0.25))
    return Fibres(alps_left=mean + gap / 2, alps_right=mean - gap / 2)


def to_template(shape: Shape) -> Floats:
    """Return the rotation, (3, 3), in the move from native to template axes."""
    rotation: Floats = polar(np.asarray(shape.move, dtype=float)[:3, :3])[0]
    return rotation


def run_fibres(anatomy: Anatomy, *, shape: Shape, fibres: Fibres) -> Course:
    """Let fibres run through the white matter of a head.

    Around the regions of the index, 12 mm across, they take all: the average template has some
    grey matter there, which would change the index.
    """
    possible = anatomy.intracranial > 0
    points = _template_points(anatomy, shape=shape, where=possible)
    core = _core(points)
    taken = np.maximum(anatomy.wm[possible], core * anatomy.intracranial[possible])
    tracts = load_tracts()
    nearest = np.rint(moved(points, affine=tracts.to_voxels)).astype(np.intp)
    for axis, size in enumerate(tracts.systems.shape):
        nearest[axis] = nearest[axis].clip(0, size - 1)
    bundled = ndimage.map_coordinates(
        tracts.bundled, moved(points, affine=tracts.to_voxels), order=1, mode="nearest"
    )
    share = np.zeros(possible.shape, dtype=np.float32)
    share[possible] = taken * np.maximum(bundled, core)
    here = share[possible] > 0
    where = tuple(nearest[:, here])
    directions, systems = tracts.directions[(slice(None), *where)], tracts.systems[where]
    _straighten(directions, systems, points=points[:, here], core=core[here] > 0)
    left = points[0, here] < 0
    return Course(share, _turn_tensors(fibres, directions=directions, systems=systems, left=left))


def _template_points(anatomy: Anatomy, *, shape: Shape, where: Mask) -> Volume:
    """Return the points of the template (3, n) at which voxels lie."""
    grid = anatomy.grid
    made = np.empty((3, np.count_nonzero(where)), dtype=np.float32)
    bends = [shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend]
    filled = 0
    for plane in range(grid.shape[0]):
        planes = slice(plane, plane + 1)
        points = moved(grid.world_mm(planes), affine=shape.move)
        points += np.stack([bend[planes] for bend in bends])
        inside = points[:, where[planes]]
        made[:, filled : filled + inside.shape[1]] = inside
        filled += inside.shape[1]
    return made


def _core(points: Volume) -> Volume:
    """Return 1 within 6 mm of a region's centre, fading to 0 at 9 mm."""
    y, z = (points[axis] - np.float32(_LEVEL_MM[axis - 1]) for axis in (1, 2))
    x = [np.abs(points[0]) - np.float32(lateral) for lateral in _LATERAL_MM]
    nearest = np.sqrt(np.minimum(x[0] ** 2, x[1] ** 2) + y**2 + z**2)
    core: Volume = np.clip((_CORE_END_MM - nearest) / (_CORE_END_MM - _CORE_MM), 0, 1)
    return core


def _straighten(directions: Floats, systems: Ints, *, points: Volume, core: Mask) -> None:
    """Let fibres around the regions run exactly along the axes, in place."""
    inner = np.abs(points[0]) < np.mean(_LATERAL_MM)
    for system, chosen in (("projection", core & inner), ("association", core & ~inner)):
        directions[:, chosen] = np.eye(3)[_AXES[system]][:, None]
        systems[chosen] = SYSTEMS.index(system)


def _turn_tensors(fibres: Fibres, *, directions: Floats, systems: Ints, left: Mask) -> Volume:
    """Turn the tensor of each place's system from its axis to its direction, the shortest way."""
    made = np.empty((systems.size, 6), dtype=np.float32)
    for place, of_left, axis, tensor in fibres.tensors:
        chosen = (systems == place) & (left == of_left)
        turned = _rotations(directions[:, chosen].T, axis=axis) @ np.sqrt(tensor)
        full = turned @ turned.swapaxes(1, 2)
        made[chosen] = full[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    return made


def _rotations(directions: Floats, *, axis: int) -> Floats:
    """Return the shortest rotations (n, 3, 3) from an axis to directions (n, 3) or their opposites.

    Rodrigues' formula, without angles.
    """
    start = np.eye(3)[axis]
    ends = directions * np.where(directions[:, axis] < 0, -1, 1)[:, None]
    x, y, z = np.cross(start, ends).T
    nought = np.zeros_like(x)
    cross = np.array([[nought, -z, y], [z, nought, -x], [-y, x, nought]]).transpose(2, 0, 1)
    rotations: Floats = np.eye(3) + cross + cross @ cross / (1 + ends[:, axis])[:, None, None]
    return rotations
