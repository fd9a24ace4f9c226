"""Lesions by where they lie, and how large they are."""

from collections.abc import Mapping

import nibabel as nib

from npsle_app.figures.brain.charts import draw_bars
from npsle_app.figures.brain.slices import draw_regions
from npsle_app.figures.stages.drawing import Drawing, Picture


def draw_places(
    flair: nib.Nifti1Image,
    *,
    regions: nib.Nifti1Image,
    names: Mapping[int, str],
    brain: nib.Nifti1Image,
    ventricles: nib.Nifti1Image,
    fazekas: tuple[float, float] | None,
) -> Drawing:
    """Draw the lesions in the colours of their regions, with the lateral ventricles.

    `fazekas` holds the periventricular and the deep grade, None where there are no ventricles.
    """
    figure = draw_regions(
        flair,
        labels=regions,
        names=names,
        brain=brain,
        outlined=("lateral ventricles", ventricles),
    )
    return Drawing(
        title="Lesions by region",
        picture=Picture("lesions-regions", figure),
        caption="Good: the outline follows the lateral ventricles, no sulcus or cistern; "
        f"lesions have the colour of where they lie. {_describe_grades(fazekas)}",
    )


def draw_sizes(counts: Mapping[str, float]) -> Drawing:
    """Draw how many lesions there are of each size."""
    figure = draw_bars(counts, x_label="volume of a lesion (mm³)", y_label="number of lesions")
    return Drawing(
        title="Size of lesions",
        picture=Picture("lesions-sizes", figure),
        caption="How many lesions there are of each size. Smaller ones than the minimum size "
        "were removed before; wmh_raw_count tells how many there were.",
    )


def _describe_grades(fazekas: tuple[float, float] | None) -> str:
    if fazekas is None:
        return "Fazekas grades cannot be estimated without the ventricles."
    periventricular, deep = fazekas
    return f"Fazekas, estimated, not rated: periventricular {periventricular:.0f}, deep {deep:.0f}."
