"""Whether an image is where its header says, and whether that is possible for a head."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from npsle_app.arrays import Reals
from npsle_app.bids.input.images import Header
from npsle_app.bids.input.problem import Finding

MIN_VOXELS = 16
USABLE_MM = (0.1, 10.0)
USUAL_MM = (0.3, 6.0)
USUAL_EXTENT_MM = (100.0, 400.0)
ZOOM_TOLERANCE = 0.02
GROSS_SHIFT_MM, GROSS_ANGLE_DEG = 10.0, 10.0
SMALL_SHIFT_MM, SMALL_ANGLE_DEG = 1.0, 1.0
MAX_SHEAR_COSINE = 0.02

_RECONVERT = "convert the scan from DICOM again (dcm2niix)"


def geometry_findings(header: Header, *, whole_head: bool = True) -> Iterator[Finding]:
    """Check affine, sform against qform, voxel size and field of view of a readable image.

    With `whole_head` false, as of a slab through vessels, a short field of view is no fault.
    """
    affine = header.affine
    broken = list(_broken_affine(affine))
    yield from broken
    if broken:
        return
    yield from _codes(header.raw)
    yield from _voxels(
        header.shape[:3], affine=affine, zooms=header.zooms[:3], whole_head=whole_head
    )


def _broken_affine(affine: Reals) -> Iterator[Finding]:
    if not np.isfinite(affine).all():
        yield Finding("its affine has values that are not finite", _RECONVERT)
    elif abs(np.linalg.det(affine[:3, :3])) < np.finfo(np.float32).tiny:
        yield Finding("its affine is singular: an axis has no length", _RECONVERT)


def _codes(header: Any) -> Iterator[Finding]:
    sform, s_code = header.get_sform(coded=True)
    qform, q_code = header.get_qform(coded=True)
    if s_code == 0 and q_code == 0:
        yield Finding(
            "neither its sform nor its qform says where it is: left and right are a guess",
            f"{_RECONVERT}, or check the sides and set the codes",
            refused=False,
        )
    elif s_code > 0 and q_code > 0:
        yield from _disagreement(sform, qform, shape=header.get_data_shape()[:3])
    if s_code > 0 and _shear_cosine(sform) > MAX_SHEAR_COSINE:
        yield Finding(
            "the axes of its sform are not at right angles",
            "resample it to a grid with right angles; distances are off as it is",
            refused=False,
        )


def _disagreement(sform: Reals, qform: Reals, *, shape: tuple[int, ...]) -> Iterator[Finding]:
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        yield Finding(
            "its sform and its qform are mirror images: left and right are contradictory",
            f"{_RECONVERT}, or copy the right one over the other",
        )
        return
    shift, angle = shift_mm(sform, qform, shape=shape), angle_deg(sform, qform)
    gross = shift > GROSS_SHIFT_MM or angle > GROSS_ANGLE_DEG
    if gross or shift > SMALL_SHIFT_MM or angle > SMALL_ANGLE_DEG:
        yield Finding(
            f"its sform and its qform disagree by {shift:.1f} mm and {angle:.1f} degrees",
            f"{_RECONVERT}, or copy the right one over the other",
            refused=gross,
        )


def shift_mm(first: Reals, second: Reals, *, shape: tuple[int, ...]) -> float:
    """Distance between the places where two affines put the middle of a grid."""
    middle = np.append((np.asarray(shape) - 1) / 2, 1)
    return float(np.linalg.norm(((first - second) @ middle)[:3]))


def angle_deg(first: Reals, second: Reals) -> float:
    """Angle of the rotation between the axes of two affines, zooms and shear left aside.

    Examples
    --------
    >>> round(angle_deg(np.eye(4), np.diag([-2.0, -2.0, 2.0, 1.0])))
    180
    """
    turn = _rotation(first).T @ _rotation(second)
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


def _rotation(affine: Reals) -> Reals:
    """Return the orthonormal matrix next to the axes of an affine."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(axes)
    rotation: Reals = left @ right
    return rotation


def _shear_cosine(affine: Reals) -> float:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def _voxels(
    shape: tuple[int, ...],
    *,
    affine: Reals,
    zooms: tuple[float, ...],
    whole_head: bool,
) -> Iterator[Finding]:
    edges = np.linalg.norm(affine[:3, :3], axis=0).round(4)
    size = " × ".join(f"{edge:.3g}" for edge in edges) + " mm"
    if edges.min() < USABLE_MM[0] or edges.max() > USABLE_MM[1]:
        yield Finding(f"its voxels are {size}", "check the unit of its header: mm is expected")
    elif edges.min() < USUAL_MM[0] or edges.max() > USUAL_MM[1]:
        yield Finding(
            f"its voxels are {size}, outside {USUAL_MM[0]:g} to {USUAL_MM[1]:g} mm",
            "check that this is a scan of a head as it was acquired",
            refused=False,
        )
    if not np.allclose(edges, zooms, rtol=ZOOM_TOLERANCE):
        told = " × ".join(f"{zoom:.3g}" for zoom in zooms)
        yield Finding(
            f"its affine says voxels of {size}, its header {told}",
            f"{_RECONVERT}; the affine is used as it is",
            refused=False,
        )
    yield from _field_of_view(shape, edges=edges, whole_head=whole_head)


def _field_of_view(shape: tuple[int, ...], *, edges: Reals, whole_head: bool) -> Iterator[Finding]:
    if min(shape) < MIN_VOXELS:
        yield Finding(
            f"its grid is {' × '.join(map(str, shape))}, fewer than {MIN_VOXELS} voxels on an axis",
            "choose a scan of the whole head with --bids-filter-file",
        )
        return
    extents = np.asarray(shape) * edges
    if (whole_head and extents.min() < USUAL_EXTENT_MM[0]) or extents.max() > USUAL_EXTENT_MM[1]:
        yield Finding(
            f"it covers {' × '.join(f'{extent:.0f}' for extent in extents)} mm, "
            "which is no whole head",
            "check that it shows all of the brain; volumes of a part are too small",
            refused=False,
        )
