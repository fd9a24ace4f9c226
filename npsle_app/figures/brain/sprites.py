"""Volumes as one picture of sagittal slices, for nilearn's viewer (brainsprite) on the page.

The grid's first axis runs to the left, so that the patient's right is on the left of axial and
coronal planes, as in all other pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt

import nibabel as nib
import numpy as np
from matplotlib.colors import to_rgb
from nibabel.processing import resample_from_to
from PIL import Image

from npsle_app.arrays import Floats, Volume
from npsle_app.figures.brain.mosaic import signal_window
from npsle_app.figures.brain.panels import bounding_box, canonical, onto, widen

Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
_MARGIN_MM = 14.0  # so that the skull is seen too
_OPAQUE = 255


@dataclass(frozen=True, slots=True)
class SpriteGrid:
    """Shape (X, Y, Z) and affine of cubes around a brain; x runs to the left."""

    shape: tuple[int, int, int]
    affine: Floats

    def sample(self, image: nib.Nifti1Image, *, order: int) -> Volume:
        """Bring a 3D image onto the grid."""
        moved = resample_from_to(image, (self.shape, self.affine), order=order)
        return np.asarray(moved.dataobj, dtype=np.float32)


def sprite_grid(image: nib.Nifti1Image, *, brain: nib.Nifti1Image, voxel_mm: float) -> SpriteGrid:
    """Lay cubes of `voxel_mm` over the brain and what is around it."""
    head = canonical(image)
    box = widen(bounding_box(onto(brain, head, order=0)), margin_mm=_MARGIN_MM, grid=head)
    steps = voxel_mm / head.voxel_mm
    low, high = np.array(box, dtype=float).T
    shape = np.maximum(np.ceil((high - low + 1) / steps), 1).astype(int)
    x, y, z = (int(size) for size in shape)
    to_head = np.diag([-steps[0], steps[1], steps[2], 1.0])
    to_head[:3, 3] = (high[0], low[1], low[2])
    return SpriteGrid((x, y, z), head.affine @ to_head)


def grey_sprite(image: nib.Nifti1Image, *, grid: SpriteGrid, brain: nib.Nifti1Image) -> Image.Image:
    """Draw an image in the grey levels of its brain."""
    data = grid.sample(canonical_image(image), order=1)
    low, high = signal_window(data, grid.sample(brain, order=0) > 0)
    shown = ((data - low) / max(high - low, 1e-6)).clip(0, 1) * _OPAQUE
    return Image.fromarray(_lay(shown.astype(np.uint8)))


def label_sprite(labels: Volume, *, colours: Mapping[int, str]) -> Image.Image:
    """Draw labels, whole numbers below 256, in their colours; all else is transparent."""
    numbers = [number for number in colours if 0 < number < _OPAQUE]
    known = np.where(np.isin(labels, numbers), labels, 0).astype(np.uint8)
    picture = Image.fromarray(_lay(known), mode="P")
    palette = np.zeros((256, 3), dtype=np.uint8)
    for number in numbers:
        palette[number] = np.round(np.array(to_rgb(colours[number])) * _OPAQUE)
    picture.putpalette(palette.tobytes())
    picture.info["transparency"] = 0
    return picture


def canonical_image(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Return the first volume of an image, without NaN and infinities, in RAS order."""
    volume = canonical(image)
    return nib.Nifti1Image(volume.data, volume.affine)


def _lay(volume: Bytes) -> Bytes:
    """Lay sagittal slices, (X, Y, Z), side by side in rows; z runs upwards in each."""
    count, width, height = volume.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    sheet = np.zeros((rows * height, columns * width), dtype=volume.dtype)
    for index, part in enumerate(volume):
        row, column = divmod(index, columns)
        place = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        sheet[place] = part.T[::-1]
    return sheet
