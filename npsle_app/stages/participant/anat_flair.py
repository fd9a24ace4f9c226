"""Correct, register and strip a FLAIR image of which there is no T1w image."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
from nibabel.processing import resample_from_to

from npsle_app import templates
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_contours, draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.head.brain import is_brain_extracted
from npsle_app.imaging.head.checks import check_head
from npsle_app.imaging.head.flair_head import compose_flair_template, prepare_flair_head
from npsle_app.imaging.head.head import HeadTemplate, PreparedHead
from npsle_app.imaging.space.volumes import fraction, voxel_mm3
from npsle_app.imaging.wmh.flair import subtract_offset
from npsle_app.records import Record, worst
from npsle_app.settings import AnatSettings
from npsle_app.stages.participant.anat import STRIPPED, head_steps, read_template
from npsle_app.stages.participant.shared import (
    TISSUE,
    digests,
    figure_paths,
    measured,
    save_drawings,
)
from npsle_app.templates import Template

_USED = (Template.HEAD, Template.BRAIN, Template.INTRACRANIAL, *TISSUE)
_METHODS = (
    "Where there was no T1w image, FLAIR itself was registered, by an affine transform from "
    "several starts and symmetric diffeomorphic normalization at {warp_mm:g} mm with ANTs, to a "
    "template of its contrast: the tissue fractions of the MNI152 2009a symmetric template, grey "
    "matter at 1, white at 0.85 and fluid at 0.25, within the head of Colin27. It was corrected "
    "for intensity non-uniformity with N4 and stayed on its own grid; the template's brain mask "
    "was fitted to its edges, and the template's intracranial mask gave the space of the total "
    "intracranial volume."
)
NO_T1W = (
    "No T1w image: FLAIR was measured alone. There are no volumes of grey and white matter, and "
    "none of regions. Compare lesion and intracranial volumes with those of other FLAIR images "
    "measured alone, not with volumes by T1w and FLAIR together."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatFlairOutputs:
    """What the search for lesions builds on; masks and FLAIR share FLAIR's own grid."""

    flair: Path
    brain_mask: Path
    intracranial_mask: Path | None  # None where the scan was already brain-extracted
    flair_in_template: Path
    flair_to_template: Path  # dense displacement field, ITK convention, on the template grid
    template_to_flair: Path  # the inverse, over the FLAIR field of view
    record: Path
    figures: tuple[Path, ...]


def run(*, flair: Scan, settings: AnatSettings, out: Writer) -> AnatFlairOutputs:
    """Make the FLAIR image ready."""
    scan = subtract_offset(read_image(flair.path))
    stripped = bool(flair.metadata.get("SkullStripped")) or is_brain_extracted(scan)
    head = prepare_flair_head(
        scan,
        template=read_flair_template(),
        stripped=stripped,
        steps=head_steps(settings),
    )
    saved = _save(head, flair.path, stripped=stripped, out=out)
    skull = _save_skull(head, flair.path, out=out)
    checks = check_head(head, scan="FLAIR")
    figures = save_drawings(_draw(head), out=out)
    record = Record(
        stage="anat_flair",
        methods=_METHODS.format(warp_mm=settings.warp_sampling_mm),
        citations=("ants_syn", "n4", "antspy", "mni152_2009a", "colin27"),
        measures=measured(
            {"tiv_ml": intracranial_ml(head)},
            qc=worst([check.state for check in checks]),
            sources=(skull or saved["brain_mask"],),
        ),
        checks=checks,
        figures=figures,
        choices=(NO_T1W, STRIPPED) if stripped else (NO_T1W,),
    )
    return AnatFlairOutputs(
        **saved,
        intracranial_mask=skull,
        record=out.record(record),
        figures=figure_paths(figures),
    )


def read_flair_template() -> HeadTemplate:
    """Open the head template in the contrast of FLAIR."""
    head = read_template()
    gm, wm = (
        resample_from_to(fraction(templates.load(name)), head.head, order=1) for name in TISSUE
    )
    return compose_flair_template(head, gm=gm, wm=wm)


def intracranial_ml(head: PreparedHead) -> float | None:
    """Measure the space inside the skull; None where the scan has none."""
    if head.intracranial is None:
        return None
    inside = head.intracranial.get_fdata() > 0
    return float(inside.sum() * voxel_mm3(head.intracranial) / 1000)


def _save(head: PreparedHead, scan: Path, *, stripped: bool, out: Writer) -> dict[str, Path]:
    used = {"Templates": digests(_USED)}
    flair = out.image(head.image, File.FLAIR_ALONE, sources=[scan], SkullStripped=stripped)
    return {
        "flair": flair,
        "brain_mask": out.image(head.brain, File.FLAIR_BRAIN_MASK, sources=[scan, flair], **used),
        "flair_in_template": out.image(
            head.in_template, File.FLAIR_IN_TEMPLATE, sources=[flair], SkullStripped=stripped
        ),
        "flair_to_template": out.image(
            head.fit.to_template, File.FLAIR_TO_TEMPLATE, sources=[scan], **used
        ),
        "template_to_flair": out.image(
            head.fit.to_native, File.TEMPLATE_TO_FLAIR, sources=[scan], **used
        ),
    }


def _save_skull(head: PreparedHead, scan: Path, *, out: Writer) -> Path | None:
    if head.intracranial is None:
        return None
    return out.image(
        head.intracranial,
        File.FLAIR_INTRACRANIAL_MASK,
        sources=[scan],
        Templates=digests(_USED),
    )


def _draw(head: PreparedHead) -> tuple[Drawing, ...]:
    masks: dict[str, nib.Nifti1Image] = {"brain": head.brain}
    if head.intracranial is not None:
        masks["intracranial space"] = head.intracranial
    before, after = draw_pair(head.template, head.in_template)
    return (
        Drawing(
            title="Brain and intracranial masks on FLAIR",
            picture=Picture("desc-masks_FLAIR", draw_contours(head.image, masks=masks)),
            caption="Good: the brain line follows the cortex and holds cerebellum and brainstem; "
            "the outer line runs along the inside of the skull. Bad: eyes, neck or scalp inside, "
            "cortex outside, or a brain cut by the edge of the image.",
        ),
        Drawing(
            title="FLAIR against template",
            picture=Picture("desc-template_FLAIR", before),
            after=Picture("space-template_FLAIR", after),
            caption="The template was given the contrast of FLAIR. Good: skull, ventricles and "
            "midline stay in place as the two alternate. Bad: the head jumps, tilts or changes "
            "size.",
        ),
    )
