"""What the stage vessel_wall says of itself in its record."""

from collections.abc import Sequence

from npsle_app.bids.input.scans import Scan
from npsle_app.imaging.vessels.measures import FLOOR_VOXELS
from npsle_app.imaging.vessels.results import Mode, StudiedVessel
from npsle_app.imaging.vessels.table import reason
from npsle_app.measures.names_of_vessels import STANDARD
from npsle_app.settings import VesselWallSettings
from npsle_app.stages.participant.anat import AnatOutputs

_METHODS = (
    "Arteries were followed in black-blood images from drawn masks, from landmarks, or in search "
    "boxes of the template, which were brought over by a rigid registration to the T1w image and "
    "its warp (dark tubes by Frangi's filter at 0.5-1.5 mm, the cheapest path through them; a "
    "course found so ends where the outer wall narrows to less than 85 % of its median radius, as "
    "at a fork). In planes every 0.5 mm across the centreline, with a rotation-minimising frame, "
    "closed contours of lumen and outer wall were found on 72 rays by dynamic programming; "
    "a blurred annulus was fitted to the voxels; the width of the point spread beside the voxel's "
    "box, expected at "
    "{psf:g} voxels, was the one that explained the vessel best. "
    "NWI is Σ(OWA − LA) / Σ OWA over the sections that passed all checks; intervals (95 %) join "
    "noise with the uncertain point spread. Walls below {floor} voxels cannot be told from one "
    "another by contours, and a narrow artery has a higher NWI with the same wall. Enhancement is "
    "the wall's signal after contrast agent over that before, each over white matter's."
)
CITATIONS = (
    "mandell2017", "shi2019", "zhang2018", "samuels2000", "frangi1998", "wang2008", "scikit_image",
    "scipy",
)  # fmt: skip
_CAVEAT = (
    "NWI rises where the lumen is narrow, with the same wall: read it beside lumen and wall areas "
    "and beside the NWI adjusted for the lumen. Walls thinner than {floor:.2f} mm (1.3 voxels) "
    "rest on the model of the point spread, whose width is fitted to each artery. Compare only "
    "images of one voxel size."
)
_AUTOMATIC = "Nobody has looked at vessels of the mode automatic: see the figures before use."
_NO_T1W = (
    "There is no T1w image: no vessel was sought, and sides were checked against each other alone."
)
_NO_REFERENCE = (
    "Enhancement was not measured: without a T1w image there is no white matter to hold it against."
)
_ANGIOGRAM = (
    "The angiogram {name} is looked at for vessels that the black-blood image alone did not show."
)
_MODES = {
    Mode.MASKS: "from drawn masks",
    Mode.LANDMARKS: "from landmarks",
    Mode.AUTOMATIC: "found automatically",
}


def methods(settings: VesselWallSettings) -> str:
    """Say how vessels were found and measured."""
    return _METHODS.format(psf=settings.psf_fwhm_voxels, floor=FLOOR_VOXELS)


def choices(
    vessels: Sequence[StudiedVessel], *, scan: Scan, anat: AnatOutputs | None, floor_mm: float
) -> tuple[str, ...]:
    """Say what the numbers rest on: vessels, modes, resolution, and what was not there."""
    measured = [one for one in vessels if not reason(one)]
    told = [_CAVEAT.format(floor=floor_mm)]
    names = ", ".join(f"{one.name.text} ({_MODES[one.mode]})" for one in measured)
    told.append(f"Vessels measured: {names or 'none'}; means of the participant are over these.")
    if any(one.mode is Mode.AUTOMATIC for one in measured):
        told.append(_AUTOMATIC)
    if anat is None:
        told.append(_NO_T1W)
    if scan.after_contrast and anat is None:
        told.append(_NO_REFERENCE)
    if scan.angiogram:
        told.append(_ANGIOGRAM.format(name=scan.angiogram[0].path.name))
    others = [one.name.text for one in measured if one.name not in STANDARD]
    if others:
        told.append(f"In the tables alone, without measures of their own: {', '.join(others)}.")
    return tuple(told)
