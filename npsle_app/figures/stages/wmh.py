"""Lesions on FLAIR, FLAIR on T1w, and how the volume hangs on the threshold."""

from collections.abc import Mapping

import nibabel as nib

from npsle_app.figures.brain.charts import draw_curve
from npsle_app.figures.brain.slices import draw_contours, draw_lesions, draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_wmh(
    flair: nib.Nifti1Image,
    *,
    t1w: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    probability: nib.Nifti1Image,
    mask: nib.Nifti1Image,
    volumes_ml: Mapping[float, float] | None,
    threshold: float,
) -> tuple[Drawing, ...]:
    """Draw lesions, registration and the curve of volume against threshold.

    Parameters
    ----------
    flair, t1w, brain, probability, mask : Nifti1Image
        On one grid.
    volumes_ml : mapping or None
        Lesion volume by threshold, ascending; None for a mask that no threshold has made.
    threshold : float
        The one that was chosen.
    """
    before, after = draw_pair(t1w, flair, focus=brain, contours={"brain mask": brain})
    lesions, *curve = draw_lesion_map(
        flair,
        brain=brain,
        probability=probability,
        mask=mask,
        volumes_ml=volumes_ml,
        threshold=threshold,
    )
    alignment = Drawing(
        title="FLAIR on T1w",
        picture=Picture("wmh-registration-t1w", before),
        after=Picture("wmh-registration-flair", after),
        caption="T1w and FLAIR on the same grid: ventricles, sulci and the brain's outline "
        "should stay in place.",
    )
    return lesions, alignment, *curve


def draw_lesion_map(
    flair: nib.Nifti1Image,
    *,
    brain: nib.Nifti1Image,
    probability: nib.Nifti1Image,
    mask: nib.Nifti1Image,
    volumes_ml: Mapping[float, float] | None,
    threshold: float,
) -> tuple[Drawing, ...]:
    """Draw lesions and the curve of volume against threshold; as `draw_wmh`, without T1w."""
    return (
        Drawing(
            title="White-matter hyperintensities",
            picture=Picture(
                "wmh-lesions", draw_lesions(flair, probability=probability, mask=mask, brain=brain)
            ),
            caption="Above, the lesion mask on FLAIR; below, the probability. Bright spots of "
            "white matter should be outlined; cortex, choroid plexus and the midline "
            "between the ventricles should not.",
        ),
        *([] if volumes_ml is None else [_draw_threshold(volumes_ml, threshold=threshold)]),
    )


def draw_given(
    t1w: nib.Nifti1Image, *, brain: nib.Nifti1Image, mask: nib.Nifti1Image
) -> tuple[Drawing, ...]:
    """Draw lesions that were given on the T1w image, where there is no FLAIR."""
    return (
        Drawing(
            title="White-matter hyperintensities, as given",
            picture=Picture(
                "wmh-lesions", draw_contours(t1w, masks={"given lesions": mask}, focus=brain)
            ),
            caption="The lesions that were given, on T1w: they should lie in white matter, at "
            "the ventricles or beside the cortex, and where T1w is darker than around.",
        ),
    )


def _draw_threshold(volumes_ml: Mapping[float, float], *, threshold: float) -> Drawing:
    curve = draw_curve(
        list(volumes_ml),
        list(volumes_ml.values()),
        x_label="threshold",
        y_label="lesion volume (mL)",
        marker=threshold,
    )
    return Drawing(
        title="Lesion volume against threshold",
        picture=Picture("wmh-threshold", curve),
        caption="The flatter the curve around the chosen threshold, the less the volume hangs "
        "on it.",
    )
