"""Find the course of a vessel: dark tubes, the cheapest path through them, search boxes."""

from dataclasses import dataclass
from itertools import pairwise

import lazy_loader
import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Volume
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, check_same_grid
from npsle_app.imaging.vessels.centreline import Centreline, make_centreline
from npsle_app.imaging.vessels.planes import RAY_STEP_MM, box_of_points, sample_rays

skimage = lazy_loader.load("skimage")


_SCALES_MM = (0.5, 0.8, 1.1, 1.5)
_FLOOR = 0.02  # vesselness of what is no vessel, so that a path may cross a gap
_MARGIN_MM = 8.0
_N_SECTORS = 6
_MIN_RISE = 1.4
_END = 4  # planes
_IS_TUBE = 0.15
_MAX_PIECES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is known of a vessel beforehand: length in mm and tortuosity, lowest and highest."""

    length_mm: tuple[float, float]
    tortuosity: tuple[float, float] = (1.0, 2.0)


EXPECTED = {
    "M1": Expectation(length_mm=(8, 30)),
    "BA": Expectation(length_mm=(15, 40)),
    "ICA": Expectation(length_mm=(6, 30), tortuosity=(1.0, 2.5)),
    "V4": Expectation(length_mm=(10, 40)),
}


def vesselness(image: nib.Nifti1Image, *, dark: bool = True) -> Volume:
    """Return how much each voxel looks like a tube's middle, 0 to 1.

    Frangi's filter (1998, doi:10.1007/BFb0056195) at 0.5 to 1.5 mm, times how dark the voxel
    is among its surroundings: fluid beside a vessel is dark too, but not as dark as its blood.
    With `dark` False bright tubes are sought, as in a time-of-flight angiogram.
    """
    data = image.get_fdata(dtype=np.float32) * (1 if dark else -1)
    voxel_mm = float(np.prod(nib.affines.voxel_sizes(image.affine)) ** (1 / 3))
    tubes = skimage.filters.frangi(
        data, sigmas=[mm / voxel_mm for mm in _SCALES_MM], black_ridges=True, alpha=0.5, beta=0.5
    )
    smooth = ndimage.gaussian_filter(data, 0.3 / voxel_mm)
    low, middle = np.percentile(smooth, [0.5, 60])
    depth = np.clip((middle - smooth) / max(float(middle - low), 1e-12), 0, 1)
    top = float(np.percentile(tubes, 99.9)) or 1.0
    found: Volume = (np.clip(tubes / top, 0, 1) * depth**2).astype(np.float32)
    return found


def find_vessel(
    image: nib.Nifti1Image,
    *,
    box: nib.Nifti1Image,
    expected: Expectation,
    dark: bool = True,
) -> Centreline:
    """Find a vessel inside a search box without landmarks.

    Parameters
    ----------
    image
        Black-blood image.
    box
        Mask on the same grid: where the vessel is expected.
    expected
        Length and tortuosity of such a vessel.
    dark
        Whether blood is black; bright tubes are sought without, and no wall around them.

    Raises
    ------
    ValueError
        If the box lies outside the image, or holds no dark tube of such a length and course;
        the message says that the vessel is not assessable.

    Notes
    -----
    The dark tubes in the box are joined to pieces; in each the two points furthest apart along
    it are the ends. The piece with the most vesselness that passes the checks wins.
    """
    check_same_grid(image, box)
    inside = box.get_fdata(dtype=np.float32) > 0
    if not inside.any():
        msg = "not assessable: its search box lies outside the field of view"
        raise ValueError(msg)
    corners = nib.affines.apply_affine(image.affine, np.argwhere(inside))
    part = cut_around_points(image, points=corners)
    room = cut_around_points(box, points=corners).get_fdata(dtype=np.float32) > 0
    tubes = vesselness(part, dark=dark)
    for piece in _pieces(tubes, room=room):
        line = _followed(tubes, piece=piece, affine=part.affine)
        if not line or not _is_as_expected(line, expected=expected):
            continue
        if not dark or is_dark_tube(part, line=line):
            return line
    kind = "dark" if dark else "bright"
    msg = (f"not assessable: no {kind} tube of {expected.length_mm[0]:.0f}-"
           f"{expected.length_mm[1]:.0f} mm in its search box")  # fmt: skip
    raise ValueError(msg)


def is_dark_tube(image: nib.Nifti1Image, *, line: Centreline) -> bool:
    """Whether along a line a dark core is bright all around: black blood within a wall.

    Rays in six sectors, averaged over 2.5 mm along the line, must rise to 1.4 times the core's
    signal within 3 mm, all sectors but one, in 70 % of the planes and half of those at an end.
    """
    rays = sample_rays(image, line=line, order=1)
    n_planes, n_rays, _ = rays.shape
    sectors = rays.reshape(n_planes, _N_SECTORS, n_rays // _N_SECTORS, -1)
    sectors = ndimage.uniform_filter1d(np.nan_to_num(sectors.mean(axis=2)), 5, axis=0)
    core = sectors[..., : int(0.3 / RAY_STEP_MM)].mean(axis=(1, 2))
    crest = sectors[..., int(0.5 / RAY_STEP_MM) : int(3 / RAY_STEP_MM)].max(axis=2)
    bright = np.sum(crest >= _MIN_RISE * core[:, None], axis=1) >= _N_SECTORS - 1
    ends = min(bright[:_END].mean(), bright[-_END:].mean())
    return bool(bright.mean() >= 0.7 and ends >= 0.5)


def cut_around_points(image: nib.Nifti1Image, *, points: Floats) -> nib.Nifti1Image:
    """Cut to the box around points, 8 mm wider where there is room."""
    return image.slicer[box_of_points(points, image=image, margin_mm=_MARGIN_MM)]


def join_tubes(
    tubes: Volume, *, places: list[tuple[int, ...]], affine: Floats
) -> Centreline | None:
    """Join voxels by the cheapest path; None where it is too short to follow."""
    cost = 1 / (_FLOOR + tubes.astype(float)) ** 2
    path: list[tuple[int, ...]] = []
    for start, end in pairwise(places):
        route, _ = skimage.graph.route_through_array(
            cost, start, end, fully_connected=True, geometric=True
        )
        path += route
    try:
        return make_centreline(nib.affines.apply_affine(affine, np.array(path)))
    except ValueError:
        return None


def _pieces(tubes: Volume, *, room: Bools) -> list[Bools]:
    """Return the connected dark tubes inside the room, those with most vesselness first."""
    labels, n = ndimage.label((tubes > _IS_TUBE) & room, structure=NEIGHBOURS_26)
    if not n:
        return []
    sums = ndimage.sum_labels(tubes, labels, np.arange(1, n + 1))
    order = np.argsort(sums)[::-1][:_MAX_PIECES]
    return [labels == k + 1 for k in order]


def _followed(tubes: Volume, *, piece: Bools, affine: Floats) -> Centreline | None:
    """Follow a piece between its two ends that lie furthest apart along it."""
    cost = np.where(piece, 1 / (_FLOOR + tubes.astype(float)) ** 2, np.inf)
    reach = np.where(piece, 1.0, np.inf)
    first = _furthest(reach, place=tuple(int(v) for v in np.argwhere(piece)[0]))
    last = _furthest(reach, place=first)
    if first == last:
        return None
    route, _ = skimage.graph.route_through_array(
        cost, first, last, fully_connected=True, geometric=True
    )
    try:
        return make_centreline(nib.affines.apply_affine(affine, np.array(route)))
    except ValueError:
        return None


def _furthest(reach: Floats, *, place: tuple[int, ...]) -> tuple[int, ...]:
    costs, _ = skimage.graph.MCP_Geometric(reach, fully_connected=True).find_costs([place])
    costs = np.where(np.isfinite(costs), costs, -1)
    return tuple(int(v) for v in np.unravel_index(np.argmax(costs), costs.shape))


def _is_as_expected(line: Centreline, *, expected: Expectation) -> bool:
    low, high = expected.length_mm
    return low <= line.length_mm <= high and line.tortuosity <= expected.tortuosity[1]
