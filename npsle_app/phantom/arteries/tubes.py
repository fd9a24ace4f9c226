"""Arteries as tubes: their course, and which points lie in lumen and wall."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ellipe

from npsle_app.arrays import Floats, Ints, Reals

STEP_MM = 0.05
_SLOW_RISE = 0.75  # of slow blood's signal, from the axis to the wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Artery:
    """A tube along `points`, (n, 3) in mm, RAS.

    `offset_mm` moves the outer wall's centre off the lumen's, along the first axis of the
    frame: the wall is thinnest by that much on one side and thickest on the other.
    `slow_mm` is the stretch (from, to) in mm along the vessel where blood flows too slowly
    to turn black beside the wall.
    """

    points: Floats
    radius_mm: float
    wall_mm: float
    offset_mm: float = 0.0
    slow_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.offset_mm < self.wall_mm:
            msg = f"the offset must be below the wall: {self.offset_mm} and {self.wall_mm} mm"
            raise ValueError(msg)

    @property
    def lumen_mm2(self) -> float:
        return float(np.pi * self.radius_mm**2)

    @property
    def wall_mm2(self) -> float:
        return float(np.pi * (self.radius_mm + self.wall_mm) ** 2 - self.lumen_mm2)

    @property
    def nwi(self) -> float:
        """Normalized wall index, WA / (WA + LA)."""
        return self.wall_mm2 / (self.wall_mm2 + self.lumen_mm2)

    @property
    def thickness_mm(self) -> float:
        """Mean over directions, seen from the lumen's middle, of the wall's thickness."""
        outer = self.radius_mm + self.wall_mm
        share = (self.offset_mm / outer) ** 2
        return float(2 / np.pi * outer * ellipe(share) - self.radius_mm)


def arc(*, length_mm: float, bend_radius_mm: float = np.inf, tilt_deg: float = 0.0) -> Floats:
    """Return points every 0.05 mm of an arc about the origin, RAS.

    It starts upwards (z) where it is not tilted, bends towards y, and is tilted about x.
    """
    along = np.arange(-length_mm / 2, length_mm / 2 + STEP_MM / 2, STEP_MM)
    if np.isinf(bend_radius_mm):
        points = np.stack([0 * along, 0 * along, along], axis=1)
    else:
        turn = along / bend_radius_mm
        points = bend_radius_mm * np.stack([0 * turn, 1 - np.cos(turn), np.sin(turn)], axis=1)
    tilt = np.deg2rad(tilt_deg)
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]]
    )
    turned: Floats = points @ about_x.T
    return turned


def branch(artery: Artery, *, at: float, length_mm: float, radius_mm: float) -> Artery:
    """Return a side branch that leaves at a share `at` of the length, perpendicular to it."""
    index = int(at * (len(artery.points) - 1))
    tangent, first, _ = frame(artery.points)
    away = first[index] + 0.3 * tangent[index]
    along = np.arange(0, length_mm, STEP_MM)[:, None] * away / np.linalg.norm(away)
    return Artery(points=artery.points[index] + along, radius_mm=radius_mm, wall_mm=0.3)


def frame(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return tangent and two normals at each point, each (n, 3).

    The first normal stays nearest to that axis of the world which the tube follows least: x
    for a tube that runs upwards.
    """
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    least = int(np.argmin(np.abs(tangent).mean(axis=0).round(6)))
    first = np.eye(3)[least] - tangent[:, least : least + 1] * tangent
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return tangent, first, np.cross(tangent, first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The points near a tube (indices), and how far (0-1) they are lumen and tube.

    `slow` is what slow blood adds to the signal of black blood.
    """

    where: Ints
    lumen: Floats
    outer: Floats
    slow: Floats


def inside_tube(artery: Artery, *, points: Floats, ramp_mm: float) -> Inside:
    """Find the points inside a tube; edges are ramps `ramp_mm` wide."""
    outer_mm = artery.radius_mm + artery.wall_mm
    reach = outer_mm + artery.offset_mm + ramp_mm
    box = np.all((points > artery.points.min(axis=0) - reach)
                 & (points < artery.points.max(axis=0) + reach), axis=1)  # fmt: skip
    near = np.nonzero(box)[0]
    distance, index = cKDTree(artery.points).query(points[near], distance_upper_bound=reach)
    near, index = near[np.isfinite(distance)], index[np.isfinite(distance)]
    _, first, _ = frame(artery.points)
    away = points[near] - artery.points[index]
    from_axis = np.linalg.norm(away, axis=1)
    from_centre = np.linalg.norm(away - artery.offset_mm * first[index], axis=1)
    return Inside(
        where=near,
        lumen=np.clip(0.5 + (artery.radius_mm - from_axis) / ramp_mm, 0, 1),
        outer=np.clip(0.5 + (outer_mm - from_centre) / ramp_mm, 0, 1),
        slow=slow_blood(artery, index=index, from_axis=from_axis),
    )


def slow_blood(artery: Artery, *, index: Ints, from_axis: Reals) -> Floats:
    """Return what slow flow adds to black blood's signal at points by index and radius."""
    more = np.zeros(len(index))
    if artery.slow_mm:
        along = index * STEP_MM
        slow = (along >= artery.slow_mm[0]) & (along <= artery.slow_mm[1])
        more[slow] = _SLOW_RISE * np.clip(from_axis[slow] / artery.radius_mm, 0, 1) ** 2
    return more
