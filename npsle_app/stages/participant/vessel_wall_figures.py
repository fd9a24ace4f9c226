"""Draw what the stage vessel_wall measured."""

from collections.abc import Sequence

import nibabel as nib

from npsle_app.bids.writer import Writer
from npsle_app.imaging.vessel_results import StudiedVessel
from npsle_app.records import FigureRecord


def draw(
    image: nib.Nifti1Image, *, vessels: Sequence[StudiedVessel], floor_mm: float, out: Writer
) -> tuple[FigureRecord, ...]:
    """Draw nothing so far: the figures come with their own module."""
    del image, vessels, floor_mm, out
    return ()
