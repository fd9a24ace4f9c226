"""Correct, register and strip the T1w image."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib

from npsle_app import templates
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.brain.slices import draw_contours, draw_pair
from npsle_app.figures.stages.drawing import Drawing, Picture
from npsle_app.imaging.head.brain import is_brain_extracted
from npsle_app.imaging.head.checks import check_head, check_t1w_contrast
from npsle_app.imaging.head.given_brain import check_given_brain, fit_given_brain
from npsle_app.imaging.head.head import HeadSteps, HeadTemplate, PreparedHead, prepare_head
from npsle_app.imaging.space.volumes import fraction
from npsle_app.records import Check, Record
from npsle_app.settings import AnatSettings
from npsle_app.stages.participant.given_maps import GivenSource, read_given_brain
from npsle_app.stages.participant.shared import TISSUE, digests, figure_paths, save_drawings
from npsle_app.templates import Template

_USED = (Template.HEAD, Template.BRAIN, Template.INTRACRANIAL)
_METHODS = (
    "The T1w image was registered to the MNI152 2009a symmetric template (whole head: its brain "
    "within the head of Colin27) by an affine transform from several starts and symmetric "
    "diffeomorphic normalization at {warp_mm:g} mm with ANTs, and corrected for intensity "
    "non-uniformity with N4. The template's brain mask was fitted to the edges of the image; its "
    "intracranial mask gave the space of the total intracranial volume."
)
_METHODS_GIVEN = (
    " The brain mask was given by another program; registration and intracranial mask do not "
    "rest on it."
)
_GIVEN = (
    "The {given} is taken in the place of the one that would be found: bias correction, tissues "
    "and lesions rest on it. The registration is that of the whole head, and TIV is that of the "
    "app's own intracranial mask: a brain mask does not tell where the skull is."
)
STRIPPED = "The scan has no skull: its own edge is the brain mask, and TIV cannot be assessed."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatOutputs:
    """What the other stages build on; masks and T1w share one grid."""

    t1w: Path
    brain_mask: Path
    intracranial_mask: Path | None  # None where the scan was already brain-extracted
    t1w_in_template: Path
    t1w_to_template: Path  # dense displacement field, ITK convention, on the template grid
    template_to_t1w: Path  # the inverse, over the T1w field of view
    record: Path
    figures: tuple[Path, ...]


def run(*, t1w: Scan, brain_mask: Scan | None, settings: AnatSettings, out: Writer) -> AnatOutputs:
    """Make the T1w image ready; a brain mask that was given takes the place of the app's."""
    scan = read_image(t1w.path)
    brain, source = read_given_brain(brain_mask, t1w=t1w.path) if brain_mask else (None, None)
    stripped = bool(t1w.metadata.get("SkullStripped")) or is_brain_extracted(scan)
    head = prepare_head(
        scan,
        template=read_template(),
        stripped=stripped,
        steps=head_steps(settings),
        brain=brain,
    )
    by_given = _check_given(head, source) if source else ()
    saved = _save(head, t1w.path, stripped=stripped, given=source, out=out)
    figures = save_drawings(_draw(head), out=out)
    record = Record(
        stage="anat",
        methods=_METHODS.format(warp_mm=settings.warp_sampling_mm)
        + (_METHODS_GIVEN if source else ""),
        citations=("ants_syn", "n4", "antspy", "mni152_2009a", "colin27"),
        checks=(*check_head(head), _check_contrast(head), *by_given),
        figures=figures,
        choices=(
            *([_GIVEN.format(given=source.tell())] if source else []),
            *([STRIPPED] if stripped else []),
        ),
        given=(source.name,) if source else (),
    )
    return AnatOutputs(
        **saved,
        intracranial_mask=_save_skull(head, t1w.path, out=out),
        record=out.record(record),
        figures=figure_paths(figures),
    )


def _check_given(head: PreparedHead, given: GivenSource) -> tuple[Check, ...]:
    try:
        fit = fit_given_brain(head.brain, found=head.found, intracranial=head.intracranial)
    except ValueError as error:
        msg = f"{given.paths[0].name}: {error}"
        raise ValueError(msg) from error
    return check_given_brain(fit)


def head_steps(settings: AnatSettings) -> HeadSteps:
    """Name the settings as the preparation of a head does."""
    return HeadSteps(
        seed=settings.random_seed,
        affine_sampling_mm=settings.affine_sampling_mm,
        warp_sampling_mm=settings.warp_sampling_mm,
        warp_iterations=settings.warp_iterations,
        bias_sampling_mm=settings.bias_sampling_mm,
        bias_spline_mm=settings.bias_spline_mm,
    )


def _check_contrast(head: PreparedHead) -> Check:
    gm, wm = (fraction(templates.load(name)) for name in TISSUE)
    return check_t1w_contrast(head.in_template, gm=gm, wm=wm)


def read_template() -> HeadTemplate:
    """Open the head template and its masks."""
    head, brain, intracranial = (templates.load(name) for name in _USED)
    return HeadTemplate(head=head, brain=fraction(brain), intracranial=fraction(intracranial))


def _save(
    head: PreparedHead, scan: Path, *, stripped: bool, given: GivenSource | None, out: Writer
) -> dict[str, Path]:
    used = {"Templates": digests(_USED)}
    of_brain = given.metadata if given else used
    brain_from = given.paths if given else ()
    t1w = out.image(head.image, File.T1W, sources=[scan], SkullStripped=stripped)
    return {
        "t1w": t1w,
        "brain_mask": out.image(
            head.brain, File.BRAIN_MASK, sources=[scan, t1w, *brain_from], **of_brain
        ),
        "t1w_in_template": out.image(
            head.in_template, File.T1W_IN_TEMPLATE, sources=[t1w], SkullStripped=stripped
        ),
        "t1w_to_template": out.image(
            head.fit.to_template, File.T1W_TO_TEMPLATE, sources=[scan], **used
        ),
        "template_to_t1w": out.image(
            head.fit.to_native, File.TEMPLATE_TO_T1W, sources=[scan], **used
        ),
    }


def _save_skull(head: PreparedHead, scan: Path, *, out: Writer) -> Path | None:
    if head.intracranial is None:
        return None
    return out.image(
        head.intracranial, File.INTRACRANIAL_MASK, sources=[scan], Templates=digests(_USED)
    )


def _draw(head: PreparedHead) -> tuple[Drawing, ...]:
    masks: dict[str, nib.Nifti1Image] = {"brain": head.brain}
    if head.intracranial is not None:
        masks["intracranial space"] = head.intracranial
    before, after = draw_pair(head.template, head.in_template)
    return (
        Drawing(
            title="Brain and intracranial masks on T1w",
            picture=Picture("desc-masks_T1w", draw_contours(head.image, masks=masks)),
            caption="Good: the brain line follows the cortex and holds cerebellum and brainstem; "
            "the outer line runs along the inside of the skull. Bad: eyes, neck or scalp inside, "
            "cortex outside, or a brain cut by the edge of the image.",
        ),
        Drawing(
            title="T1w against template",
            picture=Picture("desc-template_T1w", before),
            after=Picture("space-template_T1w", after),
            caption="Good: skull, ventricles and midline stay in place as the two alternate. "
            "Bad: the head jumps, tilts or changes size.",
        ),
    )
