"""Slices of images as PNG: grey or coloured, and what is drawn on them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, get_args

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from npsle_app.arrays import Floats, Ints, Mask
from npsle_app.bids.input.images import MAX_VOXELS, read_header
from npsle_app.bids.output.names import ALPS_REGIONS, TISSUES
from npsle_app.bids.output.reader import read_image

Plane = Literal["sagittal", "coronal", "axial"]
PLANES: tuple[Plane, ...] = get_args(Plane)
Rgba = tuple[int, int, int, int]

FOUND: Rgba = (255, 196, 61, 110)
KEPT: Rgba = (105, 240, 174, 110)
REJECTED: Rgba = (255, 82, 82, 130)
CURRENT: Rgba = (64, 196, 255, 120)
_WINDOW = (1.0, 99.9)  # percentiles of what is not 0
_GOLDEN = 0.618033988749895  # of a turn: neighbouring labels get colours far apart
_KEPT_VOLUMES = 8
_DIMENSIONS = 3
_CROSS = ndimage.generate_binary_structure(2, 1)
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """An image turned to RAS: x to the right, y to the front, z up. (I, J, K), or + (3,) for RGB.

    `affine` takes its voxels to mm; `sizes_mm` are the edges of a voxel; `window` are the values
    shown black and white.
    """

    data: NDArray[Any]
    affine: Floats
    sizes_mm: tuple[float, float, float]
    window: tuple[float, float] = (0.0, 1.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many voxels it has along x, y and z."""
        i, j, k = self.data.shape[:3]
        return i, j, k

    def voxel_at(self, point_mm: tuple[float, float, float]) -> tuple[int, int, int]:
        """Return the voxel that holds a point, or the nearest to it."""
        place = np.rint(np.linalg.inv(self.affine) @ (*point_mm, 1.0))[:3]
        i, j, k = (
            int(np.clip(one, 0, size - 1)) for one, size in zip(place, self.shape, strict=True)
        )
        return i, j, k


def open_picture(path: Path) -> Picture:
    """Open an image as RAS; the last ones are kept in memory as long as their files stay so.

    Raises
    ------
    ValueError
        If it is too large to be shown, or no volume.
    """
    state = path.stat()
    return _open(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=_KEPT_VOLUMES)
def _open(path: Path, *_state: int) -> Picture:
    header = read_header(path)
    if int(np.prod(header.shape)) > MAX_VOXELS:
        msg = f"{path.name} is too large to be shown: {header.shape}"
        raise ValueError(msg)
    image = read_image(path)
    data = np.asarray(image.dataobj)
    if data.dtype.names:  # RGB as NIfTI stores it
        data = np.stack([data[name] for name in data.dtype.names], axis=-1)
    if data.ndim > _DIMENSIONS and data.shape[-1] != _COLOURS:
        data = data[..., 0]
    if data.dtype == np.float64:
        data = data.astype(np.float32)
    picture = turn(data, affine=image.affine)
    return picture if data.ndim > _DIMENSIONS else replace(picture, window=_window(data))


def _window(data: NDArray[Any]) -> tuple[float, float]:
    values = np.asarray(data[::2, ::2, ::2], dtype=np.float32)
    seen = values[np.isfinite(values) & (values != 0)]
    low, high = np.percentile(seen, _WINDOW) if seen.size else (0.0, 1.0)
    return float(min(low, 0.0)), float(high)


def turn(data: NDArray[Any], *, affine: Floats) -> Picture:
    """Turn an array to RAS by swapping and flipping axes alone."""
    orientation = nib.io_orientation(affine)
    turned = apply_orientation(data, orientation)
    to_old = nib.orientations.inv_ornt_aff(orientation, data.shape[:3])
    placed = affine @ to_old
    x, y, z = (float(size) for size in nib.affines.voxel_sizes(placed))
    return Picture(turned, placed, (x, y, z))


def cut(data: NDArray[Any], *, plane: Plane, index: int) -> NDArray[Any]:
    """Cut a slice of a RAS array as radiologists look at it: the person's right is on the left.

    Raises
    ------
    IndexError
        If there is no such slice.
    """
    axis = PLANES.index(plane)
    if not 0 <= index < data.shape[axis]:
        msg = f"there is no slice {index} of {data.shape[axis]}"
        raise IndexError(msg)
    piece = np.moveaxis(data.take(index, axis=axis), 1, 0)[::-1]  # rows go down from the top
    return piece if plane == "sagittal" else piece[:, ::-1]


def paint_base(picture: Picture, *, plane: Plane, index: int) -> bytes:
    """Render a slice of an image as PNG."""
    piece = cut(picture.data, plane=plane, index=index)
    if picture.data.ndim > _DIMENSIONS:
        return _png(Image.fromarray(_to_bytes(piece), mode="RGB"))
    low, high = picture.window
    scaled = (piece.astype(np.float32) - low) / max(high - low, 1e-9)
    grey = (255 * np.clip(np.nan_to_num(scaled), 0, 1)).astype(np.uint8)
    return _png(Image.fromarray(grey))


def _to_bytes(piece: NDArray[Any]) -> NDArray[np.uint8]:
    if piece.dtype == np.uint8:
        return np.ascontiguousarray(piece.astype(np.uint8))
    return np.ascontiguousarray((255 * np.clip(piece.astype(np.float32), 0, 1)).astype(np.uint8))


def paint_labels(
    labels: NDArray[Any],
    *,
    plane: Plane,
    index: int,
    colours: Mapping[int, Rgba],
    ringed: bool = False,
) -> bytes:
    """Render a slice of labels as PNG with transparency.

    Parameters
    ----------
    labels : (I, J, K) array of int
        RAS.
    colours
        By label; what has none is not drawn.
    ringed
        Draw a ring around each, so that the image shows what is inside; else a wash inside, full
        at the edge.
    """
    piece = cut(labels, plane=plane, index=index).astype(np.intp)
    table = np.zeros((max([int(piece.max(initial=0)), *colours]) + 1, 4), dtype=np.uint8)
    for label, colour in colours.items():
        table[label] = colour
    if ringed:
        around = ndimage.grey_dilation(piece, footprint=_CROSS)
        painted = table[np.where(piece == 0, around, 0)]
        painted[painted[..., 3] > 0, 3] = 255
        return _png(Image.fromarray(painted, mode="RGBA"))
    painted = table[np.clip(piece, 0, None)]
    painted[_edges(piece) & (painted[..., 3] > 0), 3] = 255
    return _png(Image.fromarray(painted, mode="RGBA"))


def _edges(piece: Ints) -> Mask:
    """Mark pixels of which one of four neighbours has another label."""
    padded = np.pad(piece, 1)
    middle = padded[1:-1, 1:-1]
    edge: Mask = np.zeros(piece.shape, dtype=bool)
    for other in (padded[2:, 1:-1], padded[:-2, 1:-1], padded[1:-1, 2:], padded[1:-1, :-2]):
        edge |= middle != other
    return edge


def colours_of(name: str, labels: NDArray[Any]) -> dict[int, Rgba]:
    """Choose the colours of an item's labels: those of its table, or far apart on the wheel."""
    tables = {"tissue": TISSUES, "alps": ALPS_REGIONS}
    if name in tables:
        return {index: _from_hex(colour) for index, _, _, colour in tables[name]}
    present = [int(one) for one in np.unique(labels) if one > 0]
    if len(present) == 1:
        return {present[0]: FOUND}
    return {label: _wheel(label * _GOLDEN % 1.0) for label in present}


def _from_hex(colour: str) -> Rgba:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue, 90


def _wheel(turn_: float) -> Rgba:
    """Return the colour at a part of a turn of the colour wheel, bright and half saturated."""
    red, green, blue = (
        int(255 * np.clip(0.65 + 0.4 * np.cos(2 * np.pi * (turn_ - third / 3)), 0, 1))
        for third in range(3)
    )
    return red, green, blue, 80


def _png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, format="PNG", compress_level=1)
    return stream.getvalue()
