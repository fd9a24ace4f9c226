"""The grid of 1 mm cubes on which lesions are looked for, whatever the scan's voxels."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume

_LEAST_WEIGHT = 0.01
_NOWHERE = np.zeros(3)
_SAME = 1e-3  # relative deviation of a voxel's edge from 1 mm that is none


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkGrid:
    """1 mm cubes over the same space as a scan's voxels, both with the same middle.

    Attributes
    ----------
    shape : tuple of int
        Voxels of the scan.
    voxel_sizes_mm : (3,) array
        Their edges. The axes keep their order and direction.
    """

    shape: tuple[int, ...]
    voxel_sizes_mm: Floats

    @property
    def is_native(self) -> bool:
        """Whether the scan has 1 mm cubes itself; nothing is resampled then."""
        return bool(np.all(np.abs(self.voxel_sizes_mm - 1) < _SAME))

    @property
    def work_shape(self) -> tuple[int, ...]:
        """Number of cubes along each axis."""
        if self.is_native:
            return self.shape
        sizes = np.array(self.shape) * self.voxel_sizes_mm
        return tuple(int(n) for n in np.ceil(np.round(sizes, 6)))

    def enter(self, image: Volume) -> Volume:
        """Interpolate linearly; finer voxels are averaged first."""
        if self.is_native:
            return np.asarray(image, dtype=np.float32)
        # a box of 1 mm has the deviation 1/√12 mm
        width = np.sqrt(np.maximum(1 - self.voxel_sizes_mm**2, 0) / 12) / self.voxel_sizes_mm
        smooth = ndimage.gaussian_filter(np.asarray(image, dtype=np.float32), width)
        return _stretch(smooth, step=1 / self.voxel_sizes_mm, shape=self.work_shape)

    def enter_mask(self, mask: Mask) -> Mask:
        """Keep what lies inside by half or more."""
        inside: Mask = self.enter(mask.astype(np.float32)) >= 0.5
        return inside

    def enter_inside(self, image: Volume, *, mask: Mask) -> Volume:
        """Interpolate between the voxels of a mask alone; 0 where none of them is near."""
        if self.is_native:
            return self.enter(image)
        weight = self.enter(mask.astype(np.float32))
        total = self.enter(np.where(mask, image, np.float32(0)))
        known = weight > _LEAST_WEIGHT
        inside: Volume = np.where(known, total / np.maximum(weight, _LEAST_WEIGHT), 0)
        return inside.astype(np.float32)

    def leave(self, image: Volume) -> Volume:
        """Bring a map back to the scan's voxels; coarser ones take the median of their parts.

        A coarse voxel is then above a threshold where half of it is, so that cutting the map
        gives the same volume on any grid; a mean would give it where a fifth is at 0.2.
        """
        if self.is_native:
            return image
        parts = [
            _stretch(image, step=self.voxel_sizes_mm, shape=self.shape, shift_mm=np.array(shift))
            for shift in product(*(_parts(size) for size in self.voxel_sizes_mm))
        ]
        median: Volume = np.median(parts, axis=0).astype(np.float32) if parts[1:] else parts[0]
        return median


def _parts(size_mm: float) -> Floats:
    """Middles of the parts, of 1 mm at most, that a voxel's edge is cut into, from its middle.

    Their number is odd: the median of an even number lies between two of them.
    """
    count = int(np.ceil(size_mm - _SAME)) // 2 * 2 + 1
    middles: Floats = size_mm * ((np.arange(count) + 0.5) / count - 0.5)
    return middles


def _stretch(
    image: Volume,
    *,
    step: Floats,
    shape: tuple[int, ...],
    shift_mm: Floats = _NOWHERE,
) -> Volume:
    """Sample every `step` voxels around the middle; the border goes on beyond the edge."""
    middle_in, middle_out = (np.array(image.shape) - 1) / 2, (np.array(shape) - 1) / 2
    found = ndimage.affine_transform(
        image,
        np.diag(step),
        middle_in - step * middle_out + shift_mm,
        output_shape=shape,
        order=1,
        mode="nearest",
    )
    return np.asarray(found, dtype=np.float32)
