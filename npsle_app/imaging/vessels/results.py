"""What is known of a vessel before and after it was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.masks import draw_masks
from npsle_app.imaging.vessels.measures import Sections, Summary
from npsle_app.imaging.vessels.planes import N_PIXELS, PLANE_MM, cut_around, sample_planes
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.records import Check, Qc

_FIX = "fix the masks or landmarks, or take them away: nothing else was tried in their place"


class Mode(StrEnum):
    """What a vessel's course and contours rest on, in order of trust."""

    MASKS = "masks"
    LANDMARKS = "landmarks"
    AUTOMATIC = "automatic"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What a reader gave for a vessel; nothing at all for one that is to be found.

    Masks are images; `line` and `landmarks` are (n, 3) points in mm, RAS. `fault` says why
    what was given, in this `mode`, cannot be used.
    """

    mode: Mode = Mode.AUTOMATIC
    lumen: nib.Nifti1Image | None = None
    outer: nib.Nifti1Image | None = None
    line: Floats | None = None
    landmarks: Sequence[tuple[float, float, float]] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredVessel:
    """A vessel that was traced; outlines are (n, 72, 2) in mm along the line's frame.

    `summary` is None where too few sections were accepted; `rejected` says of each section
    why it was not, empty if it was. `enhancement` is None where it was not measured,
    `psf_fwhm_voxels` where no point spread was fitted.
    """

    name: VesselName
    mode: Mode
    line: Centreline
    inner_mm: Floats
    outer_mm: Floats
    sections: Sections
    summary: Summary | None
    rejected: tuple[str, ...]
    checks: tuple[Check, ...]
    enhancement: float | None = None
    psf_fwhm_voxels: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostVessel:
    """A vessel that could not be traced, and why; `given` if a reader had said where it is."""

    name: VesselName
    mode: Mode
    reason: str

    @property
    def checks(self) -> tuple[Check, ...]:
        """One check; it fails where what a reader gave could not be used."""
        given = self.mode not in (Mode.AUTOMATIC, Mode.REJECTED)
        check = Check(
            name=f"{self.name.text}: measured",
            seen=self.reason,
            expected="a course inside a dark lumen with a wall around it",
            state=Qc.FAIL if given else Qc.NOT_ASSESSABLE,
            advice=_FIX if given else "give landmarks or masks with --derivatives NAME=PATH",
        )
        return (check,)


StudiedVessel = MeasuredVessel | LostVessel


def masks_of(
    image: nib.Nifti1Image, *, vessel: MeasuredVessel, guide: Guide
) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Return masks of lumen and of lumen with wall: the reader's own, or the contours drawn."""
    if guide.lumen is not None and guide.outer is not None:
        lumen, outer = (
            on_grid_of(image, np.asarray(m.dataobj) > 0) for m in (guide.lumen, guide.outer)
        )
        return lumen, outer
    return draw_masks(image, line=vessel.line, inner_mm=vessel.inner_mm, outer_mm=vessel.outer_mm)


def planes_of(image: nib.Nifti1Image, *, vessel: MeasuredVessel) -> Floats:
    """Resample the image in the planes of a vessel, (n, 121, 121) at 0.1 mm."""
    try:
        image = cut_around(image, line=vessel.line, margin_mm=PLANE_MM)
    except ValueError:  # a line that was moved to the image's edge
        return np.full((len(vessel.line.points), N_PIXELS, N_PIXELS), np.nan)
    return sample_planes(image, line=vessel.line)
