"""One cross-section of a vessel as a picture, with or without a pixel size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.vessels.contours import find_contours
from npsle_app.imaging.vessels.measures import nwi_of
from npsle_app.imaging.vessels.planes import RAY_STEP_MM, ray_angles, ray_radii

_LUMEN_MM = 1.35  # how wide a lumen is taken to be where the pixel size is not known
_ROUNDS = 3
_RISE = 0.2  # how far the signal must have risen before a fall counts as the wall's crest


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneSection:
    """Contours of a picture: (72, 2) outlines in pixels, masks, and NWI of the contours.

    Areas in mm² are None where the pixel size is not known.
    """

    inner: Floats
    outer: Floats
    lumen: Bools
    whole: Bools
    nwi: float
    lumen_mm2: float | None
    outer_mm2: float | None


def study_section(
    picture: NDArray[np.generic], *, seed: tuple[float, float], pixel_mm: float | None = None
) -> PlaneSection:
    """Find lumen and outer wall in one black-blood cross-section.

    Parameters
    ----------
    picture
        (rows, columns) signal.
    seed
        Row and column of a point inside the lumen.
    pixel_mm
        Edge of the square pixels; without it lengths are told in lumen radii, and areas in mm²
        are not.

    Raises
    ------
    ValueError
        If the picture is not two-dimensional, the seed lies outside it, or is not darker than
        what is around it.

    Notes
    -----
    Contours alone: without a known point spread no annulus can be fitted, so that thin walls
    read about 1.3 pixels of the acquisition.
    """
    data = np.asarray(picture, dtype=float)
    _check(data, seed=seed, pixel_mm=pixel_mm)
    centre, scale_mm = np.array(seed, dtype=float), pixel_mm
    if scale_mm is None:
        scale_mm = _LUMEN_MM / _lumen_pixels(data, centre=centre)
    for _ in range(_ROUNDS):
        inner_mm, outer_mm = _contours(data, centre=centre, pixel_mm=scale_mm)
        lumen = _outline(inner_mm / scale_mm, centre=centre)
        centre = _centroid(lumen)
    inner_mm, outer_mm = _contours(data, centre=centre, pixel_mm=scale_mm)
    areas = [float(np.pi * np.mean(radii**2)) for radii in (inner_mm, outer_mm)]
    return PlaneSection(
        inner=_outline(inner_mm / scale_mm, centre=centre),
        outer=_outline(outer_mm / scale_mm, centre=centre),
        lumen=_filled(inner_mm / scale_mm, centre=centre, shape=data.shape),
        whole=_filled(outer_mm / scale_mm, centre=centre, shape=data.shape),
        nwi=nwi_of(areas[0], areas[1]),
        lumen_mm2=None if pixel_mm is None else areas[0],
        outer_mm2=None if pixel_mm is None else areas[1],
    )


def _check(data: Floats, *, seed: tuple[float, float], pixel_mm: float | None) -> None:
    if data.ndim != 2 or not np.isfinite(data).all():
        msg = f"expected a picture of finite numbers by rows and columns, got {data.shape}"
        raise ValueError(msg)
    if not all(0 <= at <= n - 1 for at, n in zip(seed, data.shape, strict=True)):
        msg = f"the seed {seed} lies outside the picture of {data.shape}"
        raise ValueError(msg)
    if pixel_mm is not None and not pixel_mm > 0:
        msg = f"expected a pixel size above 0 mm, got {pixel_mm}"
        raise ValueError(msg)


def _lumen_pixels(data: Floats, *, centre: Floats) -> float:
    """Distance at which the signal, median over rays, has risen halfway to its first crest."""
    radii = np.arange(0, min(data.shape) / 2, 0.5)
    rays = _rays(ndimage.gaussian_filter(data, 1.0), centre=centre, radii=radii)
    profile = np.nanmedian(rays[:, np.isfinite(rays).any(axis=0)], axis=0)
    falls = np.flatnonzero(
        (np.diff(profile) < 0) & (profile[:-1] > profile[0] + _RISE * np.ptp(profile))
    )
    crest = profile[falls[0]] if len(falls) else profile[-1]
    if crest <= profile[0] or profile.argmin() > len(profile) / 2:
        msg = "the seed is not darker than what is around it: no black-blood lumen"
        raise ValueError(msg)
    return float(max(radii[np.argmax(profile >= (profile[0] + crest) / 2)], 1.0))


def _contours(data: Floats, *, centre: Floats, pixel_mm: float) -> tuple[Floats, Floats]:
    rays = _rays(data, centre=centre, radii=ray_radii() / pixel_mm)
    found = find_contours(rays[None], step_mm=RAY_STEP_MM)
    return found.inner_mm[0], found.outer_mm[0]


def _rays(data: Floats, *, centre: Floats, radii: Floats) -> Floats:
    towards = np.stack([np.cos(ray_angles()), np.sin(ray_angles())])
    at = centre[:, None, None] + towards[..., None] * radii
    rays: Floats = ndimage.map_coordinates(data, at, order=1, mode="constant", cval=np.nan)
    return rays


def _outline(radii: Floats, *, centre: Floats) -> Floats:
    towards = np.stack([np.cos(ray_angles()), np.sin(ray_angles())], axis=1)
    outline: Floats = centre + radii[:, None] * towards
    return outline


def _centroid(outline: Floats) -> Floats:
    """Centroid of the area inside a closed outline."""
    x, y = outline.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    both = outline + np.roll(outline, -1, axis=0)
    centroid: Floats = (both * cross[:, None]).sum(axis=0) / (3 * cross.sum())
    return centroid


def _filled(radii: Floats, *, centre: Floats, shape: tuple[int, ...]) -> Bools:
    away = np.moveaxis(np.indices(shape), 0, -1) - centre
    angles = np.arctan2(away[..., 1], away[..., 0])
    limit = np.interp(angles, ray_angles(), radii, period=2 * np.pi)
    inside: Bools = np.hypot(away[..., 0], away[..., 1]) <= limit
    return inside
