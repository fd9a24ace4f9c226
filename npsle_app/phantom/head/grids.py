"""The voxel grids that the phantom's images lie on."""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats, Reals, Volume
from npsle_app.phantom.head.fields import Axes

FIELD_OF_VIEW_MM = (192.0, 240.0, 216.0)
_CENTRE_MM = (0.0, -14.0, -12.0)


@dataclass(frozen=True, slots=True)
class Grid:
    """Shape and affine of an image."""

    shape: tuple[int, int, int]
    affine: Floats

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Edge lengths of one voxel."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return i, j, k

    @property
    def axes_mm(self) -> Axes:
        """Voxel centres along each axis, in mm from the grid's corner."""
        pairs = zip(self.shape, self.voxel_mm, strict=True)
        i, j, k = ((np.arange(n) + 0.5) * edge for n, edge in pairs)
        return i, j, k

    def world_mm(self, planes: slice) -> Volume:
        """World coordinates of some planes of axis I: (3, planes, J, K), float32."""
        made = np.indices(self.shape, dtype=np.float32, sparse=True)
        i, j, k = made[0][planes], made[1], made[2]
        return np.stack(_rows(self.affine, i, j, k))


def moved(points: Volume, *, affine: Reals) -> Volume:
    """Apply a 4×4 affine to points (3, ...), float32, in sums whose order is fixed."""
    return np.stack(_rows(affine, points[0], points[1], points[2]))


def _rows(affine: Reals, i: Volume, j: Volume, k: Volume) -> list[Volume]:
    m = affine.astype(np.float32)
    return [m[row, 0] * i + m[row, 1] * j + m[row, 2] * k + m[row, 3] for row in range(3)]


def whole_head(
    *,
    voxel_mm: tuple[float, float, float],
    turn: Floats,
    field_of_view_mm: tuple[float, float, float] = FIELD_OF_VIEW_MM,
    centre_mm: tuple[float, float, float] = _CENTRE_MM,
) -> Grid:
    """Return a grid over the whole head, turned about its centre by the 3×3 matrix `turn`."""
    shape = tuple(max(1, round(w / v)) for w, v in zip(field_of_view_mm, voxel_mm, strict=True))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(voxel_mm)
    affine[:3, 3] = centre_mm - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape=(shape[0], shape[1], shape[2]), affine=affine)


def turned(*, pitch: float, roll: float, yaw: float) -> Floats:
    """Rotate about x, then y, then z, by angles in degrees; return the 3×3 matrix."""
    made = np.eye(3)
    for axis, degrees in enumerate((pitch, roll, yaw)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        step = np.eye(3)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        step[a, a], step[a, b], step[b, a], step[b, b] = c, -s, s, c
        made = step @ made
    return made
