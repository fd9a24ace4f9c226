"""Draw what the dwi stage did and found."""

from typing import TYPE_CHECKING

import numpy as np

from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.diffusion import (
    draw_colour_fa,
    draw_gradients,
    draw_losses,
    draw_motion,
)
from npsle_app.figures.brain.slices import draw_pair
from npsle_app.imaging.diffusion.epi_distortion import Head
from npsle_app.imaging.diffusion.findings import DwiFindings
from npsle_app.imaging.diffusion.outliers import Outliers
from npsle_app.imaging.space.registration import resample
from npsle_app.records import FigureRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(findings: DwiFindings, *, head: Head | None, out: Writer) -> tuple[FigureRecord, ...]:
    """Draw colour FA, the overlay on T1w before and after, gradients, motion, lost slices."""
    figures = [_draw_colours(findings, out=out)]
    if head is not None and findings.prepared.to_t1w is not None:
        figures += _draw_on_t1w(findings, head=head, out=out)
    figures.append(_draw_gradients(findings, out=out))
    motion, outliers = findings.prepared.motion, findings.prepared.outliers
    shifts, moved = findings.shifts_mm, findings.displacement_mm
    if motion is not None and shifts is not None and moved is not None:
        turns = np.rad2deg(motion.rotations)
        figure = draw_motion(shifts, rotations_deg=turns, displacement_mm=moved)
        figures.append(_describe_motion(figure, out=out))
    if outliers is not None:
        figures.append(_draw_losses(outliers, out=out))
    return tuple(figures)


def _draw_colours(findings: DwiFindings, *, out: Writer) -> FigureRecord:
    figure = draw_colour_fa(
        findings.fa, directions=findings.colour_fa, brain=findings.prepared.brain
    )
    return FigureRecord(
        title="Directions of diffusion",
        path=out.figure(figure, "dwi-colour-fa"),
        caption="Good: corpus callosum red, corona radiata and brainstem blue, superior "
        "longitudinal fasciculus and cingulum green, alike on both sides. Wrong colours mean "
        "flipped or exchanged gradient axes.",
    )


def _draw_on_t1w(findings: DwiFindings, *, head: Head, out: Writer) -> list[FigureRecord]:
    prepared = findings.prepared
    records = []
    images = {"corrected": prepared.b0}
    if prepared.displacement_mm is not None:
        images = {"as distorted": prepared.b0_before, **images}
    for name, image in images.items():
        matrix = prepared.to_t1w
        moved = resample(image, reference=head.t1w, matrix=np.asarray(matrix), order=1)
        before, after = draw_pair(
            head.t1w, moved, focus=head.brain, contours={"brain mask of T1w": head.brain}
        )
        part = "before" if name == "as distorted" else "after"
        records.append(
            FigureRecord(
                title=f"b 0 on T1w, {name}",
                path=out.figure(before, f"dwi-{part}-t1w"),
                after=out.figure(after, f"dwi-{part}-b0"),
                caption="T1w and the image without diffusion weighting: ventricles, brainstem "
                "and the outline of the brain should stay in place. Frontal and temporal poles "
                "are where distortion shows.",
            )
        )
    return records


def _draw_gradients(findings: DwiFindings, *, out: Writer) -> FigureRecord:
    gradients = findings.prepared.gradients
    used = np.isin(np.arange(len(gradients.b_values)), findings.selection.volumes)
    figure = draw_gradients(gradients.directions, b_values=gradients.b_values, used=used)
    return FigureRecord(
        title="Gradient directions",
        path=out.figure(figure, "dwi-gradients"),
        caption="Each direction and its opposite on half a sphere, seen along z, y and x of the "
        "scanner. Good: evenly spread over the whole disc. Rings are volumes that the tensor is "
        "not fitted to.",
    )


def _describe_motion(figure: "Figure", *, out: Writer) -> FigureRecord:
    return FigureRecord(
        title="Motion",
        path=out.figure(figure, "dwi-motion"),
        caption="Motion of the head against the first volume without diffusion weighting; shifts "
        "by eddy currents are taken out. The dashed line is 1 mm from one volume to the next.",
    )


def _draw_losses(outliers: Outliers, *, out: Writer) -> FigureRecord:
    return FigureRecord(
        title="Slices that lost signal",
        path=out.figure(draw_losses(outliers.loss, found=outliers.found), "dwi-slices"),
        caption="Signal that each slice lacks against the prediction from the other volumes. "
        "Ringed slices were taken as dropped.",
    )
