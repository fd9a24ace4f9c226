"""A diffusion series as it was prepared: colours, place, gradients, motion, lost slices."""

import nibabel as nib
from numpy.typing import ArrayLike

from npsle_app.arrays import Bools, Reals
from npsle_app.figures.brain import diffusion
from npsle_app.figures.brain.slices import draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_colours(
    fa: nib.Nifti1Image, *, directions: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Drawing:
    """Draw FA in the colours of its direction; parameters as in `draw_colour_fa`."""
    figure = diffusion.draw_colour_fa(fa, directions=directions, brain=brain)
    return Drawing(
        title="Directions of diffusion",
        picture=Picture("dwi-colour-fa", figure),
        caption="Good: corpus callosum red, corona radiata and brainstem blue, superior "
        "longitudinal fasciculus and cingulum green, alike on both sides. Wrong colours mean "
        "flipped or exchanged gradient axes.",
    )


def draw_on_t1w(
    b0: nib.Nifti1Image, *, t1w: nib.Nifti1Image, brain: nib.Nifti1Image, corrected: bool
) -> Drawing:
    """Draw the image without diffusion weighting and T1w, all on one grid, to alternate.

    `corrected` says whether distortion was undone.
    """
    state, part = ("corrected", "after") if corrected else ("as distorted", "before")
    before, after = draw_pair(t1w, b0, focus=brain, contours={"brain mask of T1w": brain})
    return Drawing(
        title=f"b 0 on T1w, {state}",
        picture=Picture(f"dwi-{part}-t1w", before),
        after=Picture(f"dwi-{part}-b0", after),
        caption="T1w and the image without diffusion weighting: ventricles, brainstem "
        "and the outline of the brain should stay in place. Frontal and temporal poles "
        "are where distortion shows.",
    )


def draw_gradients(directions: ArrayLike, *, b_values: ArrayLike, used: ArrayLike) -> Drawing:
    """Draw the gradient directions, (N, 3) along world axes, and which are `used`, (N,)."""
    figure = diffusion.draw_gradients(directions, b_values=b_values, used=used)
    return Drawing(
        title="Gradient directions",
        picture=Picture("dwi-gradients", figure),
        caption="Each direction and its opposite on half a sphere, seen along z, y and x of the "
        "scanner. Good: evenly spread over the whole disc. Rings are volumes that the tensor is "
        "not fitted to.",
    )


def draw_motion(
    shifts_mm: ArrayLike, *, rotations_deg: ArrayLike, displacement_mm: ArrayLike
) -> Drawing:
    """Draw shifts (N, 3), rotations (N, 3) and framewise displacement (N,) by volume."""
    figure = diffusion.draw_motion(
        shifts_mm, rotations_deg=rotations_deg, displacement_mm=displacement_mm
    )
    return Drawing(
        title="Motion",
        picture=Picture("dwi-motion", figure),
        caption="Motion of the head against the first volume without diffusion weighting; shifts "
        "by eddy currents are taken out. The dashed line is 1 mm from one volume to the next.",
    )


def draw_losses(loss: Reals, *, dropped: Bools) -> Drawing:
    """Draw the signal lost by slice and volume, (K, N), and which slices were dropped."""
    return Drawing(
        title="Slices that lost signal",
        picture=Picture("dwi-slices", diffusion.draw_losses(loss, dropped=dropped)),
        caption="Signal that each slice lacks against the prediction from the other volumes. "
        "Ringed slices were taken as dropped.",
    )
