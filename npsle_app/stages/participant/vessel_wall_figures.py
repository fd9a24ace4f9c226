"""Draw what the stage vessel_wall measured."""

from collections.abc import Sequence

import nibabel as nib
import numpy as np

from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.drawn_vessel import DrawnVessel
from npsle_app.figures.brain.vessel_courses import draw_courses
from npsle_app.figures.brain.vessel_profiles import draw_profiles
from npsle_app.figures.brain.vessels import draw_gallery, draw_straightened
from npsle_app.imaging.vessels.planes import PIXEL_MM
from npsle_app.imaging.vessels.results import MeasuredVessel, StudiedVessel, planes_of
from npsle_app.imaging.vessels.table import nwi_at_floor, sections_of
from npsle_app.records import FigureRecord

_COURSES = (
    "Darkest signal along the line of sight, with the centrelines. Good: each line runs inside a "
    "dark artery, on its side, from where the artery begins to where it ends."
)
_STRAIGHT = (
    "Each artery cut lengthwise, laid straight. Good: the inner contour follows the dark lumen, "
    "the outer one the edge of the bright wall, without jumps. Bad: contours in fluid, in a side "
    "branch, or on both sides of a bright plaque."
)
_GALLERY = (
    "Sections across each artery. Good: both contours are closed and follow the edges. Sections "
    "that do not count are marked."
)
_PROFILES = (
    "NWI and lumen area along each artery with 95 % intervals. Below the line of the floor (1.3 "
    "voxels) the wall rests on the fitted point spread. Narrow places raise NWI by themselves."
)


def draw(
    image: nib.Nifti1Image, *, vessels: Sequence[StudiedVessel], floor_mm: float, out: Writer
) -> tuple[FigureRecord, ...]:
    """Draw the vessels that were traced; nothing where none was."""
    drawn = [
        _drawn(image, vessel=vessel, floor_mm=floor_mm)
        for vessel in vessels
        if isinstance(vessel, MeasuredVessel)
    ]
    if not drawn:
        return ()
    figures = (
        ("Course of the arteries", "vessels-courses", draw_courses(image, vessels=drawn), _COURSES),
        ("Arteries laid straight", "vessels-straight", draw_straightened(drawn), _STRAIGHT),
        ("Sections across the arteries", "vessels-sections", draw_gallery(drawn), _GALLERY),
        ("NWI and lumen along the arteries", "vessels-profiles", draw_profiles(drawn), _PROFILES),
    )
    return tuple(
        FigureRecord(title=title, path=out.figure(figure, name), caption=caption)
        for title, name, figure, caption in figures
    )


def _drawn(image: nib.Nifti1Image, *, vessel: MeasuredVessel, floor_mm: float) -> DrawnVessel:
    table, summary = sections_of(vessel), vessel.summary

    def column(name: str) -> np.ndarray:
        return table[name].to_numpy(dtype=float)

    return DrawnVessel(
        name=vessel.name.text,
        mode=str(vessel.mode),
        points=vessel.line.points,
        along_mm=vessel.line.along_mm,
        planes=planes_of(image, vessel=vessel),
        pixel_mm=PIXEL_MM,
        inner_mm=vessel.inner_mm,
        outer_mm=vessel.outer_mm,
        accepted=vessel.sections.accepted,
        nwi=column("nwi"),
        nwi_low=column("nwi_low"),
        nwi_high=column("nwi_high"),
        lumen_mm2=column("lumen_area_mm2"),
        lumen_low_mm2=column("lumen_area_low_mm2"),
        lumen_high_mm2=column("lumen_area_high_mm2"),
        nwi_at_floor=nwi_at_floor(vessel, floor_mm=floor_mm),
        nwi_pooled=None if summary is None else summary.nwi.value,
        floor_mm=floor_mm,
    )
