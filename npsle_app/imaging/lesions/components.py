"""How many lesions there are and how large they are."""

from contextlib import suppress

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from npsle_app.arrays import Floats, Ints, Mask
from npsle_app.imaging.space.volumes import NEIGHBOURS_26

CLASS_EDGES_MM3 = (10.0, 100.0, 1000.0)
_HULL_POINTS = 200


def label_lesions(mask: Mask) -> Ints:
    """Give each 26-connected component a number from 1, in the order of the array."""
    labels: Ints = ndimage.label(mask, NEIGHBOURS_26)[0].astype(np.intp)
    return labels


def count_by_size(volumes_mm3: Floats) -> tuple[int, ...]:
    """Count lesions below 10, from 10, from 100 and from 1000 mm³.

    Examples
    --------
    >>> count_by_size(np.array([9.0, 10.0, 99.0, 500.0, 1000.0]))
    (1, 2, 1, 1)
    """
    places = np.searchsorted(CLASS_EDGES_MM3, volumes_mm3, side="right")
    return tuple(int(n) for n in np.bincount(places, minlength=len(CLASS_EDGES_MM3) + 1))


def extent_mm(points_mm: Floats, *, voxel_mm3: float) -> float:
    """Return the largest diameter of a lesion, in mm.

    The distance between the two voxel centres furthest apart, plus the edge of a cube of one
    voxel's volume; a single voxel is as long as that edge.

    Parameters
    ----------
    points_mm : (n, 3) array
        Voxel centres in world coordinates, n ≥ 1.
    voxel_mm3 : float
        Volume of one voxel.
    """
    points = points_mm
    if len(points) > _HULL_POINTS:
        with suppress(QhullError):  # all in one plane: its few points can be compared
            points = points[ConvexHull(points).vertices]
    return float(pdist(points).max(initial=0.0) + np.cbrt(voxel_mm3))
