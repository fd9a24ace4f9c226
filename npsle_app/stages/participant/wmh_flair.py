"""Find white-matter hyperintensities on FLAIR of which there is no T1w image."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from npsle_app import templates
from npsle_app.arrays import Floats, Mask
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.wmh import draw_lesion_map
from npsle_app.imaging.head.checks import check_template_place, white_matter_offsets_mm
from npsle_app.imaging.head.flair_head import flair_contrast
from npsle_app.imaging.space.volumes import fraction, on_grid_of, voxel_mm3
from npsle_app.imaging.wmh.checks import (
    LEAST_SHOWN,
    check_content_alone,
    check_coverage,
    check_lesions,
    check_slices,
)
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.flair import subtract_offset
from npsle_app.imaging.wmh.flair_alone import FlairAlone, look_at_flair
from npsle_app.imaging.wmh.flair_content import FlairContent, measure_content_alone
from npsle_app.imaging.wmh.wmh import (
    LesionMap,
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
)
from npsle_app.records import Check, Record, worst
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat_flair import NO_T1W, AnatFlairOutputs
from npsle_app.stages.participant.lesion_numbers import (
    CURVE,
    INTERVAL,
    describe_limits,
    lesion_numbers,
)
from npsle_app.stages.participant.shared import (
    LESIONS,
    describe_lesion_model,
    digests,
    figure_paths,
    inheriting,
    lesion_priors,
    measured,
    read_lesion_model,
    save_drawings,
)
from npsle_app.templates import Template

_METHODS = (
    "Where there was no T1w image, lesions were sought on FLAIR alone, divided by the median of "
    "grey matter: on 1 mm cubes, the same features of brightness, contrast, shape and place went "
    "into a model trained without those of T1w; fluid was told by FLAIR itself. Borders of the "
    "brain were cleared in the manner of LST's lesion prediction algorithm. Lesions are voxels of "
    "at least {threshold}, on FLAIR's own grid, in components of at least {smallest:g} mm³."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhFlairOutputs:
    """Maps on FLAIR's own grid, and the limits that made the mask of the probability.

    `shown_share` is the share of the brain that FLAIR shows.
    """

    probability: Path
    mask: Path
    threshold: float
    min_lesion_mm3: float
    record: Path
    figures: tuple[Path, ...]
    shown_share: float

    @property
    def shows_whole_brain(self) -> bool:
        """Whether FLAIR shows enough of the brain for numbers of all of it."""
        return self.shown_share >= LEAST_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """The lesions, (I, J, K) bool on the grid of `alone.flair`, and how they came about."""

    alone: FlairAlone
    brain: nib.Nifti1Image
    content: FlairContent
    offsets_mm: Floats
    priors: LesionPriors
    map: LesionMap
    mask: Mask
    volumes_ml: dict[float, float]


@inheriting()
def run(
    *, flair: Scan, anat_flair: AnatFlairOutputs, settings: WmhSettings, out: Writer
) -> WmhFlairOutputs:
    """Find the lesions and measure them."""
    scan = subtract_offset(read_image(flair.path))
    try:
        findings = _find(scan, anat=anat_flair, settings=settings)
    except ValueError as error:
        msg = f"{flair.path.name}: {error}"
        raise ValueError(msg) from error
    saved = _save(findings, scan=flair.path, anat=anat_flair, settings=settings, out=out)
    checks = _check(scan, findings=findings)
    figures = save_drawings(_draw(findings, settings=settings), out=out)
    record = Record(
        stage="wmh_flair",
        methods=_METHODS.format(threshold=settings.threshold, smallest=settings.min_lesion_mm3),
        citations=("lst_lpa", "ljubljana", "ants_syn", "n4"),
        measures=measured(
            _numbers(findings),
            qc=worst([check.state for check in checks]),
            sources=(saved["mask"], saved["probability"]),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(findings),
    )
    return WmhFlairOutputs(
        **saved,
        threshold=settings.threshold,
        min_lesion_mm3=settings.min_lesion_mm3,
        record=out.record(record),
        figures=figure_paths(figures),
        shown_share=findings.alone.coverage,
    )


def _find(scan: nib.Nifti1Image, *, anat: AnatFlairOutputs, settings: WmhSettings) -> _Findings:
    flair, brain, field, back = (
        nib.Nifti1Image.from_filename(path)
        for path in (
            anat.flair,
            anat.brain_mask,
            anat.template_to_flair,
            anat.flair_to_template,
        )
    )
    priors = lesion_priors(flair, field=field)
    alone = look_at_flair(
        scan,
        flair=flair,
        brain=brain,
        template_brain=fraction(templates.load(Template.BRAIN)),
        flair_to_template=back,
    )
    values, inside = flair.get_fdata(dtype=np.float32), np.asarray(brain.dataobj) > 0
    lesion_map = lesion_probability(
        values,
        None,
        brain=alone.shown,
        priors=priors,
        voxel_sizes_mm=voxel_sizes(flair.affine),
        model=read_lesion_model(with_t1w=False),
    )
    voxel, smallest = voxel_mm3(flair), settings.min_lesion_mm3
    return _Findings(
        alone=alone,
        brain=brain,
        content=measure_content_alone(scan, alone=alone, brain=inside, priors=priors.tissue),
        offsets_mm=white_matter_offsets_mm(
            values,
            white_matter=flair_contrast(gm=priors.tissue.gm, wm=priors.tissue.wm),
            brain=inside,
            voxel_sizes_mm=voxel_sizes(flair.affine),
        ),
        priors=priors,
        map=lesion_map,
        mask=lesions(
            lesion_map.probability,
            voxel_mm3=voxel,
            threshold=settings.threshold,
            min_lesion_mm3=smallest,
        ),
        volumes_ml=lesion_volumes_ml(
            lesion_map.probability, voxel_mm3=voxel, min_lesion_mm3=smallest
        ),
    )


def _check(scan: nib.Nifti1Image, *, findings: _Findings) -> tuple[Check, ...]:
    return (
        check_coverage(findings.alone.coverage),
        check_slices(float(voxel_sizes(scan.affine).max())),
        check_template_place(findings.offsets_mm, scan="FLAIR"),
        *check_content_alone(findings.content),
        *check_lesions(
            findings.mask,
            brain=np.asarray(findings.brain.dataobj) > 0,
            priors=findings.priors,
            affine=findings.alone.flair.affine,
            volumes_ml=findings.volumes_ml,
        ),
    )


def _save(
    findings: _Findings,
    *,
    scan: Path,
    anat: AnatFlairOutputs,
    settings: WmhSettings,
    out: Writer,
) -> dict[str, Path]:
    grid = findings.alone.flair
    sources = (scan, anat.flair, anat.brain_mask, anat.template_to_flair)
    named = describe_lesion_model(with_t1w=False)
    model = {**named, "Templates": digests(LESIONS)}
    probability, mask = (
        on_grid_of(grid, data) for data in (findings.map.probability, findings.mask)
    )
    return {
        "probability": out.image(probability, File.WMH_PROBABILITY_ALONE, sources=sources, **model),
        "mask": out.image(
            mask, File.WMH_MASK_ALONE, sources=sources, **describe_limits(settings), **model
        ),
    }


def _draw(findings: _Findings, *, settings: WmhSettings) -> tuple[Drawing, ...]:
    grid, probability = findings.alone.flair, findings.map.probability
    return draw_lesion_map(
        grid,
        brain=findings.brain,
        probability=on_grid_of(grid, probability),
        mask=on_grid_of(grid, findings.mask),
        volumes_ml=lesion_volumes_ml(
            probability,
            voxel_mm3=voxel_mm3(grid),
            min_lesion_mm3=settings.min_lesion_mm3,
            thresholds=CURVE,
        ),
        threshold=settings.threshold,
    )


def _numbers(findings: _Findings) -> dict[str, float | None]:
    """Give no number where FLAIR shows too little of the brain, and no interval of the volume.

    The errors that intervals rest on are those of volumes by T1w and FLAIR together.
    """
    flair = findings.alone.flair
    numbers = lesion_numbers(
        findings.mask,
        probability=findings.map.probability,
        volumes_ml=findings.volumes_ml,
        voxel_mm3=voxel_mm3(flair),
        slice_mm=float(voxel_sizes(flair.affine).max()),
    )
    enough = findings.alone.coverage >= LEAST_SHOWN
    return {
        name: value if enough and name not in INTERVAL else None for name, value in numbers.items()
    }


def _choices(findings: _Findings) -> tuple[str, ...]:
    share = findings.alone.coverage
    if share >= LEAST_SHOWN:
        return (NO_T1W,)
    found_ml = float(findings.mask.sum()) * voxel_mm3(findings.alone.flair) / 1000
    little = (
        f"FLAIR shows {share:.0%} of the brain: {found_ml:.2f} mL in "
        f"{count_lesions(findings.mask)} lesions were found there. Numbers of the whole brain are "
        f"not given below {LEAST_SHOWN:.0%}."
    )
    return (NO_T1W, little)
