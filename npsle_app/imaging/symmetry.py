"""The plane in which a head is its own mirror image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from npsle_app.imaging.tissue_model import Volume

_STEP = 4  # voxels between the points that are compared
_SIGMA = 3.0  # voxels
_REACH = ((-0.5, 0.5), (-0.5, 0.5), (-4.0, 4.0))  # radians, radians, steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A reflection: point → matrix @ point + offset, in voxels."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    def reflect(self, image: Volume) -> Volume:
        """Return the mirrored image; 0 where its other side lies outside the array."""
        found: Volume = ndimage.affine_transform(
            image, self.matrix, self.offset, order=1, mode="constant"
        ).astype(np.float32)
        return found


def find_mirror(image: Volume) -> Mirror:
    """Find the plane in which an image of a head is most like its mirror image.

    Parameters
    ----------
    image : (I, J, K) array
        On cubes, smooth and nearly symmetric, 0 outside the head; a template's prior brought
        to the head will do. Any axis may be left-right, tilted by up to half a radian.

    Returns
    -------
    Mirror
        Swaps left and right. For an empty image it swaps the ends of the first axis.
    """
    smooth = ndimage.gaussian_filter(image.astype(np.float32), _SIGMA, truncate=3)
    few = smooth[(slice(None, None, _STEP),) * 3]
    if not few.any():
        return _mirror(np.zeros(3), middle=(np.array(image.shape) - 1) / 2, axis=0, scale=1)
    middle = np.array(ndimage.center_of_mass(few))
    found = [(*_best_plane(few, middle=middle, axis=axis), axis) for axis in range(3)]
    _, plane, axis = min(found, key=lambda item: item[0])
    return _mirror(plane, middle=middle * _STEP, axis=axis, scale=_STEP)


def _best_plane(
    image: Volume, *, middle: NDArray[np.float64], axis: int
) -> tuple[float, NDArray[np.float64]]:
    found = optimize.minimize(
        _unlikeness,
        np.zeros(3),
        args=(image, middle, axis),
        method="Powell",
        bounds=_REACH,
        options={"xtol": 1e-3, "ftol": 1e-6},
    )
    return float(found.fun), found.x


def _unlikeness(
    plane: NDArray[np.float64], image: Volume, middle: NDArray[np.float64], axis: int
) -> float:
    mirror = _mirror(plane, middle=middle, axis=axis, scale=1)
    return float(np.square(mirror.reflect(image) - image).mean())


def _mirror(
    plane: NDArray[np.float64], *, middle: NDArray[np.float64], axis: int, scale: int
) -> Mirror:
    """Reflect in a plane of two tilts (radians) and a shift from the middle along its normal."""
    normal = np.insert(np.tan(plane[:2]), axis, 1.0)
    normal /= np.linalg.norm(normal)
    point = middle + scale * plane[2] * normal
    return Mirror(
        matrix=np.eye(3) - 2 * np.outer(normal, normal), offset=2 * (normal @ point) * normal
    )
