"""Draw where the atlas found its regions."""

import nibabel as nib

from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_contours, draw_labels
from npsle_app.imaging.tissue.regions import number_regions
from npsle_app.measures.names_of_regions import DEEP
from npsle_app.records import FigureRecord

_SURFACE = (
    *("frontal_lobe", "parietal_lobe", "temporal_lobe", "occipital_lobe"),
    *("insula", "cerebellum"),
)


def draw(
    t1w: nib.Nifti1Image, *, labels: nib.Nifti1Image, ventricles: nib.Nifti1Image, out: Writer
) -> tuple[FigureRecord, ...]:
    """Draw outlines of the deep regions, and lobes as colours."""
    masks = {name: number_regions(labels, names=(name,)) for name in DEEP}
    outlines = draw_contours(
        t1w,
        masks=masks | {"lateral ventricles": ventricles},
        focus=number_regions(labels, names=DEEP),
    )
    lobes = number_regions(labels, names=_SURFACE)
    names = {place: name.replace("_", " ") for place, name in enumerate(_SURFACE, start=1)}
    return (
        FigureRecord(
            title="Deep regions on T1w",
            path=out.figure(outlines, "regions-deep"),
            caption="Good: each outline hugs its nucleus on both sides. Bad: thalamus or caudate "
            "reach into the ventricle, the hippocampus lies in fluid or in white matter.",
        ),
        FigureRecord(
            title="Lobes and cerebellum",
            path=out.figure(draw_labels(t1w, labels=lobes, names=names), "regions"),
            caption="Good: colours change at the central and lateral sulcus, and the cerebellum "
            "ends at the tentorium. Single gyri are the atlas's, not the person's own.",
        ),
    )
