"""Course of a vessel: smoothed centreline, its frame, and places measured along it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from npsle_app.arrays import Floats

STEP_MM = 0.5
SMOOTHING_MM = 2.0
_FINE_MM = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Centreline:
    """Points every `step_mm` along a vessel and a frame that turns as little as it can.

    `points`, `tangents`, `first` and `second` are (n, 3), in mm, RAS; the last three are
    unit vectors at right angles to each other.
    """

    points: Floats
    tangents: Floats
    first: Floats
    second: Floats
    step_mm: float

    @property
    def along_mm(self) -> Floats:
        """Length from the first point, (n,)."""
        along: Floats = np.arange(len(self.points), dtype=np.float64) * self.step_mm
        return along

    @property
    def length_mm(self) -> float:
        return float((len(self.points) - 1) * self.step_mm)

    @property
    def tortuosity(self) -> float:
        """Length over the distance of the ends; 1 for a straight vessel."""
        return self.length_mm / float(np.linalg.norm(self.points[-1] - self.points[0]))


def make_centreline(
    points: Floats, *, step_mm: float = STEP_MM, smoothing_mm: float = SMOOTHING_MM
) -> Centreline:
    """Resample points along a vessel, smooth them and lay a rotation-minimising frame.

    Parameters
    ----------
    points
        (n, 3) in mm, RAS, in the order of the vessel; their spacing may vary.
    smoothing_mm
        Full width at half maximum of the Gaussian along the vessel; the ends stay in place.

    Raises
    ------
    ValueError
        If the points span less than four steps.

    Notes
    -----
    The frame is carried along by double reflection (Wang 2008, doi:10.1145/1330511.1330513).
    """
    even = _resampled(np.asarray(points, dtype=float), step_mm=_FINE_MM)
    sigma = smoothing_mm / 2.3548 / _FINE_MM
    if smoothing_mm > 0:
        even = _smoothed(even, sigma=sigma)
    return _framed(_resampled(even, step_mm=step_mm), step_mm=step_mm)


def straighten(points: Floats, *, line: Centreline) -> tuple[Floats, Floats, Floats]:
    """Return the places of points in the straightened vessel, each (n,) in mm.

    The length along the centreline, and the offsets along the frame's first and second axis.
    NaN for points that lie before the first or behind the last plane.
    """
    spline = CubicSpline(line.along_mm, line.points)
    along = np.arange(0, line.length_mm + _FINE_MM / 2, _FINE_MM)
    dense, tangent = spline(along), spline(along, 1)
    _, index = cKDTree(dense).query(points)
    away = points - dense[index]
    place = along[index] + np.sum(away * tangent[index], axis=1)
    place = np.clip(place, along[index] - _FINE_MM, along[index] + _FINE_MM)
    beyond = np.abs(np.sum(away * tangent[index], axis=1)) > 2 * _FINE_MM
    away = points - spline(place)
    first, second = (_carried(axes, line=line, place=place) for axes in (line.first, line.second))
    place[beyond] = np.nan
    return place, np.sum(away * first, axis=1), np.sum(away * second, axis=1)


def moved(line: Centreline, *, offsets: Floats, smoothing_mm: float = SMOOTHING_MM) -> Centreline:
    """Move each point by `offsets`, (n, 2) in mm along the frame's axes, and smooth again."""
    points = line.points + offsets[:, :1] * line.first + offsets[:, 1:] * line.second
    return make_centreline(points, step_mm=line.step_mm, smoothing_mm=smoothing_mm)


def _carried(axes: Floats, *, line: Centreline, place: Floats) -> Floats:
    """Interpolate unit vectors along the vessel."""
    values = np.stack([np.interp(place, line.along_mm, axes[:, k]) for k in range(3)], axis=1)
    unit: Floats = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit


def _resampled(points: Floats, *, step_mm: float) -> Floats:
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    kept = np.concatenate([[True], lengths > 1e-6])
    points, along = points[kept], np.concatenate([[0], np.cumsum(lengths)])[kept]
    if len(points) < 2 or along[-1] < 4 * step_mm:
        msg = f"a vessel of {along[-1]:.1f} mm is too short to follow"
        raise ValueError(msg)
    even = np.arange(0, along[-1] + step_mm / 1000, step_mm)
    return np.stack([np.interp(even, along, points[:, k]) for k in range(3)], axis=1)


def _smoothed(points: Floats, *, sigma: float) -> Floats:
    """Smooth along the vessel; mirrored through the ends, so that these stay."""
    n = min(int(4 * sigma) + 1, len(points) - 1)
    wide = np.pad(points, ((n, n), (0, 0)), mode="reflect", reflect_type="odd")
    smooth: Floats = ndimage.gaussian_filter1d(wide, sigma, axis=0)[n:-n]
    return smooth


def _framed(points: Floats, *, step_mm: float) -> Centreline:
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    axis = np.eye(3)[np.argmin(np.abs(tangents[0]))]
    first = np.empty_like(points)
    first[0] = axis - (axis @ tangents[0]) * tangents[0]
    first[0] /= np.linalg.norm(first[0])
    for k in range(len(points) - 1):
        first[k + 1] = _reflected(
            first[k], chord=points[k + 1] - points[k], before=tangents[k], after=tangents[k + 1]
        )
    return Centreline(
        points=points,
        tangents=tangents,
        first=first,
        second=np.cross(tangents, first),
        step_mm=step_mm,
    )


def _reflected(vector: Floats, *, chord: Floats, before: Floats, after: Floats) -> Floats:
    def mirror(v: Floats, *, across: Floats) -> Floats:
        square = float(across @ across)
        return v - 2 * (across @ v) / square * across if square > 1e-12 else v

    turned = mirror(vector, across=chord)
    carried = mirror(turned, across=after - mirror(before, across=chord))
    carried = carried - (carried @ after) * after
    unit: Floats = carried / np.linalg.norm(carried)
    return unit
