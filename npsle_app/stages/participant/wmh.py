"""Find white-matter hyperintensities and measure them."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.wmh import draw_wmh
from npsle_app.imaging.head.checks import check_template_place, white_matter_offsets_mm
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of, voxel_mm3
from npsle_app.imaging.wmh.checks import (
    LEAST_SHOWN,
    check_alignment,
    check_content,
    check_holes,
    check_lesions,
    check_slices,
)
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.flair import PreparedFlair, prepare_flair, subtract_offset
from npsle_app.imaging.wmh.flair_content import FlairContent, measure_content
from npsle_app.imaging.wmh.volume_error import interval_ml
from npsle_app.imaging.wmh.wmh import (
    LesionMap,
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
    soft_volume_ml,
)
from npsle_app.records import Check, Qc, Record, worst
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.shared import (
    LESIONS,
    describe_lesion_model,
    digests,
    figure_paths,
    inheriting,
    lesion_priors,
    measured,
    read_lesion_model,
    read_volume_errors,
    save_drawings,
)

_METHODS = (
    "FLAIR was brought to the T1w image by a rigid registration (mutual information), corrected "
    "for its bias field and divided by the median of grey matter. On 1 mm cubes, 31 features of "
    "brightness, contrast, shape, T1w signal and place, of what is bright at this place in people "
    "without lesions and of the other side went into a logistic and a gradient-boosted model whose "
    "log odds were averaged; borders of the brain were cleared in the manner of LST's lesion "
    "prediction algorithm, and bodies that healthy brains have too taken out by place, shape and "
    "T1w signal. Lesions are voxels of at least "
    "{threshold} in components of at least {smallest:g} mm³."
)
CURVE = tuple(round(0.05 * step, 2) for step in range(1, 19))  # thresholds that are drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhOutputs:
    """Maps on the T1w grid, and the limits that made the mask of the probability.

    `shown_share` is the share of the brain that FLAIR shows.
    """

    flair: Path
    flair_to_t1w: Path
    probability: Path
    mask: Path
    threshold: float
    min_lesion_mm3: float
    record: Path
    figures: tuple[Path, ...]
    shown_share: float = 1.0

    @property
    def shows_whole_brain(self) -> bool:
        """Whether FLAIR shows enough of the brain for numbers of all of it."""
        return self.shown_share >= LEAST_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """The lesions, (I, J, K) bool on `grid`, and all that tells how they came about.

    `slice_mm` is the longest voxel edge of FLAIR as acquired.
    """

    grid: nib.Nifti1Image
    slice_mm: float
    brain: nib.Nifti1Image
    prepared: PreparedFlair
    content: FlairContent
    offsets_mm: Floats
    priors: LesionPriors
    map: LesionMap
    mask: Mask
    volumes_ml: dict[float, float]


@inheriting()
def run(*, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer) -> WmhOutputs:
    """Find the lesions and measure them."""
    scan = subtract_offset(read_image(flair.path))
    try:
        findings = _find(scan, anat=anat, settings=settings)
    except ValueError as error:
        msg = f"{flair.path.name}: {error}"
        raise ValueError(msg) from error
    saved = _save(findings, flair=flair, anat=anat, settings=settings, out=out)
    checks = _check(findings)
    figures = save_drawings(_draw(findings, settings=settings), out=out)
    record = Record(
        stage="wmh",
        methods=_METHODS.format(threshold=settings.threshold, smallest=settings.min_lesion_mm3),
        citations=("lst_lpa", "ljubljana", "ants_syn", "n4"),
        measures=measured(
            _of_whole_brain(_numbers(findings), findings=findings),
            qc=worst([check.state for check in checks]),
            sources=(saved["mask"], saved["probability"]),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(findings),
    )
    return WmhOutputs(
        **saved,
        threshold=settings.threshold,
        min_lesion_mm3=settings.min_lesion_mm3,
        record=out.record(record),
        figures=figure_paths(figures),
        shown_share=findings.prepared.alignment.coverage,
    )


def _choices(findings: _Findings) -> tuple[str, ...]:
    share = findings.prepared.alignment.coverage
    if share >= LEAST_SHOWN:
        return ()
    found_ml = float(findings.mask.sum()) * voxel_mm3(findings.grid) / 1000
    told = (
        f"FLAIR shows {share:.0%} of the brain: {found_ml:.2f} mL in "
        f"{count_lesions(findings.mask)} lesions were found there. Numbers of the whole brain are "
        f"not given below {LEAST_SHOWN:.0%}."
    )
    return (told,)


def _find(scan: nib.Nifti1Image, *, anat: AnatOutputs, settings: WmhSettings) -> _Findings:
    t1w, brain, field = (
        nib.Nifti1Image.from_filename(path)
        for path in (anat.t1w, anat.brain_mask, anat.template_to_t1w)
    )
    check_same_grid(t1w, brain)
    priors = lesion_priors(t1w, field=field)
    prepared = prepare_flair(
        scan,
        t1w=t1w,
        brain=brain,
        priors=priors.tissue,
        seed=settings.random_seed,
        bias_sampling_mm=settings.bias_sampling_mm,
        bias_spline_mm=settings.bias_spline_mm,
    )
    content = measure_content(
        scan,
        prepared=prepared,
        t1w=t1w,
        brain=np.asarray(brain.dataobj) > 0,
        priors=priors.tissue,
    )
    try:
        lesion_map = lesion_probability(
            prepared.flair.get_fdata(dtype=np.float32),
            t1w.get_fdata(dtype=np.float32),
            brain=prepared.shown,
            priors=priors,
            voxel_sizes_mm=voxel_sizes(t1w.affine),
            model=read_lesion_model(),
        )
    except ValueError as error:
        raise ValueError(_explain(error, content=content)) from error
    voxel, smallest = voxel_mm3(t1w), settings.min_lesion_mm3
    return _Findings(
        grid=t1w,
        slice_mm=float(voxel_sizes(scan.affine).max()),
        brain=brain,
        prepared=prepared,
        content=content,
        offsets_mm=white_matter_offsets_mm(
            t1w.get_fdata(dtype=np.float32),
            white_matter=priors.tissue.wm,
            brain=np.asarray(brain.dataobj) > 0,
            voxel_sizes_mm=voxel_sizes(t1w.affine),
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


def _explain(error: ValueError, *, content: FlairContent) -> str:
    """Say first what is wrong with the image, where the checks know it."""
    failed = (check for check in check_content(content) if check.state is Qc.FAIL)
    return "; ".join([*(f"{check.seen}: {check.advice}" for check in failed), str(error)])


def _check(findings: _Findings) -> tuple[Check, ...]:
    return (
        *check_alignment(findings.prepared.alignment),
        check_slices(findings.slice_mm),
        check_template_place(findings.offsets_mm),
        check_holes(findings.prepared.holes),
        *check_content(findings.content),
        *check_lesions(
            findings.mask,
            brain=np.asarray(findings.brain.dataobj) > 0,
            priors=findings.priors,
            affine=findings.grid.affine,
            volumes_ml=findings.volumes_ml,
        ),
    )


def _save(
    findings: _Findings, *, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer
) -> dict[str, Path]:
    grid, stripped = findings.grid, anat.intracranial_mask is None
    both = (flair.path, anat.t1w, anat.brain_mask)
    every = (*both, anat.template_to_t1w)
    model = {**describe_lesion_model(), "Templates": digests(LESIONS)}
    probability = on_grid_of(grid, findings.map.probability)
    return {
        "flair": out.image(
            findings.prepared.flair, File.FLAIR, sources=both, SkullStripped=stripped
        ),
        "flair_to_t1w": out.matrix(
            findings.prepared.matrix, File.FLAIR_TO_T1W, sources=(flair.path, anat.t1w)
        ),
        "probability": out.image(probability, File.WMH_PROBABILITY, sources=every, **model),
        "mask": out.image(
            on_grid_of(grid, findings.mask),
            File.WMH_MASK,
            sources=every,
            **describe_limits(settings),
            **model,
        ),
    }


def _draw(findings: _Findings, *, settings: WmhSettings) -> tuple[Drawing, ...]:
    grid, probability = findings.grid, findings.map.probability
    return draw_wmh(
        findings.prepared.flair,
        t1w=grid,
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


def _of_whole_brain(numbers: dict[str, float], *, findings: _Findings) -> dict[str, float | None]:
    """Give no number where FLAIR shows too little of the brain."""
    enough = findings.prepared.alignment.coverage >= LEAST_SHOWN
    return {name: value if enough else None for name, value in numbers.items()}


def _numbers(findings: _Findings) -> dict[str, float]:
    return lesion_numbers(
        findings.mask,
        probability=findings.map.probability,
        volumes_ml=findings.volumes_ml,
        voxel_mm3=voxel_mm3(findings.grid),
        slice_mm=findings.slice_mm,
    )


def describe_limits(settings: WmhSettings) -> dict[str, object]:
    """Say what made the mask of the probability, for its sidecar."""
    return {
        "Threshold": settings.threshold,
        "MinimumLesionVolume": settings.min_lesion_mm3,
        "MinimumLesionVolumeUnits": "mm3",
    }


def lesion_numbers(
    mask: Mask,
    *,
    probability: Volume,
    volumes_ml: dict[float, float],
    voxel_mm3: float,
    slice_mm: float,
) -> dict[str, float]:
    """Name volumes and count of lesions as the tables do; `volumes_ml` is by threshold."""
    volume = float(mask.sum()) * voxel_mm3 / 1000
    low, high = interval_ml(volume, slice_mm=slice_mm, errors=read_volume_errors())
    return {
        "wmh_ml": volume,
        "wmh_low_ml": low,
        "wmh_high_ml": high,
        **{f"wmh_ml_at_{threshold}": volume for threshold, volume in volumes_ml.items()},
        "wmh_soft_ml": soft_volume_ml(probability, voxel_mm3=voxel_mm3),
        "wmh_count": float(count_lesions(mask)),
    }
