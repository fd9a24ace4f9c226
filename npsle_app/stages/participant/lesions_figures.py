"""Draw what the lesions stage found."""

import nibabel as nib

from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_regions
from npsle_app.figures.paper.bars import draw_bars
from npsle_app.imaging.lesions.lesions import REGION_NAMES, LesionFindings
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.records import FigureRecord

_SIZES = {
    "< 10": "wmh_count_below_10mm3",
    "10–100": "wmh_count_10_to_100mm3",
    "100–1000": "wmh_count_100_to_1000mm3",
    "≥ 1000": "wmh_count_from_1000mm3",
}


def draw(
    flair: nib.Nifti1Image, *, brain: nib.Nifti1Image, findings: LesionFindings, out: Writer
) -> tuple[FigureRecord, ...]:
    """Draw the lesions by region with the ventricles, and how large they are."""
    return (
        FigureRecord(
            title="Lesions by region",
            path=out.figure(
                draw_regions(
                    flair,
                    labels=on_grid_of(flair, findings.regions),
                    names=REGION_NAMES,
                    brain=brain,
                    outlined=("lateral ventricles", on_grid_of(flair, findings.ventricles)),
                ),
                "lesions-regions",
            ),
            caption="Good: the outline follows the lateral ventricles, no sulcus or cistern; "
            f"lesions have the colour of where they lie. {_grades(findings)}",
        ),
        FigureRecord(
            title="Size of lesions",
            path=out.figure(
                draw_bars(
                    {label: findings.numbers[name] or 0.0 for label, name in _SIZES.items()},
                    x_label="volume of a lesion (mm³)",
                    y_label="number of lesions",
                ),
                "lesions-sizes",
            ),
            caption="How many lesions there are of each size. Smaller ones than the minimum size "
            "were removed before; wmh_raw_count tells how many there were.",
        ),
    )


def _grades(findings: LesionFindings) -> str:
    names = ("wmh_fazekas_periventricular", "wmh_fazekas_deep")
    periventricular, deep = (findings.numbers[name] for name in names)
    if periventricular is None or deep is None:
        return "Fazekas grades cannot be estimated without the ventricles."
    return f"Fazekas, estimated, not rated: periventricular {periventricular:.0f}, deep {deep:.0f}."
