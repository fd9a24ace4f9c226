"""Boxes of voxels around what is marked in an array."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from npsle_app.arrays import Mask

Slices = tuple[slice, ...]


def bounding_box(mask: Mask) -> Slices:
    """Return the smallest box that holds all of a mask.

    Raises
    ------
    ValueError
        If the mask is empty.

    Examples
    --------
    >>> bounding_box(np.array([[False, False, False], [False, True, True]]))
    (slice(1, 2, None), slice(1, 3, None))
    """
    boxes: list[Slices] = ndimage.find_objects(mask.astype(np.uint8))
    if not boxes:
        msg = "the mask is empty: there is nothing to cut out"
        raise ValueError(msg)
    return boxes[0]


def grown(box: Slices, *, margin: ArrayLike, shape: Sequence[int]) -> Slices:
    """Widen a box by a margin, of all axes or of each, as far as the array goes.

    Examples
    --------
    >>> grown((slice(1, 2), slice(4, 6)), margin=(2, 1), shape=(9, 6))
    (slice(0, 4, None), slice(3, 6, None))
    """
    margins: NDArray[np.intp] = np.broadcast_to(np.asarray(margin, dtype=np.intp), len(box))
    return tuple(
        slice(max(part.start - int(more), 0), min(part.stop + int(more), size))
        for part, more, size in zip(box, margins, shape, strict=True)
    )
