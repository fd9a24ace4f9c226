"""Look at each scan before any computing, so that bad input fails early and by name."""

from collections.abc import Iterator
from itertools import permutations, product

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.bids.freesurfer import folders
from npsle_app.bids.input import brain_maps, exclusions, lesion_masks
from npsle_app.bids.input.brain_map_checks import brain_map_problems
from npsle_app.bids.input.image_checks import image_findings, same_values
from npsle_app.bids.input.images import Header, read_header
from npsle_app.bids.input.problem import Problem
from npsle_app.bids.input.scans import Scan, Session
from npsle_app.bids.input.sidecars import broken_sidecars
from npsle_app.bids.vessels.guides import list_landmarks, list_rejections, rejection_fault
from npsle_app.bids.vessels.landmarks import landmark_fault
from npsle_app.measures.names_of_vessels import MAX_VOXEL_MM

__all__ = ["Problem", "check_session"]

SERIES = ("dwi",)
SLABS = ("vwi",)
_FIX = "fix the file or take it away: nothing is measured in its place"
HEADS = ("t1w", "flair")
_ROUNDED_MM = 0.01
SAME_EXTENT = 0.02
OTHER_EXTENT = 0.15


def check_session(session: Session) -> list[Problem]:
    """Check each chosen scan of a session, then T1w and FLAIR against each other.

    Reads the images whole: about 0.3 s for a head at 1 mm.

    Returns
    -------
    list of Problem
        Empty if all is well. A scan with a problem that is `refused` must not be used.
    """
    problems = [
        problem
        for kind, scan in session.scans.items()
        if kind not in (*brain_maps.KINDS, lesion_masks.KIND, folders.KIND)
        for problem in _check(kind, scan=scan)
    ]
    if folders.KIND in session.scans:
        problems += folders.table_problems(session.scans[folders.KIND], unit=session.id)
    refused = {problem.kind for problem in problems if problem.refused}
    usable = {kind: scan for kind, scan in session.scans.items() if kind not in refused}
    for kind in (kind for kind in HEADS if kind in usable):
        problems += _check_hints(kind, scan=usable[kind])
    if {"t1w", "flair"} <= usable.keys():
        problems += _check_pair(usable["t1w"], flair=usable["flair"])
    if "vwi" in usable:
        problems += _check_walls(usable["vwi"])
    if not refused & set(HEADS):
        problems += lesion_masks.given_problems(session)
    if "t1w" not in refused:
        problems += brain_map_problems(session)
    return problems


def _check(kind: str, *, scan: Scan) -> Iterator[Problem]:
    series, whole_head = kind in SERIES, kind not in SLABS
    for one in (scan, *scan.runs):
        for finding in image_findings(one.path, series=series, whole_head=whole_head):
            yield Problem(kind, one.path, finding.found, finding.advice, finding.refused)
    for one in (*scan.reverse, *scan.after_contrast, *scan.angiogram):
        either = None if series else False
        for finding in image_findings(one.path, series=either, whole_head=whole_head):
            yield Problem(kind, one.path, finding.found, finding.advice, finding.refused)
    for path in list_landmarks(scan.guides):
        if wrong := landmark_fault(path):
            yield Problem(kind, path, wrong, _FIX, refused=True)
    for path in list_rejections(scan.guides):
        if wrong := rejection_fault(path):
            yield Problem(kind, path, wrong, _FIX, refused=True)
    for path, wrong in broken_sidecars(scan.path):
        told = " ".join(wrong.split())[:200]
        advice = "fix the file; until then nothing that it says is used"
        yield Problem(kind, path, f"the sidecar cannot be read ({told})", advice, refused=False)


def _check_hints(kind: str, *, scan: Scan) -> Iterator[Problem]:
    """Tell what hints at another image than a plain one of this head, and does not prove it."""
    labels = dict(part.partition("-")[::2] for part in scan.path.name.split("_"))
    entities = {"ceagent": labels.get("ce"), "acquisition": labels.get("acq")}
    hint = exclusions.contrast_agent(entities, scan.metadata)
    if told := hint or exclusions.perhaps_contrast_agent(entities, scan.metadata):
        found = told if hint else f"it may have been taken with a contrast agent ({told})"
        yield Problem(kind, scan.path, found, "compare only like scans", refused=False)
    header = read_header(scan.path)
    if space := exclusions.standard_code(header):
        yield Problem(
            kind,
            scan.path,
            f"its header claims the space {space}",
            "check that it was not fitted to a template: volumes would be those of a template",
            refused=False,
        )


def _check_walls(vwi: Scan) -> Iterator[Problem]:
    edges = nib.affines.voxel_sizes(read_header(vwi.path).affine)
    if max(edges) > MAX_VOXEL_MM + _ROUNDED_MM:
        yield Problem(
            "vwi",
            vwi.path,
            f"its voxels are {' × '.join(f'{edge:.3g}' for edge in edges)} mm: walls of vessels "
            f"do not show above {MAX_VOXEL_MM} mm",
            "no vessel will be measured; if it is no black-blood scan, choose another with "
            "--bids-filter-file",
            refused=False,
        )


def _check_pair(t1w: Scan, *, flair: Scan) -> Iterator[Problem]:
    first, second = (read_header(scan.path) for scan in (t1w, flair))
    if same_values(t1w.path, flair.path):
        yield Problem(
            "flair",
            flair.path,
            f"it holds the same values as the T1w image {t1w.path.name}",
            "put the FLAIR scan in its place: this is a copy under another name",
            refused=True,
        )
        return
    if _axes_are_swapped(extents_mm(first), extents_mm(second)):
        told = [" × ".join(f"{mm:.0f}" for mm in extents_mm(image)) for image in (first, second)]
        yield Problem(
            "flair",
            flair.path,
            f"it covers {told[1]} mm (right, front, up), the T1w image {told[0]} mm: "
            "the same lengths on other axes",
            "check the orientation of both; one of them may have its axes swapped",
            refused=False,
        )
    if not _overlap(world_box(first), world_box(second)):
        yield Problem(
            "flair",
            flair.path,
            "by its header it lies nowhere inside the T1w image",
            "check that both are of one person; they are brought together by their centres",
            refused=False,
        )


def extents_mm(image: Header) -> Floats:
    """Return the lengths that an image covers from left to right, back to front, foot to head."""
    lengths = np.asarray(image.shape[:3]) * np.linalg.norm(image.affine[:3, :3], axis=0)
    world_axis = nib.io_orientation(image.affine)[:, 0].astype(int)
    ordered: Floats = lengths[np.argsort(world_axis)]
    return ordered


def world_box(image: Header) -> Floats:
    """Return the lowest and the highest world coordinates of an image, (2, 3) in mm."""
    corners = np.array(list(product(*((-0.5, size - 0.5) for size in image.shape[:3]))))
    places = nib.affines.apply_affine(image.affine, corners)
    return np.stack([places.min(axis=0), places.max(axis=0)])


def _overlap(first: Floats, second: Floats) -> bool:
    return bool((np.maximum(first[0], second[0]) < np.minimum(first[1], second[1])).all())


def _axes_are_swapped(first: Floats, second: Floats) -> bool:
    """Tell whether two fields of view agree on other axes and clearly not on their own."""
    if np.abs(np.log(first / second)).max() < OTHER_EXTENT:
        return False
    turned = (np.abs(np.log(first / second[list(order)])).max() for order in permutations(range(3)))
    return any(difference < SAME_EXTENT for difference in turned)
