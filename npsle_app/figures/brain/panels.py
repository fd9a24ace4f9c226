"""Which slices a figure shows, and where each pixel of a panel lies in the volume.

All panels are in radiological convention: the patient's right is on the left of axial and
coronal panels; sagittal panels face left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy.ndimage import map_coordinates

from npsle_app import boxes
from npsle_app.arrays import Bools, Floats, Volume

SAGITTAL, CORONAL, AXIAL = 0, 1, 2
WIDTH_PX = 1300
HEADER_PX = 26  # for the legend above the panels
Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class RasImage:
    """A 3D image as an array whose axes run to the right, to the front and up."""

    data: Volume
    affine: Floats

    @property
    def voxel_mm(self) -> Floats:
        """Edge lengths of a voxel in mm."""
        sizes: Floats = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One slice in the mosaic; `step` is in voxels per pixel, `corner` is (left, top)."""

    axis: int
    index: int
    low: tuple[int, int]
    high: tuple[int, int]
    step: tuple[float, float]
    size: tuple[int, int]
    corner: tuple[int, int]

    def cut(self, data: Volume) -> Volume:
        """Return the slice that the panel shows, cropped, both axes still ascending."""
        (u_low, v_low), (u_high, v_high) = self.low, self.high
        across = data.swapaxes(0, self.axis)[self.index]  # a view: take() would copy the volume
        across = across.T if self.axis == AXIAL else across
        cut: Volume = across[u_low : u_high + 1, v_low : v_high + 1]
        return cut

    def sample(self, data: Volume, *, order: int) -> Volume:
        """Return the panel's pixels, (height, width): both axes turned, as seen from the feet."""
        width, height = self.size
        u = self.high[0] - self.low[0] + 0.5 - (np.arange(width) + 0.5) * self.step[0]
        v = self.high[1] - self.low[1] + 0.5 - (np.arange(height) + 0.5) * self.step[1]
        where = np.meshgrid(u, v)
        pixels: Volume = map_coordinates(
            self.cut(data), where, order=order, mode="nearest", prefilter=False
        )
        return pixels

    def place(self, points: Floats) -> Floats:
        """Turn (n, 2) voxel coordinates of the cut slice into (x, y) pixels of the mosaic."""
        top = np.subtract(self.high, self.low) + 0.5
        placed: Floats = np.add(self.corner, (top - points) / self.step)
        return placed

    @property
    def region(self) -> tuple[slice, slice]:
        """Rows and columns of the mosaic that the panel covers."""
        (left, top), (width, height) = self.corner, self.size
        return slice(top, top + height), slice(left, left + width)


def canonical(image: nib.Nifti1Image) -> RasImage:
    """Turn an image of any orientation; infinities and NaN become 0.

    A fourth dimension is reduced to its first volume. Oblique images are not resampled:
    their slices are shown as acquired.
    """
    turned = nib.as_closest_canonical(image)
    data = np.asarray(turned.dataobj, dtype=np.float32)
    data = data.reshape(*data.shape[:3], -1)[..., 0]
    return RasImage(np.nan_to_num(data, nan=0, posinf=0, neginf=0), turned.affine)


def onto(image: nib.Nifti1Image, grid: RasImage, *, order: int) -> Volume:
    """Bring an image onto the grid of another; resample it only if its grid differs."""
    volume = canonical(image)
    same = volume.data.shape == grid.data.shape
    if same and np.allclose(volume.affine, grid.affine, atol=1e-3):
        return volume.data
    moved = resample_from_to(
        nib.Nifti1Image(volume.data, volume.affine), (grid.data.shape, grid.affine), order=order
    )
    return np.asarray(moved.dataobj, dtype=np.float32)


def bounding_box(mask: Volume | Bools) -> Box:
    """First and last index of what is not zero, per axis; the whole array if nothing is."""
    filled = mask > 0
    if not filled.any():
        filled = np.ones(mask.shape, dtype=bool)
    i, j, k = ((part.start, part.stop - 1) for part in boxes.bounding_box(filled))
    return i, j, k


def widen(box: Box, *, margin_mm: float, grid: RasImage) -> Box:
    """Grow a box on all sides, as far as the image goes."""
    ends = []
    for (low, high), step, size in zip(box, grid.voxel_mm, grid.data.shape, strict=True):
        more = round(margin_mm / step)
        ends.append((max(low - more, 0), min(high + more, size - 1)))
    return ends[0], ends[1], ends[2]


def spread(ends: tuple[int, int], *, count: int) -> list[int]:
    """Slices evenly spread between two ends, both left out; fewer if there are not as many."""
    low, high = ends
    if high - low + 1 <= count:
        return list(range(low, high + 1))
    return [round(place) for place in np.linspace(low, high, count + 2)[1:-1]]


def spread_over(area: Floats, ends: tuple[int, int], *, count: int) -> list[int]:
    """Slices evenly spread, each moved to the fullest of its neighbours.

    `area` holds one number per slice, such as that of its lesion voxels.
    """
    edges = np.linspace(ends[0], ends[1] + 1, min(count, ends[1] - ends[0] + 1) + 1).round()
    chosen = []
    for low, high in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        part = area[low:high]
        chosen.append(int(low + part.argmax()) if part.any() else int((low + high - 1) // 2))
    return chosen


def lay_out(
    rows: Iterable[tuple[int, Sequence[int]]], *, box: Box, grid: RasImage, columns: int, top: int
) -> list[Panel]:
    """Arrange slices in rows of `columns` panels each, from the pixel row `top` downwards.

    Each of `rows` is an axis and the slices along it; more slices than columns wrap. Panels
    keep the proportions of the body whatever the voxel size.
    """
    panels: list[Panel] = []
    for axis, slices in rows:
        for start in range(0, len(slices), columns):
            row = [
                _panel(axis, index, box=box, grid=grid, columns=columns, corner=(left, top))
                for index, left in zip(
                    slices[start : start + columns], _lefts(columns), strict=False
                )
            ]
            panels += row
            top += row[0].size[1]
    return panels


def bottom(panels: Sequence[Panel]) -> int:
    """First pixel row below all panels."""
    return max(panel.corner[1] + panel.size[1] for panel in panels)


def position_mm(panel: Panel, grid: RasImage) -> float:
    """Where the panel's slice lies, along its axis, at the centre of the image."""
    centre = (np.array(grid.data.shape) - 1) / 2
    centre[panel.axis] = panel.index
    return float((grid.affine @ [*centre, 1])[panel.axis])


def _lefts(columns: int) -> list[int]:
    return [round(column * WIDTH_PX / columns) for column in range(columns)]


def _panel(
    axis: int, index: int, *, box: Box, grid: RasImage, columns: int, corner: tuple[int, int]
) -> Panel:
    u, v = (other for other in range(3) if other != axis)
    u_mm, v_mm = (float(grid.voxel_mm[which]) for which in (u, v))
    wide_mm, tall_mm = ((box[w][1] - box[w][0] + 1) * grid.voxel_mm[w] for w in (u, v))
    width = WIDTH_PX // columns
    mm_per_px = max(wide_mm / width, tall_mm / (1.6 * width))
    height = max(round(tall_mm / mm_per_px), 1)
    width = max(min(width, round(wide_mm / mm_per_px)), 1)
    return Panel(
        axis=axis,
        index=index,
        low=(box[u][0], box[v][0]),
        high=(box[u][1], box[v][1]),
        step=(mm_per_px / u_mm, mm_per_px / v_mm),
        size=(width, height),
        corner=corner,
    )
