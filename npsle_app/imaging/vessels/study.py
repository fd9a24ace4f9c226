"""One vessel from what is known of it: drawn masks, landmarks, or nothing but where it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools
from npsle_app.imaging.vessels.centreline import Centreline, make_centreline
from npsle_app.imaging.vessels.checks import (
    check_floor,
    check_flow,
    check_sections,
    reasons_against,
)
from npsle_app.imaging.vessels.course import Course, lay_course
from npsle_app.imaging.vessels.drawn import study_masks
from npsle_app.imaging.vessels.place import HeadPlace, check_place, search_box
from npsle_app.imaging.vessels.results import Guide, LostVessel, MeasuredVessel, Mode, StudiedVessel
from npsle_app.imaging.vessels.search import EXPECTED, find_vessel
from npsle_app.imaging.vessels.tracing import Angiogram, find_by_angiogram, trace_landmarks
from npsle_app.imaging.vessels.trunk import trim_to_trunk
from npsle_app.imaging.vessels.wall import check_resolution, measure_vessel
from npsle_app.measures.names_of_vessels import VesselName

_APART_MM = 2.0


def study_vessels(
    image: nib.Nifti1Image,
    *,
    guides: Mapping[VesselName, Guide],
    place: HeadPlace | None,
    psf_fwhm_voxels: float,
) -> tuple[StudiedVessel, ...]:
    """Trace and measure each vessel in the best way that there is for it.

    Parameters
    ----------
    image
        Black-blood image as it was acquired.
    guides
        What is known of each vessel, by its name; an empty guide has it sought.
    place
        Where the image lies in the head; without it nothing can be sought, and sides are
        checked against each other alone.
    psf_fwhm_voxels
        Width of the scanner's point spread, in voxels.

    Returns
    -------
    tuple
        One entry per guide. A vessel that cannot be measured says why and hinders no other.
    """
    try:
        check_resolution(image)
    except ValueError as error:
        return tuple(
            LostVessel(name=name, mode=guide.mode, reason=f"not assessable: {error}")
            for name, guide in guides.items()
        )
    found = tuple(
        _study(image, name=name, guide=guide, place=place, psf_fwhm_voxels=psf_fwhm_voxels)
        for name, guide in guides.items()
    )
    return found if place else _without_swapped(found)


def _study(
    image: nib.Nifti1Image,
    *,
    name: VesselName,
    guide: Guide,
    place: HeadPlace | None,
    psf_fwhm_voxels: float,
) -> StudiedVessel:
    if guide.fault:
        return LostVessel(name=name, mode=guide.mode, reason=guide.fault)
    try:
        made = (
            _drawn(image, name=name, guide=guide)
            if guide.mode is Mode.MASKS
            else _traced(image, name=name, guide=guide, place=place, psf=psf_fwhm_voxels)
        )
        if place:
            check_place(made.line, name=name, place=place)
    except ValueError as error:
        return LostVessel(name=name, mode=guide.mode, reason=str(error))
    return made


def _drawn(image: nib.Nifti1Image, *, name: VesselName, guide: Guide) -> MeasuredVessel:
    if guide.lumen is None or guide.outer is None:
        lacking = "lumen" if guide.lumen is None else "outerwall"
        msg = f"the mask desc-{lacking} is not there: both are needed"
        raise ValueError(msg)
    line = None if guide.line is None else make_centreline(guide.line)
    found = study_masks(image, lumen=guide.lumen, outer=guide.outer, line=line)
    rejected = tuple(found.rejected)
    return MeasuredVessel(
        name=name,
        mode=Mode.MASKS,
        line=found.line,
        inner_mm=found.inner_mm,
        outer_mm=found.outer_mm,
        sections=found.sections,
        summary=found.summary,
        rejected=rejected,
        checks=(found.check(name.text), check_floor(found.summary, vessel=name.text)),
    )


def _traced(
    image: nib.Nifti1Image,
    *,
    name: VesselName,
    guide: Guide,
    place: HeadPlace | None,
    psf: float,
) -> MeasuredVessel:
    line = (
        trace_landmarks(image, landmarks=guide.landmarks)
        if guide.mode is Mode.LANDMARKS
        else _sought(image, name=name, place=place)
    )
    return _measured(lay_course(image, line=line, name=name), mode=guide.mode, psf=psf)


def _measured(course: Course, *, mode: Mode, psf: float) -> MeasuredVessel:
    vessel, name = measure_vessel(course, psf_fwhm_voxels=psf), course.name
    return MeasuredVessel(
        name=name,
        mode=mode,
        line=vessel.line,
        inner_mm=vessel.inner_mm,
        outer_mm=vessel.outer_mm,
        sections=vessel.sections,
        summary=vessel.summary,
        psf_fwhm_voxels=vessel.psf_fwhm_voxels,
        rejected=_describe_rejected(
            reasons_against(vessel.quality), accepted=vessel.sections.accepted
        ),
        checks=(
            check_sections(vessel.quality, vessel=name.text),
            check_flow(vessel.quality, vessel=name.text),
            check_floor(vessel.summary, vessel=name.text),
        ),
    )


def _sought(image: nib.Nifti1Image, *, name: VesselName, place: HeadPlace | None) -> Centreline:
    if place is None:
        msg = "not assessable: without a T1w image there is no search; give landmarks or masks"
        raise ValueError(msg)
    part, box = search_box(image, name=name, place=place)
    expected = EXPECTED[name.label]
    line = find_vessel(part, box=box, expected=expected)
    trunk = trim_to_trunk(lay_course(part, line=line, name=name), least_mm=expected.length_mm[0])
    return trunk.line


def with_angiogram(
    image: nib.Nifti1Image,
    *,
    vessels: Sequence[StudiedVessel],
    place: HeadPlace,
    angiogram: Angiogram,
    psf_fwhm_voxels: float,
) -> tuple[StudiedVessel, ...]:
    """Try once more, with an angiogram, the vessels that were sought and not found."""
    made: list[StudiedVessel] = []
    for one in vessels:
        if isinstance(one, MeasuredVessel) or one.mode is not Mode.AUTOMATIC:
            made.append(one)
            continue
        try:
            course = find_by_angiogram(image, name=one.name, place=place, angiogram=angiogram)
            made.append(_measured(course, mode=one.mode, psf=psf_fwhm_voxels))
        except ValueError as error:
            made.append(replace(one, reason=f"{one.reason}; by the angiogram: {error}"))
    return tuple(made)


def _describe_rejected(against: Mapping[str, Bools], *, accepted: Bools) -> tuple[str, ...]:
    texts = ["; ".join(text for text, bad in against.items() if bad[k])
             for k in range(len(accepted))]  # fmt: skip
    return tuple(
        "" if good else text or "end of the vessel"
        for good, text in zip(accepted, texts, strict=True)
    )


def _without_swapped(vessels: Sequence[StudiedVessel]) -> tuple[StudiedVessel, ...]:
    """Take back both of a pair whose left one does not lie to the left of the other."""
    x = {
        one.name: float(np.median(one.line.points[:, 0]))
        for one in vessels
        if isinstance(one, MeasuredVessel)
    }
    pairs = [
        (left, right)
        for left in x
        for right in x
        if left.label == right.label and (left.side, right.side) == ("left", "right")
    ]
    swapped = {name for left, right in pairs if x[right] - x[left] < _APART_MM
               for name in (left, right)}  # fmt: skip
    reason = (
        f"left and right do not lie on their sides, {_APART_MM:g} mm apart or more: are sides, or "
        "RAS and LPS, swapped?"
    )
    return tuple(
        LostVessel(name=one.name, mode=one.mode, reason=reason) if one.name in swapped else one
        for one in vessels
    )
