"""Find white-matter hyperintensities and measure them."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from npsle_app.arrays import Floats, Mask
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.imaging.head.checks import check_template_place, white_matter_offsets_mm
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of, voxel_mm3
from npsle_app.imaging.wmh.checks import check_alignment, check_content, check_lesions, check_slices
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.flair import PreparedFlair, prepare_flair, subtract_offset
from npsle_app.imaging.wmh.flair_content import FlairContent, measure_content
from npsle_app.imaging.wmh.wmh import (
    LesionMap,
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
    soft_volume_ml,
)
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.lesion_model import describe_model, read_model
from npsle_app.stages.participant.priors import LESIONS, digests, lesion_priors
from npsle_app.stages.participant.wmh_figures import draw

_METHODS = (
    "FLAIR was brought to the T1w image by a rigid registration (mutual information), corrected "
    "for its bias field and divided by the median of grey matter. On 1 mm cubes, 24 features of "
    "brightness, contrast, shape, T1w signal and place went into a logistic and a gradient-boosted "
    "model whose log odds were averaged; borders of the brain were cleared in the manner of LST's "
    "lesion prediction algorithm, and the odds fitted to the load. Lesions are voxels of at least "
    "{threshold} in components of at least {smallest:g} mm³."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WmhOutputs:
    """Maps on the T1w grid."""

    flair: Path
    flair_to_t1w: Path
    probability: Path
    mask: Path
    record: Path
    figures: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The lesions, (I, J, K) bool on `grid`, and all that tells how they came about."""

    grid: nib.Nifti1Image
    brain: nib.Nifti1Image
    prepared: PreparedFlair
    content: FlairContent
    offsets_mm: Floats
    priors: LesionPriors
    map: LesionMap
    mask: Mask
    volumes_ml: dict[float, float]


def run(*, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer) -> WmhOutputs:
    """Find the lesions and measure them."""
    scan = subtract_offset(read_image(flair.path))
    try:
        found = _find(scan, anat=anat, settings=settings)
    except ValueError as error:
        msg = f"{flair.path.name}: {error}"
        raise ValueError(msg) from error
    saved = _save(found, flair=flair, anat=anat, settings=settings, out=out)
    checks = _check(scan, found=found)
    figures = draw(
        found.grid,
        brain=found.brain,
        prepared=found.prepared,
        probability=found.map.probability,
        mask=found.mask,
        settings=settings,
        out=out,
    )
    record = Record(
        stage="wmh",
        methods=_METHODS.format(threshold=settings.threshold, smallest=settings.min_lesion_mm3),
        citations=("lst_lpa", "ljubljana", "ants_syn", "n4"),
        measures=_measure(
            found,
            qc=worst([check.state for check in checks]),
            sources=(saved["mask"], saved["probability"]),
        ),
        checks=checks,
        figures=figures,
    )
    paths = tuple(path for f in figures for path in (f.path, f.after) if path)
    return WmhOutputs(**saved, record=out.record(record), figures=paths)


def _find(scan: nib.Nifti1Image, *, anat: AnatOutputs, settings: WmhSettings) -> _Found:
    t1w, brain, field = (
        nib.Nifti1Image.from_filename(path)
        for path in (anat.t1w, anat.brain_mask, anat.template_to_t1w)
    )
    check_same_grid(t1w, brain)
    prepared = prepare_flair(
        scan,
        t1w=t1w,
        brain=brain,
        seed=settings.random_seed,
        bias_sampling_mm=settings.bias_sampling_mm,
        bias_spline_mm=settings.bias_spline_mm,
    )
    priors = lesion_priors(t1w, field=field)
    content = measure_content(
        scan,
        prepared=prepared,
        t1w=t1w,
        brain=np.asarray(brain.dataobj) > 0,
        priors=priors.tissue,
    )
    try:
        found = lesion_probability(
            prepared.flair.get_fdata(dtype=np.float32),
            t1w.get_fdata(dtype=np.float32),
            brain=prepared.shown,
            priors=priors,
            voxel_sizes_mm=voxel_sizes(t1w.affine),
            model=read_model(),
        )
    except ValueError as error:
        raise ValueError(_explain(error, content=content)) from error
    voxel, smallest = voxel_mm3(t1w), settings.min_lesion_mm3
    return _Found(
        grid=t1w,
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
        map=found,
        mask=lesions(
            found.probability,
            voxel_mm3=voxel,
            threshold=settings.threshold,
            min_lesion_mm3=smallest,
        ),
        volumes_ml=lesion_volumes_ml(found.probability, voxel_mm3=voxel, min_lesion_mm3=smallest),
    )


def _explain(error: ValueError, *, content: FlairContent) -> str:
    """Say first what is wrong with the image, where the checks know it."""
    failed = (check for check in check_content(content) if check.state is Qc.FAIL)
    return "; ".join([*(f"{check.seen}: {check.advice}" for check in failed), str(error)])


def _check(scan: nib.Nifti1Image, *, found: _Found) -> tuple[Check, ...]:
    return (
        *check_alignment(found.prepared.alignment),
        check_slices(float(voxel_sizes(scan.affine).max())),
        check_template_place(found.offsets_mm),
        *check_content(found.content),
        *check_lesions(
            found.mask,
            brain=np.asarray(found.brain.dataobj) > 0,
            priors=found.priors,
            affine=found.grid.affine,
            volumes_ml=found.volumes_ml,
        ),
    )


def _save(
    found: _Found, *, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer
) -> dict[str, Path]:
    grid, stripped = found.grid, anat.intracranial_mask is None
    both = (flair.path, anat.t1w, anat.brain_mask)
    made = (*both, anat.template_to_t1w)
    model = {**describe_model(), "Templates": digests(LESIONS)}
    probability = on_grid_of(grid, found.map.probability)
    limits = {
        "Threshold": settings.threshold,
        "MinimumLesionVolume": settings.min_lesion_mm3,
        "MinimumLesionVolumeUnits": "mm3",
    }
    return {
        "flair": out.image(found.prepared.flair, File.FLAIR, sources=both, SkullStripped=stripped),
        "flair_to_t1w": out.matrix(
            found.prepared.matrix, File.FLAIR_TO_T1W, sources=(flair.path, anat.t1w)
        ),
        "probability": out.image(probability, File.WMH_PROBABILITY, sources=made, **model),
        "mask": out.image(
            on_grid_of(grid, found.mask), File.WMH_MASK, sources=made, **limits, **model
        ),
    }


def _measure(found: _Found, *, qc: Qc, sources: tuple[Path, ...]) -> tuple[Measure, ...]:
    voxel = voxel_mm3(found.grid)
    values = {
        "wmh_ml": float(found.mask.sum()) * voxel / 1000,
        **{f"wmh_ml_at_{threshold}": volume for threshold, volume in found.volumes_ml.items()},
        "wmh_soft_ml": soft_volume_ml(found.map.probability, voxel_mm3=voxel),
        "wmh_count": float(count_lesions(found.mask)),
    }
    return tuple(
        Measure(name=name, value=value, qc=qc, sources=sources) for name, value in values.items()
    )
