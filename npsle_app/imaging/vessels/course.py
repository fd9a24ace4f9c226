"""Where one vessel runs in an image: what all that measures it is handed."""

from dataclasses import dataclass

import nibabel as nib

from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.contours import Contours, find_contours
from npsle_app.imaging.vessels.planes import RAY_STEP_MM, cut_around, sample_rays
from npsle_app.measures.names_of_vessels import VesselName

_MARGIN_MM = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A vessel, its centreline inside the lumen, and the part of the image around it.

    `part` reaches 8 mm beyond the line, where there is room; mm are RAS by its affine.
    """

    name: VesselName
    line: Centreline
    part: nib.Nifti1Image

    def contours(self) -> Contours:
        """Find lumen and outer wall in each plane of the line."""
        return find_contours(sample_rays(self.part, line=self.line), step_mm=RAY_STEP_MM)


def lay_course(image: nib.Nifti1Image, *, line: Centreline, name: VesselName) -> Course:
    """Cut a black-blood image to what lies around a vessel's line.

    Raises
    ------
    ValueError
        If a point of the line lies outside the image.
    """
    return Course(name=name, line=line, part=cut_around(image, line=line, margin_mm=_MARGIN_MM))
