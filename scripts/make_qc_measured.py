"""Write the pictures of docs/qc.md whose faults were measured: edges of tissues.

usage: python scripts/make_qc_measured.py WORK   (the folder of make_qc_pictures.py)

The head is what `make_qc_pictures.py` has left in WORK. A head that moved, and a template that
lies elsewhere, are segmented again: unlike there, the lines are what the app makes of the fault.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from make_qc_pictures import HEAD, Drawn, with_ghosts, write_picture

from npsle_app.bids.output.names import File
from npsle_app.figures.brain.slices import draw_contours
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import fraction
from npsle_app.imaging.tissue.segmentation import LABELS, TissuePriors, only, segment
from npsle_app.settings import TissueSettings
from npsle_app.templates import Template, load

ELSEWHERE_MM = 15.0  # how far the template lies off, from back to front
EDGES = ("GM", "WM")


@dataclass(frozen=True)
class Head:
    """What the app left of a head, in its folder of anatomical images."""

    anat: Path

    def read(self, file: File) -> nib.Nifti1Image:
        """Open an image."""
        return nib.Nifti1Image.from_filename(self.anat / f"sub-01_{file.value.tail}")

    def segment(self, t1w: nib.Nifti1Image, *, field: nib.Nifti1Image) -> nib.Nifti1Image:
        """Segment an image of this head as the stage `tissue` does; return its labels."""
        gm, wm, deep = (
            warp(fraction(load(name)), reference=t1w, field=field)
            for name in (Template.GM, Template.WM, Template.DEEP_GM)
        )
        settings = TissueSettings()
        return segment(
            t1w,
            mask=self.read(File.INTRACRANIAL_MASK),
            brain=self.read(File.BRAIN_MASK),
            priors=TissuePriors(gm=gm, wm=wm, deep_gm=deep),
            prior_weight=settings.prior_weight,
            mrf_weight=settings.mrf_weight,
            iterations=settings.iterations,
        ).labels

    def draw(self, t1w: nib.Nifti1Image, *, labels: nib.Nifti1Image) -> Drawn:
        """Draw the edges of tissues."""
        numbers = {name: number for number, name in LABELS.items()}
        masks = {name: only(labels, numbers[name]) for name in EDGES}
        focus = self.read(File.INTRACRANIAL_MASK)
        return Drawn(draw_contours(t1w, masks=masks, focus=focus), HEAD)


def draw_tissues(head: Head) -> Iterator[tuple[str, Drawn]]:
    """Edges of tissues: of a good head, of one that moved, of a template that lies elsewhere."""
    t1w, field = head.read(File.T1W), head.read(File.TEMPLATE_TO_T1W)
    yield "tissue-good", head.draw(t1w, labels=head.segment(t1w, field=field))
    moved = with_ghosts(t1w)
    yield "tissue-motion", head.draw(moved, labels=head.segment(moved, field=field))
    displaced = field.get_fdata(dtype=np.float32) + np.float32([0, ELSEWHERE_MM, 0])
    elsewhere = nib.Nifti1Image(displaced, field.affine, field.header)
    yield "tissue-misplaced", head.draw(t1w, labels=head.segment(t1w, field=elsewhere))


def main(work: Path) -> int:
    """Segment and draw."""
    for name, drawn in draw_tissues(Head(work / "out" / "sub-01" / "anat")):
        write_picture(name, drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
