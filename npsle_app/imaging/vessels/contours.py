"""Closed contours of lumen and outer wall by dynamic programming on rays."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Ints

MIN_WALL_MM = 0.25
_BLUR_MM = 0.15
_MIN_RADIUS_MM = 0.35
_MAX_WALL_MM = 2.5
_LOOK_MM = 1.5  # how far behind the wall its outside is looked for
_ACROSS = 4.0  # price of a path through what lies on the other side of an edge
_FOLLOW = 2.0  # price per mm of leaving the neighbouring planes
_ALONG_SIGMA = 1.5  # planes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contours:
    """Radii of both contours in mm, (n planes, n rays), and how steep the edges are.

    `strength_*` is the signal's slope there as a share of the steepest usual one.
    """

    inner_mm: Floats
    outer_mm: Floats
    inner_strength: Floats
    outer_strength: Floats


def find_contours(rays: Floats, *, step_mm: float) -> Contours:
    """Find lumen and outer wall of a black-blood vessel on rays from inside its lumen.

    Parameters
    ----------
    rays
        (n planes, n rays, n samples) signal; samples that are NaN lie outside the image and
        are taken as the last one inside.
    step_mm
        Distance of the samples.

    Notes
    -----
    The inner contour is the steepest rise before anything bright, the outer the steepest fall
    behind it. Neighbouring rays differ by one sample at most, the contours close, and a second
    pass holds each plane to its neighbours.
    """
    signal = _filled(rays)
    slope = ndimage.gaussian_filter1d(signal, _BLUR_MM / step_mm, axis=2, order=1) / step_mm
    slope /= max(float(np.percentile(np.abs(slope), 99)), 1e-12)
    inner = _twice(_inner_cost(signal, slope=slope, step_mm=step_mm), step_mm=step_mm)
    outer = _twice(_outer_cost(signal, slope=slope, inner=inner, step_mm=step_mm), step_mm=step_mm)
    return Contours(
        inner_mm=_refined(slope, at=inner) * step_mm,
        outer_mm=_refined(-slope, at=outer) * step_mm,
        inner_strength=_taken(slope, at=inner),
        outer_strength=-_taken(slope, at=outer),
    )


def close_path(cost: Floats) -> Ints:
    """Return the cheapest closed path over rays, (n planes, n rays) indices of samples.

    `cost` is (n planes, n rays, n samples); a path moves by one sample at most from ray to
    ray. Each plane is solved twice: an open path twice around shows where the path crosses the
    ray opposite the seam, and a second one must start and end there.
    """
    n_planes, n_rays, _ = cost.shape
    free = _open_path(np.concatenate([cost, cost], axis=1))
    half = n_rays // 2
    anchor = free[:, half]
    turned = np.concatenate([cost[:, half:], cost[:, : half + 1]], axis=1).copy()
    every = np.arange(n_planes)
    for ray in (0, -1):
        kept = turned[every, ray, anchor].copy()
        turned[:, ray] = np.inf
        turned[every, ray, anchor] = kept
    closed = _open_path(turned)[:, :-1]
    return np.roll(closed, half, axis=1)


def _open_path(cost: Floats) -> Ints:
    n_planes, n_rays, n_samples = cost.shape
    total, came = cost[:, 0].copy(), np.zeros(cost.shape, dtype=np.int8)
    for ray in range(1, n_rays):
        wide = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        choices = np.stack([wide[:, :-2], wide[:, 1:-1], wide[:, 2:]])
        choices[[0, 2]] += 1e-6  # among equals, straight on
        best = np.argmin(choices, axis=0)
        came[:, ray] = best - 1
        total = np.take_along_axis(choices, best[None], axis=0)[0] + cost[:, ray]
    path = np.empty((n_planes, n_rays), dtype=np.intp)
    path[:, -1] = np.argmin(total, axis=1)
    every = np.arange(n_planes)
    for ray in range(n_rays - 1, 0, -1):
        path[:, ray - 1] = path[:, ray] + came[every, ray, path[:, ray]]
    return np.clip(path, 0, n_samples - 1)


def _twice(cost: Floats, *, step_mm: float) -> Ints:
    """Find paths, then again with a price on leaving the smoothed paths of the neighbours."""
    path = close_path(cost)
    if len(path) < 2:
        return path
    middle = ndimage.median_filter(path.astype(float), size=(5, 1), mode="nearest")
    middle = ndimage.gaussian_filter1d(middle, _ALONG_SIGMA, axis=0, mode="nearest")
    samples = np.arange(cost.shape[2])
    away = np.abs(samples - middle[..., None]) * step_mm
    return close_path(cost + _FOLLOW * np.minimum(away, 0.5))


def _inner_cost(signal: Floats, *, slope: Floats, step_mm: float) -> Floats:
    """Steep rises are cheap, unless something bright lies before them."""
    n_core = max(int(0.3 / step_mm), 1)
    dark = np.median(signal[:, :, :n_core], axis=(1, 2))[:, None, None]
    bright = _wall_level(signal, step_mm=step_mm)[:, None, None]
    passed = (np.maximum.accumulate(signal, axis=2) - dark) / np.maximum(bright - dark, 1e-12)
    cost: Floats = -slope + _ACROSS * np.clip(passed - 0.75, 0, 1)
    cost[:, :, : int(_MIN_RADIUS_MM / step_mm)] = 10.0
    return cost


def _wall_level(signal: Floats, *, step_mm: float) -> Floats:
    """Median over rays of the first crest of the signal, (n planes,)."""
    smooth = ndimage.gaussian_filter1d(signal, _BLUR_MM / step_mm, axis=2)
    low = np.median(smooth[:, :, : max(int(0.3 / step_mm), 1)], axis=(1, 2))
    reach = np.median(smooth.max(axis=2), axis=1)
    high = smooth > (low + 0.3 * (reach - low))[:, None, None]
    falls = np.zeros(smooth.shape, dtype=bool)
    falls[:, :, :-1] = smooth[:, :, 1:] < smooth[:, :, :-1]
    crest = high & falls
    index = np.where(crest.any(axis=2), crest.argmax(axis=2), smooth.shape[2] - 1)
    level: Floats = np.median(_taken(smooth, at=index), axis=1)
    return level


def _outer_cost(signal: Floats, *, slope: Floats, inner: Ints, step_mm: float) -> Floats:
    """Steep falls are cheap, unless the outside of the wall lies before them."""
    samples = np.arange(signal.shape[2])
    behind = samples >= inner[..., None]
    near = behind & (samples <= inner[..., None] + int(_LOOK_MM / step_mm))
    crest = np.where(near, signal, -np.inf).max(axis=2, keepdims=True)
    top = np.where(near, signal, -np.inf).argmax(axis=2)[..., None]
    after = (samples >= top) & (samples <= top + int(_LOOK_MM / step_mm))
    valley = np.where(after, signal, np.inf).min(axis=2, keepdims=True)
    level, span = (crest + valley) / 2, np.maximum(crest - valley, 1e-12)
    below = np.where(samples >= top, np.clip((level - signal) / span, 0, None), 0)
    passed = np.cumsum(below, axis=2) * step_mm / 0.15
    cost: Floats = slope + _ACROSS * np.clip(passed - 0.3, 0, 1)
    first = inner[..., None] + int(np.ceil(MIN_WALL_MM / step_mm))
    last = inner[..., None] + int(_MAX_WALL_MM / step_mm)
    cost[(samples < first) | (samples > last)] = 10.0
    return cost


def _filled(rays: Floats) -> Floats:
    missing = ~np.isfinite(rays)
    if not missing.any():
        return np.asarray(rays, dtype=float)
    index = np.where(missing, 0, np.arange(rays.shape[2]))
    filled: Floats = np.take_along_axis(rays, np.maximum.accumulate(index, axis=2), axis=2)
    return np.nan_to_num(filled)


def _taken(values: Floats, *, at: Ints) -> Floats:
    return np.take_along_axis(values, at[..., None], axis=2)[..., 0]


def _refined(slope: Floats, *, at: Ints) -> Floats:
    """Place the steepest point between the samples by a parabola, within half a sample."""
    inside = np.clip(at, 1, slope.shape[2] - 2)
    before, here, after = (_taken(slope, at=inside + k) for k in (-1, 0, 1))
    bend = 2 * here - before - after
    shift = np.where(bend > 1e-9, (after - before) / np.where(bend > 1e-9, 2 * bend, 1), 0)
    refined: Floats = inside + np.clip(shift, -0.5, 0.5)
    return refined
