"""Arteries at the base of a synthetic brain: where they run, how wide, with which wall."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage
from scipy.interpolate import CubicSpline

from npsle_app.arrays import Floats, Reals, Volume
from npsle_app.phantom.arteries.tubes import STEP_MM, Artery
from npsle_app.phantom.head.anatomy import Shape
from npsle_app.phantom.head.grids import Grid, whole_head

Course = tuple[tuple[float, float, float], ...]

# Template mm on the right side, in the fluid in front of the pons, around the chiasm and in the
# Sylvian fissure. ICA runs on into M1, both V4 into the basilar artery.
_PAIRED: Mapping[str, Course] = {
    "m1": ((12.5, 3, -18), (18, 4, -18.5), (24, 5, -18.5), (29, 7, -20), (33, 8, -19)),
    "ica": ((12.5, 6, -29), (11.5, 9.5, -26.5), (10.5, 8.5, -23), (11, 5, -20), (12.5, 3, -18)),
    "v4": ((9, -38, -66), (9, -35, -60), (7, -29.5, -55), (4, -25, -51), (0.3, -20.5, -48.3)),
}
_MIDDLE: Mapping[str, Course] = {
    "ba": ((0, -20, -48), (0, -16, -42), (0.8, -12.5, -36), (0.8, -11, -30), (0, -12, -24),
           (0, -14, -20)),
}  # fmt: skip
_BRANCHES: Mapping[str, tuple[Course, float]] = {  # with lumen radius in mm
    "a1": (((12.5, 3, -18), (9.5, 5, -15.5), (5, 8, -14.5), (2, 10, -13)), 0.9),
    "m2": (((33, 8, -19), (35, 10.5, -17), (36, 14.5, -13)), 0.8),
    "striate": (((23, 4.8, -18.5), (23, 4, -15.5), (22, 3, -11)), 0.3),
    "pca": (((0, -14, -20), (4, -14, -17), (9, -15.5, -16), (13, -19, -16)), 0.8),
    "pica": (((9, -36, -62), (11, -38, -58), (12, -40, -54)), 0.5),
}
_RADIUS_MM = {"m1": 1.35, "ica": 1.75, "ba": 1.6, "v4": 1.4}
_SPREAD, _BRANCH_WALL_MM = 0.06, 0.3
_WALL_MM = {"HC": (0.6, 0.1), "SLE": (0.75, 0.15), "NPSLE": (0.95, 0.2)}
_LEAST_MM, _MOST_MM = 0.3, 1.5
_ENHANCEMENT = {"HC": (1.05, 0.03), "SLE": (1.15, 0.06), "NPSLE": (1.35, 0.1)}
_SLOW_MM = 2.5
_BEND_GRID_MM, _ROUNDS = 4.0, 6  # a bend changes by a few per cent of the way: six are exact


@dataclass(frozen=True, slots=True)
class HeadArteries:
    """Arteries of one head in mm of its first scan.

    `main` are those that are measured, by name (`m1_left`); `enhancement` is the wall's signal
    after contrast agent over that before it, the same in all.
    """

    main: Mapping[str, Artery]
    branches: tuple[Artery, ...]
    enhancement: float

    def moved(self, affine: Reals) -> "HeadArteries":
        """Move all courses by a (4, 4) affine."""

        def turn(artery: Artery) -> Artery:
            return replace(artery, points=apply_affine(affine, artery.points))

        return HeadArteries(
            main={name: turn(artery) for name, artery in self.main.items()},
            branches=tuple(turn(artery) for artery in self.branches),
            enhancement=self.enhancement,
        )


def draw_arteries(
    rng: np.random.Generator,
    *,
    shape: Shape,
    group: Literal["HC", "SLE", "NPSLE"],
    nwi: float | None = None,
) -> HeadArteries:
    """Draw calibre and wall of each artery, and lay their courses into a head.

    With `nwi`, the person's normalised wall index, walls are as thick as that wants.

    Calibre varies little; walls are thicker in lupus and thickest in neuropsychiatric lupus,
    0.3 to 1.5 mm. A third of the walls is thicker on one side. In one vertebral artery of
    every second head blood is slow over 2.5 mm. These differences are invented.
    """
    warp = find_warp(shape)
    usual_mm, spread_mm = _WALL_MM[group]
    person_mm = rng.normal(usual_mm, spread_mm)
    if nwi is not None:
        person_mm = wall_of_index_mm(nwi)
    slow = rng.choice(["v4_left", "v4_right", "", ""])
    main = {}
    for name, course in _courses().items():
        wall = float(np.clip(person_mm * np.exp(rng.normal(0, 0.15)), _LEAST_MM, _MOST_MM))
        eccentric = rng.uniform(0.2, 0.5) if rng.uniform() < 1 / 3 else 0.0
        points = warp.to_head(course)
        middle = len(points) * STEP_MM / 2
        main[name] = Artery(
            points=points,
            radius_mm=float(_RADIUS_MM[name.split("_")[0]] * np.exp(rng.normal(0, _SPREAD))),
            wall_mm=wall,
            offset_mm=eccentric * wall,
            slow_mm=(middle, middle + _SLOW_MM) if name == slow else None,
        )
    branches = tuple(
        Artery(
            points=warp.to_head(_mirrored(course, sign=sign)),
            radius_mm=radius_mm,
            wall_mm=_BRANCH_WALL_MM,
        )
        for course, radius_mm in _BRANCHES.values()
        for sign in (-1, 1)
    )
    level = float(np.clip(rng.normal(*_ENHANCEMENT[group]), 1.0, 1.7))
    return HeadArteries(main=main, branches=branches, enhancement=level)


def wall_of_index_mm(nwi: float) -> float:
    """Return the wall thickness that gives arteries of usual calibre a normalised wall index.

    Examples
    --------
    >>> round(wall_of_index_mm(0.75) / float(np.mean([*_RADIUS_MM.values()])), 3)
    1.0
    """
    radius_mm = float(np.mean([*_RADIUS_MM.values()]))
    return float(radius_mm * (1 / np.sqrt(1 - nwi) - 1))


@dataclass(frozen=True, slots=True)
class Warp:
    """How a head lies against the template: its move, and its bends on a coarse grid."""

    shape: Shape
    bends: tuple[Volume, ...]
    grid: Grid

    def to_head(self, course: Course) -> Floats:
        """Take a course from template to the head's own mm; points every 0.05 mm, (n, 3)."""
        aim = _splined(np.array(course, dtype=float)) - self.shape.move[:3, 3]
        inverse = np.linalg.inv(np.asarray(self.shape.move, dtype=float)[:3, :3])
        points = aim @ inverse.T
        for _ in range(_ROUNDS):
            points = (aim - self._bend(points)) @ inverse.T
        return _even(points)

    def _bend(self, points: Floats) -> Floats:
        at = apply_affine(np.linalg.inv(self.grid.affine), points).T
        columns = [ndimage.map_coordinates(m, at, order=1, mode="nearest") for m in self.bends]
        return np.stack(columns, axis=1).astype(float)


def find_warp(shape: Shape) -> Warp:
    """Look at a head's bends on a grid of 4 mm, far below the distance of their knots."""
    grid = whole_head(voxel_mm=(_BEND_GRID_MM,) * 3, turn=np.eye(3))
    bends = tuple(shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend)
    return Warp(shape=shape, bends=bends, grid=grid)


def _courses() -> dict[str, Course]:
    """Name the arteries that are measured: those of the right have x > 0."""
    both = {
        f"{name}_{side}": _mirrored(course, sign=sign)
        for name, course in _PAIRED.items()
        for side, sign in (("left", -1), ("right", 1))
    }
    return both | dict(_MIDDLE)


def _mirrored(course: Course, *, sign: int) -> Course:
    return tuple((sign * x, y, z) for x, y, z in course)


def _splined(points: Floats) -> Floats:
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    curve: Floats = CubicSpline(along, points)(np.arange(0, along[-1], STEP_MM))
    return curve


def _even(points: Floats) -> Floats:
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    at = np.arange(0, along[-1], STEP_MM)
    return np.stack([np.interp(at, along, points[:, k]) for k in range(3)], axis=1)
