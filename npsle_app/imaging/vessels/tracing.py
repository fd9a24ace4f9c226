"""Follow a vessel between landmarks, or by a time-of-flight angiogram."""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats, Volume
from npsle_app.imaging.vessels.centreline import Centreline, make_centreline
from npsle_app.imaging.vessels.course import Course, lay_course
from npsle_app.imaging.vessels.place import HeadPlace, search_box
from npsle_app.imaging.vessels.planes import to_voxels
from npsle_app.imaging.vessels.search import (
    EXPECTED,
    cut_around_points,
    find_vessel,
    is_dark_tube,
    join_tubes,
    vesselness,
)
from npsle_app.imaging.vessels.trunk import trim_to_trunk
from npsle_app.measures.names_of_vessels import VesselName

_SNAP_MM = 2.0
_MAX_DETOUR = 2.5


def trace_landmarks(
    image: nib.Nifti1Image, *, landmarks: Sequence[tuple[float, float, float]]
) -> Centreline:
    """Follow a vessel from the first landmark to the last, through those between them.

    Parameters
    ----------
    image
        Black-blood image.
    landmarks
        At least two points in mm, RAS, each within 2 mm of the vessel's middle.

    Raises
    ------
    ValueError
        If a landmark lies outside the image or on no dark tube; if the landmarks fit the image
        as LPS but not as RAS; if no vessel joins them on a plausible way.
    """
    points = np.asarray(landmarks, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2 or not np.isfinite(points).all():
        msg = f"expected two landmarks or more of three numbers, got {list(landmarks)}"
        raise ValueError(msg)
    apart_mm = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if not 4 <= apart_mm <= 100:
        msg = f"the landmarks are {apart_mm:.1f} mm apart; expected 4 to 100 mm"
        raise ValueError(msg)
    _check_inside(image, points=points)
    line = _traced(image, points=points)
    if line is not None:
        return line
    flipped = points * np.array([-1, -1, 1])
    lies_mirrored = not _outside(flipped, image=image).any() and _traced(image, points=flipped)
    hint = "; read as LPS they do lie on one" if lies_mirrored else ", or blood is not black here"
    msg = f"not assessable: the landmarks lie on no dark vessel with a wall{hint}"
    raise ValueError(msg)


def _check_inside(image: nib.Nifti1Image, *, points: Floats) -> None:
    outside = _outside(points, image=image)
    if not outside.any():
        return
    other = not _outside(points * np.array([-1, -1, 1]), image=image).any()
    hint = "; read as LPS they would lie inside" if other else ""
    place = ", ".join(f"{value:.1f}" for value in points[np.argmax(outside)])
    msg = f"the landmark ({place}) mm, RAS, lies outside the image{hint}"
    raise ValueError(msg)


def _outside(points: Floats, *, image: nib.Nifti1Image) -> Bools:
    voxels = to_voxels(points, affine=image.affine)
    beyond: Bools = np.any((voxels < 0) | (voxels > np.array(image.shape[:3]) - 1), axis=1)
    return beyond


def _traced(image: nib.Nifti1Image, *, points: Floats) -> Centreline | None:
    """Follow the tube through points; None where there is none."""
    part = cut_around_points(image, points=points)
    tubes = vesselness(part)
    places = [_snapped(tubes, point=point, affine=part.affine) for point in points]
    line = join_tubes(tubes, places=places, affine=part.affine)
    apart_mm = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if line is None or line.length_mm > _MAX_DETOUR * apart_mm:
        return None
    return line if is_dark_tube(part, line=line) else None


def _snapped(tubes: Volume, *, point: Floats, affine: Floats) -> tuple[int, ...]:
    """Return the voxel within 2 mm that looks most like a tube's middle; near ones first."""
    grid = np.argwhere(np.ones(tubes.shape, dtype=bool))
    distance = np.linalg.norm(nib.affines.apply_affine(affine, grid) - point, axis=1)
    near = distance <= _SNAP_MM
    value = (tubes[tuple(grid[near].T)] + 1e-3) * np.exp(-0.5 * distance[near] ** 2)
    return tuple(int(v) for v in grid[near][np.argmax(value)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Angiogram:
    """An angiogram with bright blood, and where it lies in the head."""

    image: nib.Nifti1Image
    place: HeadPlace


def find_by_angiogram(
    image: nib.Nifti1Image, *, name: VesselName, place: HeadPlace, angiogram: Angiogram
) -> Course:
    """Find a bright tube in the angiogram and bring its course to the black-blood image.

    Raises
    ------
    ValueError
        If there is no such tube, it leaves the black-blood image, or no dark tube with a wall
        lies there; the message says that the vessel is not assessable.
    """
    expected = EXPECTED[name.label]
    part, box = search_box(angiogram.image, name=name, place=angiogram.place)
    bright = find_vessel(part, box=box, expected=expected, dark=False)
    moved = place.to_image @ np.linalg.inv(angiogram.place.to_image)
    line = make_centreline(nib.affines.apply_affine(moved, bright.points))
    course = lay_course(image, line=line, name=name)
    if not is_dark_tube(course.part, line=line):
        msg = "not assessable: no dark tube lies where the angiogram shows a vessel"
        raise ValueError(msg)
    trunk = trim_to_trunk(course, least_mm=expected.length_mm[0])
    return lay_course(image, line=trunk.line, name=name)
