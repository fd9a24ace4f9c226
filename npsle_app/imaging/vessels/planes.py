"""Cross-sections of a vessel: planes at right angles to its centreline, and rays in them."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats
from npsle_app.boxes import Slices
from npsle_app.imaging.vessels.centreline import Centreline, straighten

PLANE_MM = 12.0
PIXEL_MM = 0.1
N_PIXELS = 121
N_RAYS = 72
RAY_STEP_MM = 0.05
RAY_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Voxels:
    """The voxels around a vessel, in the straightened vessel's coordinates; each (n,)."""

    signal: Floats
    along_mm: Floats
    first_mm: Floats
    second_mm: Floats


def ray_angles() -> Floats:
    """Angles of the rays in radians, (72,); 0 is the frame's first axis."""
    angles: Floats = np.arange(N_RAYS) * 2 * np.pi / N_RAYS
    return angles


def ray_radii(length_mm: float = RAY_MM) -> Floats:
    """Distances of the samples from the centreline in mm."""
    radii: Floats = np.arange(0, length_mm + RAY_STEP_MM / 2, RAY_STEP_MM, dtype=float)
    return radii


def cut_around(image: nib.Nifti1Image, *, line: Centreline, margin_mm: float) -> nib.Nifti1Image:
    """Cut the image to the box around a centreline, wider by a margin where there is room.

    Raises
    ------
    ValueError
        If a point of the centreline lies outside the image.
    """
    voxels = to_voxels(line.points, affine=image.affine)
    if np.any(voxels < -0.5) or np.any(voxels > np.array(image.shape[:3]) - 0.5):
        msg = "the vessel leaves the image's field of view"
        raise ValueError(msg)
    return image.slicer[box_of_points(line.points, image=image, margin_mm=margin_mm)]


def box_of_points(points: Floats, *, image: nib.Nifti1Image, margin_mm: float) -> Slices:
    """Return the box of voxels around points in mm, RAS, wider by a margin where there is room.

    Where all of it lies outside the image, a slice ends before it starts.
    """
    voxels = to_voxels(points, affine=image.affine)
    margin = margin_mm / nib.affines.voxel_sizes(image.affine)
    low = np.maximum(np.floor(voxels.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(voxels.max(axis=0) + margin) + 1, image.shape[:3]).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def to_voxels(points: Floats, *, affine: Floats) -> Floats:
    """Turn points in mm, RAS, into voxel coordinates."""
    voxels: Floats = nib.affines.apply_affine(np.linalg.inv(affine), points)
    return voxels


def sample_rays(image: nib.Nifti1Image, *, line: Centreline, order: int = 3) -> Floats:
    """Resample the image along rays in each plane, (n planes, 72, 121); NaN outside."""
    angles, radii = ray_angles(), ray_radii()
    first = radii[None, :] * np.cos(angles)[:, None]
    second = radii[None, :] * np.sin(angles)[:, None]
    return _sampled(image, line=line, first=first, second=second, order=order)


def sample_planes(image: nib.Nifti1Image, *, line: Centreline, order: int = 3) -> Floats:
    """Resample the image in each plane, (n planes, 121, 121) by first and second axis."""
    axis = np.arange(-PLANE_MM / 2, PLANE_MM / 2 + PIXEL_MM / 2, PIXEL_MM)
    first, second = np.meshgrid(axis, axis, indexing="ij")
    return _sampled(image, line=line, first=first, second=second, order=order)


def _sampled(
    image: nib.Nifti1Image, *, line: Centreline, first: Floats, second: Floats, order: int
) -> Floats:
    data = image.get_fdata(dtype=np.float32)
    data = ndimage.spline_filter(data, order=order, output=np.float32) if order > 1 else data
    made = np.empty((len(line.points), *first.shape))
    for k, point in enumerate(line.points):
        places = point + first[..., None] * line.first[k] + second[..., None] * line.second[k]
        at = np.moveaxis(to_voxels(places, affine=image.affine), -1, 0)
        made[k] = ndimage.map_coordinates(
            data, at, order=order, mode="constant", cval=np.nan, prefilter=False
        )
    return made


def voxels_around(image: nib.Nifti1Image, *, line: Centreline, reach_mm: float) -> Voxels:
    """Return the voxels within `reach_mm` of a centreline, as they were acquired."""
    data = image.get_fdata(dtype=np.float32)
    points = nib.affines.apply_affine(image.affine, np.argwhere(np.isfinite(data)))
    box = np.all((points > line.points.min(axis=0) - reach_mm)
                 & (points < line.points.max(axis=0) + reach_mm), axis=1)  # fmt: skip
    along, first, second = straighten(points[box], line=line)
    near = np.isfinite(along) & (np.hypot(first, second) <= reach_mm)
    return Voxels(
        signal=data[np.isfinite(data)][box][near].astype(float),
        along_mm=along[near],
        first_mm=first[near],
        second_mm=second[near],
    )
