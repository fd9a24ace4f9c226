"""Intervals of a vessel's areas and wall, honest below the blur."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from npsle_app.arrays import MAD_TO_SD, Z95, Floats

_MIN_JUMPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def area_limits(area: ArrayLike, *, log_radius_sd: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % interval of an area, by the SD of its radius's logarithm."""
    factor = np.exp(2 * Z95 * np.asarray(log_radius_sd))
    return np.asarray(area) / factor, np.asarray(area) * factor


def nwi_limits(nwi: ArrayLike, *, log_ratio_sd: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % interval of NWI; they stay between 0 and 1.

    Examples
    --------
    A wall that is known well, and one that may be of any thinness.

    >>> low, high = nwi_limits(np.array([0.5, 0.5]), log_ratio_sd=np.array([0.01, 0.3]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.49, 0.0], [0.51, 0.64])
    """
    ratio = 1 / np.sqrt(1 - np.asarray(nwi)) - 1
    low, high = thickness_limits(ratio, log_sd=log_ratio_sd)
    return 1 - 1 / (1 + low) ** 2, 1 - 1 / (1 + high) ** 2


def thickness_limits(wall: ArrayLike, *, log_sd: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % interval of a wall's thickness, or of its ratio to the radius.

    Below the blur an image shows the wall's area and, in the width of the ring, its thickness
    squared beside twelve times the blur's square. So errors are even on the scale of the square:
    towards thin walls they reach far, and down to nothing where the two cannot be told apart.
    Towards thick ones the interval is that of the thickness itself, which is wider.
    """
    step = Z95 * np.asarray(log_sd)
    low = np.asarray(wall) * np.sqrt(np.maximum(1 - 2 * step, 0))
    return low, np.asarray(wall) * (1 + step)


def with_scatter(sd: Floats, *, values: Floats, lag: int) -> Floats:
    """Add to the fit's SDs what sections scatter beyond them.

    Parameters
    ----------
    sd, values
        (n,) of the sections in their order; NaN where there is none.
    lag
        How many sections on no voxel is shared.

    Returns
    -------
    (n,) array
        `sd` itself where there are fewer than eight pairs of sections, or they scatter less.
    """
    jumps = np.abs(values[lag:] - values[:-lag])
    jumps = jumps[np.isfinite(jumps)]
    if len(jumps) < _MIN_JUMPS:
        return sd
    seen = MAD_TO_SD * float(np.median(jumps)) / np.sqrt(2)
    fitted = float(np.median(sd[np.isfinite(values)]))
    added: Floats = np.sqrt(sd**2 + max(seen**2 - fitted**2, 0.0))
    return added


def mean_sd(values: Floats, *, sd: Floats, shared: float) -> float:
    """SD of the mean over sections that share voxels with their neighbours."""
    n = len(values)
    fitted = float(np.sqrt(np.mean(sd**2) * shared / n))
    lag = max(round(shared), 1)
    if n < 4 + lag:
        return fitted
    jumps = values[lag:] - values[:-lag]
    seen = float(np.sqrt(np.mean(jumps**2) / 2 * shared / n))
    return max(fitted, seen)
