"""The regions of the DTI-ALPS index, and the fibres that they lie in."""

from collections.abc import Mapping

import nibabel as nib

from npsle_app.arrays import Reals
from npsle_app.figures.brain.fibres import draw_regions_on_colour, draw_sticks
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_alps(
    fa: nib.Nifti1Image, *, directions: Reals, labels: nib.Nifti1Image, names: Mapping[int, str]
) -> tuple[Drawing, ...]:
    """Draw the regions on colour FA and the fibre directions around them.

    Parameters
    ----------
    fa, labels : Nifti1Image
        On one grid.
    directions : (I, J, K, 3) array
        V1 along world axes, on the same grid.
    names : mapping
        Labels to draw, those of the left side first.
    """
    regions = draw_regions_on_colour(fa, directions=directions, labels=labels, names=names)
    sticks = draw_sticks(fa, directions=directions, labels=labels, names=names)
    return (
        Drawing(
            title="DTI-ALPS regions on colour FA",
            picture=Picture("alps-regions", regions),
            caption="Good: the inner regions lie in blue fibres (superior corona radiata), the "
            "outer ones in green fibres (superior longitudinal fasciculus), beside the bodies of "
            "the lateral ventricles. Voxels of which a fifth lies in the sphere are outlined; "
            "slices lie along the axes of the head.",
        ),
        Drawing(
            title="Fibre directions around the DTI-ALPS regions",
            picture=Picture("alps-directions", sticks),
            caption="Good: inner fibres are dots on axial and upright on coronal slices, outer "
            "ones run to the front on axial and are dots on coronal slices. Where they cross or "
            "fan out, the index is not that of two tracts.",
        ),
    )
