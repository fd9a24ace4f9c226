"""Draw what the wmh stage found."""

import nibabel as nib

from npsle_app.arrays import Mask, Volume
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.curves import draw_curve
from npsle_app.figures.brain.slices import draw_lesions, draw_pair
from npsle_app.imaging.space.volumes import on_grid_of, voxel_mm3
from npsle_app.imaging.wmh.flair import PreparedFlair
from npsle_app.imaging.wmh.wmh import lesion_volumes_ml
from npsle_app.records import FigureRecord
from npsle_app.settings import WmhSettings

_CURVE = tuple(round(0.05 * step, 2) for step in range(1, 19))


def draw(
    t1w: nib.Nifti1Image,
    *,
    brain: nib.Nifti1Image,
    prepared: PreparedFlair,
    probability: Volume,
    mask: Mask,
    settings: WmhSettings,
    out: Writer,
) -> tuple[FigureRecord, ...]:
    """Draw lesions, registration and the curve of volume against threshold."""
    return (
        _draw_lesions(prepared.flair, brain=brain, probability=probability, mask=mask, out=out),
        _draw_registration(t1w, brain=brain, flair=prepared.flair, out=out),
        _draw_curve(probability, voxel=voxel_mm3(t1w), settings=settings, out=out),
    )


def _draw_lesions(
    flair: nib.Nifti1Image,
    *,
    brain: nib.Nifti1Image,
    probability: Volume,
    mask: Mask,
    out: Writer,
) -> FigureRecord:
    figure = draw_lesions(
        flair, probability=on_grid_of(flair, probability), mask=on_grid_of(flair, mask), brain=brain
    )
    return FigureRecord(
        title="White-matter hyperintensities",
        path=out.figure(figure, "wmh-lesions"),
        caption="Above, the lesion mask on FLAIR; below, the probability. Bright spots of "
        "white matter should be outlined; cortex, choroid plexus and the midline "
        "between the ventricles should not.",
    )


def _draw_registration(
    t1w: nib.Nifti1Image, *, brain: nib.Nifti1Image, flair: nib.Nifti1Image, out: Writer
) -> FigureRecord:
    before, after = draw_pair(t1w, flair, focus=brain, contours={"brain mask": brain})
    return FigureRecord(
        title="FLAIR on T1w",
        path=out.figure(before, "wmh-registration-t1w"),
        after=out.figure(after, "wmh-registration-flair"),
        caption="T1w and FLAIR on the same grid: ventricles, sulci and the brain's outline "
        "should stay in place.",
    )


def _draw_curve(
    probability: Volume, *, voxel: float, settings: WmhSettings, out: Writer
) -> FigureRecord:
    curve = lesion_volumes_ml(
        probability,
        voxel_mm3=voxel,
        min_lesion_mm3=settings.min_lesion_mm3,
        thresholds=_CURVE,
    )
    figure = draw_curve(
        list(curve),
        list(curve.values()),
        x_label="threshold",
        y_label="lesion volume (mL)",
        marker=settings.threshold,
    )
    return FigureRecord(
        title="Lesion volume against threshold",
        path=out.figure(figure, "wmh-threshold"),
        caption="The flatter the curve around the chosen threshold, the less the volume "
        "hangs on it.",
    )
