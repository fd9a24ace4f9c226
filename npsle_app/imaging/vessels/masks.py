"""Vessels as masks: contours drawn on the voxels, and areas measured from masks."""

import lazy_loader
import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Ints
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, check_same_grid, on_grid_of
from npsle_app.imaging.vessels.centreline import Centreline, make_centreline, straighten
from npsle_app.imaging.vessels.contours import Contours
from npsle_app.imaging.vessels.measures import Sections
from npsle_app.imaging.vessels.planes import (
    PIXEL_MM,
    RAY_STEP_MM,
    box_of_points,
    ray_radii,
    sample_planes,
    sample_rays,
)

skimage = lazy_loader.load("skimage")


_HALF = 0.5


def draw_masks(
    image: nib.Nifti1Image, *, line: Centreline, inner_mm: Floats, outer_mm: Floats
) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Draw the outlines on the image's grid: masks of lumen and of lumen with wall.

    `inner_mm` and `outer_mm` are closed outlines, (n planes, n points, 2) in mm along the
    frame's axes. A voxel belongs to the mask if its centre lies inside the outline of the
    nearest plane.
    """
    reach = float(np.abs(outer_mm).max()) * np.sqrt(2)
    box = box_of_points(line.points, image=image, margin_mm=reach)
    voxels = np.argwhere(np.ones([part.stop - part.start for part in box], dtype=bool))
    voxels += [part.start for part in box]
    points = nib.affines.apply_affine(image.affine, voxels)
    along, first, second = straighten(points, line=line)
    near = np.isfinite(along) & (np.hypot(first, second) <= reach)
    plane = np.clip(np.rint(along[near] / line.step_mm).astype(int), 0, len(line.points) - 1)
    masks = []
    for outlines in (inner_mm, outer_mm):
        mask = np.zeros(image.shape[:3], dtype=bool)
        inside = _inside(first[near], second=second[near], plane=plane, outlines=outlines)
        mask[tuple(voxels[near][inside].T)] = True
        masks.append(on_grid_of(image, mask))
    return masks[0], masks[1]


def follow_mask(lumen: nib.Nifti1Image) -> Centreline:
    """Find the centreline of a lumen mask, between its two ends furthest apart along it.

    Raises
    ------
    ValueError
        If the mask is empty or too short to follow.
    """
    inside = np.asarray(lumen.dataobj) > 0
    if not inside.any():
        msg = "the lumen mask is empty"
        raise ValueError(msg)
    labels, n = ndimage.label(inside, structure=NEIGHBOURS_26)
    inside = labels == 1 + np.argmax(np.bincount(labels.ravel(), minlength=n + 1)[1:])
    edges = nib.affines.voxel_sizes(lumen.affine)
    depth = ndimage.distance_transform_edt(inside, sampling=edges)
    deep = np.where(inside, (depth.max() / np.maximum(depth, 1e-6)) ** 2, np.inf)
    first = _furthest(inside, place=tuple(int(v) for v in np.argwhere(inside)[0]), edges=edges)
    last = _furthest(inside, place=first, edges=edges)
    route, _ = skimage.graph.route_through_array(deep, first, last, fully_connected=True)
    return make_centreline(nib.affines.apply_affine(lumen.affine, np.array(route)))


def measure_masks(
    lumen: nib.Nifti1Image, *, outer: nib.Nifti1Image, line: Centreline | None = None
) -> tuple[Centreline, Sections, Contours]:
    """Measure areas and thickness where somebody drew lumen and outer wall.

    Parameters
    ----------
    lumen, outer
        Masks on one grid: the lumen, and the lumen with its wall.
    line
        Centreline inside the lumen; without it, that of the lumen mask.

    Raises
    ------
    ValueError
        If grids differ, the lumen is empty or reaches beyond the outer wall.

    Notes
    -----
    Area is the sum over the plane of the interpolated mask, so that the voxels' steps cancel.
    Planes within one outer radius of an end are left out: the masks are cut across there.
    """
    check_same_grid(lumen, outer)
    beyond = (np.asarray(lumen.dataobj) > 0) & ~(np.asarray(outer.dataobj) > 0)
    if beyond.any():
        msg = f"{beyond.sum()} voxels of the lumen mask lie outside the outer wall's mask"
        raise ValueError(msg)
    line = line or follow_mask(lumen)
    areas = [_areas(mask, line=line) for mask in (lumen, outer)]
    inner_mm, outer_mm = (_crossings(mask, line=line) for mask in (lumen, outer))
    contours = Contours(
        inner_mm=inner_mm,
        outer_mm=outer_mm,
        inner_strength=np.ones_like(inner_mm),
        outer_strength=np.ones_like(outer_mm),
    )
    return line, _sections(line, lumen=areas[0], outer=areas[1], contours=contours), contours


def _inside(first: Floats, *, second: Floats, plane: Ints, outlines: Floats) -> Bools:
    """Whether points lie inside the outline of their plane, by its radius at their angle."""
    centres = outlines.mean(axis=1)
    away = outlines - centres[:, None]
    angles, radii = np.arctan2(away[..., 1], away[..., 0]), np.hypot(away[..., 0], away[..., 1])
    inside = np.zeros(len(first), dtype=bool)
    for k in np.unique(plane):
        here = plane == k
        u, v = first[here] - centres[k, 0], second[here] - centres[k, 1]
        limit = np.interp(np.arctan2(v, u), *_sorted(angles[k], radii[k]), period=2 * np.pi)
        inside[here] = np.hypot(u, v) < limit
    return inside


def _sorted(angles: Floats, radii: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(angles)
    return angles[order], radii[order]


def _furthest(inside: Bools, *, place: tuple[int, ...], edges: Floats) -> tuple[int, ...]:
    walk = skimage.graph.MCP_Geometric(
        np.where(inside, 1.0, np.inf), fully_connected=True, sampling=tuple(edges)
    )
    costs, _ = walk.find_costs([place])
    costs = np.where(np.isfinite(costs), costs, -1)
    return tuple(int(v) for v in np.unravel_index(np.argmax(costs), costs.shape))


def _areas(mask: nib.Nifti1Image, *, line: Centreline) -> Floats:
    """Areas in mm² of the part of each plane that hangs together with its middle."""
    soft = np.nan_to_num(sample_planes(_as_float(mask), line=line, order=1))
    middle = soft.shape[1] // 2
    areas = np.zeros(len(soft))
    for k, plane in enumerate(soft):
        labels, _ = ndimage.label(plane > 0.02)
        if labels[middle, middle]:
            areas[k] = plane[labels == labels[middle, middle]].sum() * PIXEL_MM**2
    return areas


def _crossings(mask: nib.Nifti1Image, *, line: Centreline) -> Floats:
    """Return how far each ray stays inside a mask, (n planes, 72) in mm."""
    soft = np.nan_to_num(sample_rays(_as_float(mask), line=line, order=1))
    outside = soft < _HALF
    first = np.where(outside.any(axis=2), outside.argmax(axis=2), soft.shape[2] - 1)
    before = np.maximum(first - 1, 0)
    high, low = (np.take_along_axis(soft, at[..., None], axis=2)[..., 0] for at in (before, first))
    part = np.clip((high - _HALF) / np.maximum(high - low, 1e-9), 0, 1)
    radii: Floats = ray_radii()[before] + part * RAY_STEP_MM
    return radii


def _as_float(mask: nib.Nifti1Image) -> nib.Nifti1Image:
    return on_grid_of(mask, (np.asarray(mask.dataobj) > 0).astype(np.float32))


def _sections(line: Centreline, *, lumen: Floats, outer: Floats, contours: Contours) -> Sections:
    thickness = contours.outer_mm - contours.inner_mm
    radius_mm = float(np.sqrt(np.median(outer) / np.pi))
    from_end = np.minimum(line.along_mm, line.length_mm - line.along_mm)
    known = (lumen > 0) & (outer > lumen)
    blank = np.zeros(len(lumen))
    return Sections(
        along_mm=line.along_mm,
        lumen_mm2=np.where(known, lumen, np.nan),
        outer_mm2=np.where(known, outer, np.nan),
        log_radius_sd=blank,
        log_radius_by_blur=blank,
        log_ratio_sd=blank,
        log_ratio_by_blur=blank,
        thickness_mean_mm=thickness.mean(axis=1),
        thickness_max_mm=thickness.max(axis=1),
        thickness_min_mm=thickness.min(axis=1),
        contour_lumen_mm2=lumen,
        contour_outer_mm2=outer,
        accepted=known & (from_end > radius_mm),
    )
