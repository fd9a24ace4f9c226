"""Draw what the alps stage measured."""

import nibabel as nib

from npsle_app.arrays import Reals
from npsle_app.bids.output.names import ALPS_REGIONS
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.fibres import draw_regions_on_colour, draw_sticks
from npsle_app.imaging.diffusion.tensor import principal_directions
from npsle_app.records import FigureRecord


def draw(
    fa: nib.Nifti1Image, *, tensors: Reals, labels: nib.Nifti1Image, out: Writer
) -> tuple[FigureRecord, ...]:
    """Draw the regions on colour FA and the fibre directions around them."""
    directions = principal_directions(tensors)
    names = {number: text.lower() for number, text, _, _ in ALPS_REGIONS}
    regions = draw_regions_on_colour(fa, directions=directions, labels=labels, names=names)
    sticks = draw_sticks(fa, directions=directions, labels=labels, names=names)
    return (
        FigureRecord(
            title="DTI-ALPS regions on colour FA",
            path=out.figure(regions, "alps-regions"),
            caption="Good: the inner regions lie in blue fibres (superior corona radiata), the "
            "outer ones in green fibres (superior longitudinal fasciculus), beside the bodies of "
            "the lateral ventricles. Voxels of which a fifth lies in the sphere are outlined.",
        ),
        FigureRecord(
            title="Fibre directions around the DTI-ALPS regions",
            path=out.figure(sticks, "alps-directions"),
            caption="Good: inner fibres are dots on axial and upright on coronal slices, outer "
            "ones run to the front on axial and are dots on coronal slices. Where they cross or "
            "fan out, the index is not that of two tracts.",
        ),
    )
