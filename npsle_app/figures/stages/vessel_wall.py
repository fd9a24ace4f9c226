"""Arteries at the base of the brain: where they run, and their walls."""

from collections.abc import Sequence

import nibabel as nib

from npsle_app.figures.brain.drawn_vessel import DrawnVessel
from npsle_app.figures.brain.vessel_courses import draw_courses
from npsle_app.figures.brain.vessel_profiles import draw_profiles
from npsle_app.figures.brain.vessels import draw_gallery, draw_straightened
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_vessels(image: nib.Nifti1Image, *, vessels: Sequence[DrawnVessel]) -> tuple[Drawing, ...]:
    """Draw the vessels that were traced; nothing where none was."""
    if not vessels:
        return ()
    return (
        Drawing(
            title="Course of the arteries",
            picture=Picture("vessels-courses", draw_courses(image, vessels=vessels)),
            caption="Darkest signal along the line of sight, with the centrelines. Good: each "
            "line runs inside a dark artery, on its side, from where the artery begins to where "
            "it ends.",
        ),
        Drawing(
            title="Arteries laid straight",
            picture=Picture("vessels-straight", draw_straightened(vessels)),
            caption="Each artery cut lengthwise, laid straight. Good: the inner contour follows "
            "the dark lumen, the outer one the edge of the bright wall, without jumps. Bad: "
            "contours in fluid, in a side branch, or on both sides of a bright plaque.",
        ),
        Drawing(
            title="Sections across the arteries",
            picture=Picture("vessels-sections", draw_gallery(vessels)),
            caption="Sections across each artery. Good: both contours are closed and follow the "
            "edges. Sections that do not count are marked.",
        ),
        Drawing(
            title="NWI and lumen along the arteries",
            picture=Picture("vessels-profiles", draw_profiles(vessels)),
            caption="NWI and lumen area along each artery with 95 % intervals. Below the line of "
            "the floor (1.3 voxels) the wall rests on the fitted point spread. Narrow places "
            "raise NWI by themselves.",
        ),
    )
