"""What of FLAIR is bright in everybody: at this place of the template, and on the other side."""

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Ints, Mask, Volume

CELL_MM = 2.0
LOWEST_MM = (-90.0, -126.0, -72.0)  # x is symmetric about 0
CELLS = (91, 109, 91)
_SMOOTH_CELLS = 0.75
_LEAST_WEIGHT = 0.02
_WHITE = 0.5  # prior of white matter from which a voxel tells how strong the pattern is
_AMPLITUDES = (0.0, 3.0)
_OUTLIER_SD = 2.0
_ROUNDS = 5


def gather(
    image: Volume, *, template_mm: Volume, where: Mask, smooth_cells: float = _SMOOTH_CELLS
) -> tuple[Volume, Volume]:
    """Average an image in cells of 2 mm of the template.

    Parameters
    ----------
    image : (I, J, K) array
        On a person's grid.
    template_mm : (3, I, J, K) array
        Where each of its voxels lies in the template, mm, RAS.
    where : (I, J, K) array of bool
        Voxels that count.
    smooth_cells : float
        Deviation of the Gaussian that cells are smoothed by.

    Returns
    -------
    (91, 109, 91) array, (91, 109, 91) array
        Means, 0 where nothing lies near; and the number of voxels behind each.
    """
    flat = np.ravel_multi_index(tuple(_cells(template_mm[:, where])), CELLS)
    size = int(np.prod(CELLS))
    total, count = (
        ndimage.gaussian_filter(
            np.bincount(flat, weights, size).reshape(CELLS).astype(np.float32), smooth_cells
        )
        for weights in (image[where].astype(np.float64), None)
    )
    means = np.where(count > _LEAST_WEIGHT, total / np.maximum(count, _LEAST_WEIGHT), 0)
    return means.astype(np.float32), count


def look_up(cells: Volume, *, template_mm: Volume) -> Volume:
    """Interpolate cells of the template at places, a (3, …) array, mm."""
    lowest = np.reshape(LOWEST_MM, (3,) + (1,) * (template_mm.ndim - 1))
    places = (template_mm - lowest) / CELL_MM
    found: Volume = ndimage.map_coordinates(cells, places, order=1, mode="nearest")
    return found


def other_side(image: Volume, *, template_mm: Volume, brain: Mask, where: Mask) -> Volume:
    """Return the brightest that n voxels have within 2 mm of their mirrored place.

    No head is its own mirror image: what is alike on both sides need not lie at the same place.
    """
    means, _ = gather(image, template_mm=template_mm, where=brain)
    brightest = ndimage.maximum_filter(means, 3)
    return look_up(brightest[::-1], template_mm=template_mm[:, where])


def amplitude(over: Volume, *, normal: Volume, white: Volume, deviation: float) -> float:
    """Say how strong a scan shows the pattern that is bright in everybody.

    Echo and inversion times decide how far tracts and caps stand out. The slope of `over` on
    `normal` through 0, over voxels where the template expects white matter; what lies over two
    deviations beside it (lesions) counts as if it lay there.

    Parameters
    ----------
    over, normal, white : (n,) array
        FLAIR less the white matter around; the same in many people; prior of white matter.
    deviation : float
        Of normal white matter.

    Returns
    -------
    float
        From 0 to 3; 1 where the template says nothing.
    """
    sure = white > _WHITE
    seen, expected = over[sure].astype(np.float64), normal[sure].astype(np.float64)
    power = float(expected @ expected)
    if not power:
        return 1.0
    slope, width = 1.0, _OUTLIER_SD * deviation
    for _ in range(_ROUNDS):
        fitted = slope * expected
        slope = float(expected @ (fitted + np.clip(seen - fitted, -width, width))) / power
    return float(np.clip(slope, *_AMPLITUDES))


def _cells(template_mm: Volume) -> Ints:
    index = np.rint((template_mm - np.reshape(LOWEST_MM, (3, 1))) / CELL_MM).astype(np.int64)
    clipped: Ints = np.clip(index, 0, np.reshape(CELLS, (3, 1)) - 1)
    return clipped
