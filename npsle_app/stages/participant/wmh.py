"""Find white-matter hyperintensities and measure them."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.bids.names import File
from npsle_app.bids.reader import read_image
from npsle_app.bids.scans import Scan
from npsle_app.bids.writer import Writer
from npsle_app.figures.slices import draw_curve, draw_lesions, draw_pair
from npsle_app.imaging import lesion_gates, registration
from npsle_app.imaging.bias_field import correct_bias
from npsle_app.imaging.lesion_features import Mask
from npsle_app.imaging.volumes import check_same_grid, like, voxel_mm3
from npsle_app.imaging.wmh import (
    THRESHOLDS,
    Coefficients,
    LesionMap,
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
    soft_volume_ml,
)
from npsle_app.records import FigureRecord, Gate, Measure, Qc, Record, worst
from npsle_app.settings import WmhSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.priors import LESIONS, digests, lesion_priors

_COEFFICIENTS = "wmh_coefficients.json"
_METHODS = (
    "FLAIR was brought to the T1w image by a rigid registration (mutual information), corrected "
    "for its bias field and divided by the median of grey matter. A logistic model of brightness, "
    "local contrast, tissue priors and a spatial prior of lesions, in the manner of LST's lesion "
    "prediction algorithm, gave a probability of white-matter hyperintensity; lesions are voxels "
    "of at least {threshold} in components of at least {smallest:g} mm³."
)
_CURVE = tuple(round(0.05 * step, 2) for step in range(1, 19))


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
class _Aligned:
    """FLAIR on the T1w grid, where it shows the brain, and how it got there."""

    flair: nib.Nifti1Image
    shown: Mask
    matrix: NDArray[np.float64]
    gates: tuple[Gate, ...]


def run(*, flair: Scan, anat: AnatOutputs, settings: WmhSettings, out: Writer) -> WmhOutputs:
    """Find the lesions and measure them."""
    t1w, brain, field = (
        nib.Nifti1Image.from_filename(path)
        for path in (anat.t1w, anat.brain_mask, anat.template_to_t1w)
    )
    check_same_grid(t1w, brain)
    scan = read_image(flair.path)
    aligned = _align(scan, t1w=t1w, brain=brain, settings=settings)
    priors = lesion_priors(t1w, field=field)
    found = lesion_probability(
        aligned.flair.get_fdata(dtype=np.float32),
        t1w.get_fdata(dtype=np.float32),
        brain=aligned.shown,
        priors=priors,
        voxel_sizes_mm=voxel_sizes(t1w.affine),
        coefficients=read_coefficients(),
    )
    mask = lesions(
        found.probability,
        voxel_mm3=voxel_mm3(t1w),
        threshold=settings.threshold,
        min_lesion_mm3=settings.min_lesion_mm3,
    )
    saved = _save(
        flair, aligned=aligned, found=found, mask=mask, anat=anat, settings=settings, out=out
    )
    gates = (
        *aligned.gates,
        *lesion_gates.check_scan(
            slice_mm=float(voxel_sizes(scan.affine).max()), wm_to_gm=found.tissue.wm_to_gm
        ),
        *lesion_gates.check_lesions(
            mask,
            brain=np.asarray(brain.dataobj) > 0,
            priors=priors,
            affine=t1w.affine,
            volumes_ml=_volumes(found, grid=t1w, settings=settings, thresholds=THRESHOLDS),
        ),
    )
    figures = _draw(
        t1w, brain=brain, aligned=aligned, found=found, mask=mask, settings=settings, out=out
    )
    record = Record(
        stage="wmh",
        methods=_METHODS.format(threshold=settings.threshold, smallest=settings.min_lesion_mm3),
        citations=("lst_lpa", "ljubljana", "ants_syn", "n4"),
        measures=_measure(
            found,
            mask=mask,
            grid=t1w,
            settings=settings,
            qc=worst([gate.state for gate in gates]),
            sources=(saved["mask"], saved["probability"]),
        ),
        gates=gates,
        figures=figures,
    )
    return WmhOutputs(
        **saved,
        record=out.record(record),
        figures=tuple(
            path for figure in figures for path in (figure.path, figure.after) if path is not None
        ),
    )


def read_coefficients() -> Coefficients:
    """Read the model that comes with the package."""
    content = json.loads((files("npsle_app") / "data" / _COEFFICIENTS).read_text("utf-8"))
    return Coefficients(
        model=content["model"], intercept=content["intercept"], weights=content["weights"]
    )


def _align(
    scan: nib.Nifti1Image, *, t1w: nib.Nifti1Image, brain: nib.Nifti1Image, settings: WmhSettings
) -> _Aligned:
    """Bring FLAIR to the T1w grid and take its bias field out."""
    matrix = registration.register_rigid(
        scan, fixed=t1w, fixed_mask=brain, seed=settings.random_seed
    )
    before, after = (
        registration.resample(scan, reference=t1w, matrix=way, order=order)
        for way, order in ((np.eye(4), 1), (matrix, 3))
    )
    inside = np.asarray(brain.dataobj) > 0
    shown = inside & _shown(scan, t1w=t1w, matrix=matrix)
    found = lesion_gates.measure_alignment(
        matrix,
        t1w=t1w.get_fdata(dtype=np.float32),
        before=before.get_fdata(dtype=np.float32),
        after=after.get_fdata(dtype=np.float32),
        brain=inside,
        shown=shown,
        affine=t1w.affine,
    )
    corrected, _ = correct_bias(
        after,
        mask=like(t1w, shown),
        sampling_mm=settings.bias_sampling_mm,
        spline_mm=settings.bias_spline_mm,
        seed=settings.random_seed,
    )
    return _Aligned(
        flair=corrected, shown=shown, matrix=matrix, gates=lesion_gates.check_alignment(found)
    )


def _shown(
    scan: nib.Nifti1Image, *, t1w: nib.Nifti1Image, matrix: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mark where the scan has a value: neither beyond its field of view nor cut away.

    Its two outermost planes do not count: blood and fluid that flow into them are bright.
    """
    has_value = scan.get_fdata(dtype=np.float32) != 0
    seen = like(scan, np.pad(has_value[2:-2, 2:-2, 2:-2], 2).astype(np.float32))
    there = registration.resample(seen, reference=t1w, matrix=matrix, order=0)
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(there.get_fdata() > 0.5)
    return filled


def _save(
    flair: Scan,
    *,
    aligned: _Aligned,
    found: LesionMap,
    mask: Mask,
    anat: AnatOutputs,
    settings: WmhSettings,
    out: Writer,
) -> dict[str, Path]:
    both = (flair.path, anat.t1w, anat.brain_mask)
    made = (*both, anat.template_to_t1w)
    model: dict[str, Any] = {
        "Model": read_coefficients().model,
        "ModelSha256": _model_digest(),
        "Templates": digests(LESIONS),
    }
    image = aligned.flair
    return {
        "flair": out.image(
            image,
            File.FLAIR,
            sources=both,
            SkullStripped=anat.intracranial_mask is None,
        ),
        "flair_to_t1w": out.matrix(
            aligned.matrix, File.FLAIR_TO_T1W, sources=(flair.path, anat.t1w)
        ),
        "probability": out.image(
            like(image, found.probability), File.WMH_PROBABILITY, sources=made, **model
        ),
        "mask": out.image(
            like(image, mask),
            File.WMH_MASK,
            sources=made,
            Threshold=settings.threshold,
            MinimumLesionVolume=settings.min_lesion_mm3,
            MinimumLesionVolumeUnits="mm3",
            **model,
        ),
    }


def _measure(
    found: LesionMap,
    *,
    mask: Mask,
    grid: nib.Nifti1Image,
    settings: WmhSettings,
    qc: Qc,
    sources: tuple[Path, ...],
) -> tuple[Measure, ...]:
    voxel = voxel_mm3(grid)
    volumes = _volumes(found, grid=grid, settings=settings, thresholds=THRESHOLDS)
    values = {
        "wmh_ml": float(mask.sum()) * voxel / 1000,
        **{f"wmh_ml_at_{threshold}": volume for threshold, volume in volumes.items()},
        "wmh_soft_ml": soft_volume_ml(found.probability, voxel_mm3=voxel),
        "wmh_count": float(count_lesions(mask)),
    }
    return tuple(
        Measure(name=name, value=value, qc=qc, sources=sources) for name, value in values.items()
    )


def _volumes(
    found: LesionMap,
    *,
    grid: nib.Nifti1Image,
    settings: WmhSettings,
    thresholds: tuple[float, ...],
) -> dict[float, float]:
    return lesion_volumes_ml(
        found.probability,
        voxel_mm3=voxel_mm3(grid),
        min_lesion_mm3=settings.min_lesion_mm3,
        thresholds=thresholds,
    )


def _draw(
    t1w: nib.Nifti1Image,
    *,
    brain: nib.Nifti1Image,
    aligned: _Aligned,
    found: LesionMap,
    mask: Mask,
    settings: WmhSettings,
    out: Writer,
) -> tuple[FigureRecord, ...]:
    lesion_figure = draw_lesions(
        aligned.flair,
        probability=like(t1w, found.probability),
        mask=like(t1w, mask),
        brain=brain,
    )
    pair = draw_pair(t1w, aligned.flair, focus=brain, contours={"brain mask": brain})
    curve = _volumes(found, grid=t1w, settings=settings, thresholds=_CURVE)
    curve_figure = draw_curve(
        list(curve),
        list(curve.values()),
        x_label="threshold",
        y_label="lesion volume (mL)",
        marker=settings.threshold,
    )
    return (
        FigureRecord(
            title="White-matter hyperintensities",
            path=out.figure(lesion_figure, "wmh-lesions"),
            caption="Above, the lesion mask on FLAIR; below, the probability. Bright spots of "
            "white matter should be outlined; cortex, choroid plexus and the midline "
            "between the ventricles should not.",
        ),
        FigureRecord(
            title="FLAIR on T1w",
            path=out.figure(pair[0], "wmh-registration-t1w"),
            after=out.figure(pair[1], "wmh-registration-flair"),
            caption="T1w and FLAIR on the same grid: ventricles, sulci and the brain's outline "
            "should stay in place.",
        ),
        FigureRecord(
            title="Lesion volume against threshold",
            path=out.figure(curve_figure, "wmh-threshold"),
            caption="The flatter the curve around the chosen threshold, the less the volume "
            "hangs on it.",
        ),
    )


def _model_digest() -> str:
    return hashlib.sha256((files("npsle_app") / "data" / _COEFFICIENTS).read_bytes()).hexdigest()
