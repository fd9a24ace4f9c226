"""Vessels whose lumen and outer wall a reader drew: measured, and checked against the image."""

from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.space.volumes import check_same_grid, voxel_mm3
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.checks import LUMEN_MM2, MIN_ACCEPTED, NWI
from npsle_app.imaging.vessels.contours import Contours
from npsle_app.imaging.vessels.masks import measure_masks
from npsle_app.imaging.vessels.measures import Sections, Summary, summarise
from npsle_app.imaging.vessels.planes import ray_angles
from npsle_app.records import Check, Qc

_END = "end of the masks"
_MIN_SECTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedVessel:
    """What masks came to; outlines are (n, 72, 2) in mm along the line's frame."""

    line: Centreline
    inner_mm: Floats
    outer_mm: Floats
    sections: Sections
    summary: Summary | None
    rejected: tuple[str, ...]

    def check(self, vessel: str) -> Check:
        """Judge the share of sections, away from the ends, that were accepted."""
        inner = [text for text in self.rejected if text != _END]
        share = inner.count("") / len(inner) if inner else 0.0
        return Check(
            name=f"{vessel}: sections accepted",
            seen=f"{100 * share:.0f} % of {len(inner)}",
            expected=f"at least {100 * MIN_ACCEPTED:.0f} %, or the vessel is not assessable",
            state=Qc.NOT_ASSESSABLE if self.summary is None else Qc.PASS,
            advice="; ".join(sorted({text for text in inner if text})),
        )


def study_masks(
    image: nib.Nifti1Image,
    *,
    lumen: nib.Nifti1Image,
    outer: nib.Nifti1Image,
    line: Centreline | None = None,
) -> MaskedVessel:
    """Measure drawn masks that lie on the image's grid.

    Raises
    ------
    ValueError
        If grids differ, a mask is empty, the lumen reaches beyond the outer wall, or the lumen
        is not darker than the wall: blood is not black there, or the masks lie elsewhere.
    """
    check_drawn(image, lumen=lumen, outer=outer)
    line, sections, contours = measure_masks(lumen, outer=outer, line=line)
    rejected = _reasons(sections)
    accepted = np.array([not text for text in rejected])
    sections = replace(sections, accepted=accepted)
    inner = [text for text in rejected if text != _END]
    enough = accepted.sum() >= _MIN_SECTIONS and accepted.sum() >= MIN_ACCEPTED * len(inner)
    outlines = _outlines(contours)
    return MaskedVessel(
        line=line,
        inner_mm=outlines[0],
        outer_mm=outlines[1],
        sections=sections,
        summary=summarise(sections, voxel_mm=voxel_mm3(image) ** (1 / 3)) if enough else None,
        rejected=rejected,
    )


def check_drawn(image: nib.Nifti1Image, *, lumen: nib.Nifti1Image, outer: nib.Nifti1Image) -> None:
    """Raise ValueError unless masks lie on the image's grid and show a dark lumen in a wall."""
    for name, mask in (("lumen", lumen), ("outerwall", outer)):
        try:
            check_same_grid(image, mask)
        except ValueError as error:
            msg = f"the mask desc-{name} does not lie on the grid of the scan ({error})"
            raise ValueError(msg) from error
        if not np.any(np.asarray(mask.dataobj) > 0):
            msg = f"the mask desc-{name} is empty"
            raise ValueError(msg)
    data = image.get_fdata(dtype=np.float32)
    within = np.asarray(lumen.dataobj) > 0
    wall = (np.asarray(outer.dataobj) > 0) & ~within
    if not wall.any():
        msg = "the masks leave no wall between lumen and outer wall"
        raise ValueError(msg)
    blood, around = (float(np.median(data[where])) for where in (within, wall))
    if not blood < around:
        msg = (f"not assessable: the lumen (median signal {blood:.4g}) is not darker than its wall "
               f"({around:.4g}): blood is not black here, or the masks lie elsewhere")  # fmt: skip
        raise ValueError(msg)


def _reasons(sections: Sections) -> tuple[str, ...]:
    """Say of each section why it does not count; empty if it does."""
    known = np.isfinite(sections.lumen_mm2)
    lumen, nwi = (np.nan_to_num(values) for values in (sections.lumen_mm2, sections.nwi))
    tests: dict[str, Bools] = {
        _END: ~sections.accepted & known,
        "no lumen or no wall in the masks": ~known,
        "lumen area implausible": known & ~_within(lumen, LUMEN_MM2),
        "NWI implausible": known & ~_within(nwi, NWI),
    }
    tests["no lumen or no wall in the masks"] &= ~_is_end(known)
    tests[_END] |= _is_end(known) & ~known
    return tuple(
        next((text for text, bad in tests.items() if bad[k]), "") for k in range(len(known))
    )


def _is_end(known: Bools) -> Bools:
    """Whether sections lie before the first or behind the last that has both contours."""
    where = np.flatnonzero(known)
    places = np.arange(len(known))
    if not len(where):
        return np.zeros(len(known), dtype=bool)
    ends: Bools = (places < where[0]) | (places > where[-1])
    return ends


def _within(values: Floats, limits: tuple[float, float]) -> Bools:
    inside: Bools = (values > limits[0]) & (values < limits[1])
    return inside


def _outlines(contours: Contours) -> tuple[Floats, Floats]:
    towards = np.stack([np.cos(ray_angles()), np.sin(ray_angles())], axis=1)
    inner: Floats = contours.inner_mm[..., None] * towards
    outer: Floats = contours.outer_mm[..., None] * towards
    return inner, outer
