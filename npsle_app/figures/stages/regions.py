"""Where the atlas found its regions, and how a session follows the one before."""

from collections.abc import Mapping

import nibabel as nib

from npsle_app.figures.brain.slices import draw_contours, draw_labels, draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_deep(
    t1w: nib.Nifti1Image, *, masks: Mapping[str, nib.Nifti1Image], focus: nib.Nifti1Image
) -> Drawing:
    """Draw outlines of the deep regions; slices spread over `focus`."""
    return Drawing(
        title="Deep regions on T1w",
        picture=Picture("regions-deep", draw_contours(t1w, masks=masks, focus=focus)),
        caption="Good: each outline hugs its nucleus on both sides. Bad: thalamus or caudate "
        "reach into the ventricle, the hippocampus lies in fluid or in white matter.",
    )


def draw_lobes(
    t1w: nib.Nifti1Image, *, labels: nib.Nifti1Image, names: Mapping[int, str]
) -> Drawing:
    """Draw lobes and cerebellum as colours."""
    return Drawing(
        title="Lobes and cerebellum",
        picture=Picture("regions", draw_labels(t1w, labels=labels, names=names)),
        caption="Good: colours change at the central and lateral sulcus, and the cerebellum "
        "ends at the tentorium. Single gyri are the atlas's, not the person's own.",
    )


def draw_followed(
    t1w: nib.Nifti1Image, *, earlier: nib.Nifti1Image, brain: nib.Nifti1Image
) -> Drawing:
    """Draw this session and the one before, brought to it, to alternate."""
    now, before = draw_pair(t1w, earlier, focus=brain)
    return Drawing(
        title="This session and the one before, brought to it",
        picture=Picture("regions-now", now),
        after=Picture("regions-before", before),
        caption="Good: nothing moves but what changed. Bad: the whole brain or single gyri jump.",
    )
