"""Prepare a diffusion series and fit its tensor."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from npsle_app.bids.input.gradients import read_plain_b_values, read_tables
from npsle_app.bids.input.phase_encoding import (
    as_run,
    distortion_ratio,
    is_doubtful,
    phase_axis,
)
from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import read_image
from npsle_app.bids.output.writer import Writer
from npsle_app.figures.stages.drawing import Drawing
from npsle_app.figures.stages.dwi import (
    draw_colours,
    draw_gradients,
    draw_losses,
    draw_motion,
    draw_on_t1w,
)
from npsle_app.imaging.diffusion.checks import (
    check_diffusivity,
    check_distortion,
    check_gradients,
    check_image,
    check_motion,
    check_offset,
    check_volumes,
)
from npsle_app.imaging.diffusion.epi_distortion import Head, Reverse
from npsle_app.imaging.diffusion.findings import DwiFindings, describe_volumes, study_series
from npsle_app.imaging.diffusion.gradients import (
    choose_volumes,
    mean_brightest,
    read_fsl,
    to_fsl,
)
from npsle_app.imaging.diffusion.preprocessing import (
    PreparedDwi,
    Steps,
    prepare_dwi,
    use_preprocessed,
)
from npsle_app.imaging.diffusion.tensor import six_components
from npsle_app.imaging.diffusion.volumes import join_runs
from npsle_app.imaging.space.registration import resample
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.records import Check, Record, worst
from npsle_app.settings import DwiSettings
from npsle_app.stages.participant.anat import AnatOutputs
from npsle_app.stages.participant.shared import figure_paths, inheriting, measured, save_drawings

_METHODS = (
    "Diffusion series were denoised by Marchenko-Pastur principal component analysis and freed of "
    "Gibbs ringing by sub-voxel shifts; volumes were aligned for motion and eddy currents with the "
    "mean of their shell and then with the prediction of a tensor from the other volumes, and the "
    "gradients turned along. A constant offset of the gradients, estimated from tissue with FA "
    "below 0.2 by generalized least squares, was added to the table where that made the "
    "diffusivity of this tissue clearly more alike over the directions. Distortion was undone "
    "along the phase-encoding axis by images of opposite phase encoding or, without them, towards "
    "the T1w image. Slices that lost their signal were replaced by the prediction, and N4 evened "
    "out the shading. The tensor was fitted "
    "by weighted least squares ({fit}) to volumes of b {shells} s/mm². Steps left out are named "
    "with the results."
)
_CITATIONS = (
    "veraart2016", "kellner2016", "andersson2016", "andersson2003", "leemans2009", "power2012",
    "schilling2019", "basser1996", "ozcan2010", "dipy", "ants_syn", "n4",
)  # fmt: skip
_EXTERNAL = (
    "The series was preprocessed by another program: denoising, ringing, motion, distortion and "
    "bias were left as they came."
)
_STEPS = {
    "denoise": "denoising",
    "remove_gibbs_ringing": "removal of Gibbs ringing",
    "align_volumes": "alignment of volumes",
    "correct_distortion": "correction of distortion",
    "correct_bias": "correction of shading",
    "replace_outlier_slices": "replacement of dropped slices",
    "correct_gradient_offset": "offset of the gradients",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DwiOutputs:
    """The series and its maps on its own grid; `dwi_to_t1w` is None without a T1w image.

    `noise` is what denoising took away, None where nothing did; `volumes` are the numbers of
    those that the tensor is fitted to, and `n_fitted` counts what was fitted to each voxel: 7, or
    10 where an offset was added to the gradients.
    """

    dwi: Path
    b_values: Path
    directions: Path
    b0: Path
    brain_mask: Path
    tensor: Path
    fa: Path
    adc: Path
    colour_fa: Path
    trace: Path
    dwi_to_t1w: Path | None
    displacement: Path | None
    noise: Path | None
    volumes: tuple[float, ...]
    n_fitted: float
    motion: Path
    record: Path
    figures: tuple[Path, ...]


@inheriting()
def run(*, dwi: Scan, anat: AnatOutputs | None, settings: DwiSettings, out: Writer) -> DwiOutputs:
    """Correct the series, fit the tensor, judge both."""
    try:
        findings = _find(dwi, anat=anat, settings=settings)
    except ValueError as error:
        msg = f"{dwi.path.name}: {error}"
        raise ValueError(msg) from error
    saved = _save(findings, scan=dwi, anat=anat, settings=settings, out=out)
    checks = _check(findings)
    figures = save_drawings(_draw(findings, head=_read_head(anat)), out=out)
    record = Record(
        stage="dwi",
        methods=_METHODS.format(
            fit="robust" if settings.robust_tensor else "two passes",
            shells=", ".join(f"{b:.0f}" for b in findings.selection.shells),
        ),
        citations=_CITATIONS,
        measures=measured(
            findings.numbers,
            qc=worst([check.state for check in checks]),
            sources=(saved["dwi"], saved["motion"]),
        ),
        checks=checks,
        figures=figures,
        choices=_choices(findings, scan=dwi, settings=settings),
    )
    return DwiOutputs(**saved, record=out.record(record), figures=figure_paths(figures))


def _find(scan: Scan, *, anat: AnatOutputs | None, settings: DwiSettings) -> DwiFindings:
    runs = (scan, *scan.runs)
    images = [read_image(one.path) for one in runs]
    tables = [read_tables(one.path) for one in runs]
    joined = join_runs(
        images,
        gradients=[
            read_fsl(b_values, vectors=vectors, affine=image.affine)
            for (b_values, vectors), image in zip(tables, images, strict=True)
        ],
        names=[one.path.name for one in runs],
    )
    series, gradients = joined.series, joined.gradients
    selection = choose_volumes(gradients)
    head, seed = _read_head(anat), settings.random_seed
    prepared: PreparedDwi = (
        use_preprocessed(series, gradients=gradients, head=head, seed=seed)
        if scan.preprocessed
        else prepare_dwi(
            series,
            gradients=gradients,
            reverse=_read_reverse(scan),
            head=head,
            phase_axis=phase_axis(scan),
            steps=_steps(settings),
            seed=seed,
        )
    )
    return study_series(
        prepared,
        joined=joined,
        selection=selection,
        head=head,
        robust=settings.robust_tensor,
        correct_offset=settings.correct_gradient_offset,
    )


def _read_head(anat: AnatOutputs | None) -> Head | None:
    if anat is None:
        return None
    return Head(t1w=read_image(anat.t1w), brain=read_image(anat.brain_mask))


def _read_reverse(scan: Scan) -> Reverse | None:
    if not scan.reverse:
        return None
    other = scan.reverse[0]
    image = read_image(other.path)
    return Reverse(
        image=mean_brightest(image, b_values=read_plain_b_values(other.path)),
        ratio=distortion_ratio(scan, other),
        sure=not is_doubtful(as_run(other), as_run(scan)),
    )


def _steps(settings: DwiSettings) -> Steps:
    return Steps(
        denoise=settings.denoise,
        unring=settings.remove_gibbs_ringing,
        align=settings.align_volumes,
        undistort=settings.correct_distortion,
        unbias=settings.correct_bias,
        replace_outliers=settings.replace_outlier_slices,
    )


def _check(findings: DwiFindings) -> tuple[Check, ...]:
    return (
        *check_volumes(findings.joined),
        *check_gradients(findings.selection, coherence=findings.coherence),
        check_offset(findings.offset, corrected=findings.offset_corrected),
        *check_motion(findings.displacement_mm, dropped_share=findings.dropped_share),
        check_distortion(findings.prepared.distortion),
        *check_image(findings.prepared.b0, snr=findings.snr, coverage=findings.coverage),
        check_diffusivity(findings.median_diffusivity),
    )


def _save(
    findings: DwiFindings,
    *,
    scan: Scan,
    anat: AnatOutputs | None,
    settings: DwiSettings,
    out: Writer,
) -> dict[str, Any]:
    prepared, grid = findings.prepared, findings.prepared.b0
    raw = tuple(one.path for one in (scan, *scan.runs, *scan.reverse))
    both = (*raw, anat.t1w, anat.brain_mask) if anat else raw
    done = _describe(findings, scan=scan, settings=settings)
    dwi = out.image(prepared.dwi, File.DWI, sources=both, **done)
    b_values, directions = out.gradients(
        dwi,
        b_values=prepared.gradients.b_values,
        vectors=to_fsl(prepared.gradients, affine=grid.affine),
    )
    fit = {"FitMethod": "WLS, robust" if settings.robust_tensor else "WLS",
           "Shells": list(findings.selection.shells)}  # fmt: skip
    maps = {
        "b0": (grid, File.DWI_B0, done),
        "brain_mask": (prepared.brain, File.DWI_BRAIN_MASK, {}),
        "tensor": (on_grid_of(grid, six_components(findings.fit.tensors)), File.DWI_TENSOR, fit),
        "fa": (findings.fa, File.DWI_FA, fit),
        "adc": (findings.adc, File.DWI_ADC, fit),
        "colour_fa": (findings.colour_fa, File.DWI_COLOUR_FA, fit),
        "trace": (findings.trace, File.DWI_TRACE, fit),
    }
    saved = {
        name: out.image(image, file, sources=both, **metadata)
        for name, (image, file, metadata) in maps.items()
    }
    rows, dictionary = describe_volumes(findings)
    return {
        "dwi": dwi,
        "b_values": b_values,
        "directions": directions,
        **saved,
        **_save_transforms(prepared, raw=raw, anat=anat, out=out),
        "noise": _save_noise(findings, sources=both, out=out),
        "volumes": tuple(map(float, findings.selection.volumes)),
        "n_fitted": 10.0 if findings.offset_corrected else 7.0,
        "motion": out.table(pd.DataFrame(rows), File.DWI_MOTION, dictionary=dictionary),
    }


def _save_noise(findings: DwiFindings, *, sources: tuple[Path, ...], out: Writer) -> Path | None:
    """Save what denoising took away from the volumes of the tensor, in 16 bits."""
    removed = findings.prepared.removed
    if removed is None:
        return None
    used = removed.get_fdata(dtype=np.float32)[..., findings.selection.volumes]
    image = nib.Nifti1Image(used, removed.affine)
    image.set_data_dtype(np.int16)
    volumes = findings.selection.volumes.tolist()
    return out.image(image, File.DWI_NOISE, sources=sources, Volumes=volumes)


def _save_transforms(
    prepared: PreparedDwi, *, raw: tuple[Path, ...], anat: AnatOutputs | None, out: Writer
) -> dict[str, Path | None]:
    matrix, shift = prepared.to_t1w, prepared.displacement_mm
    return {
        "dwi_to_t1w": None
        if matrix is None or anat is None
        else out.matrix(matrix, File.DWI_TO_T1W, sources=(raw[0], anat.t1w)),
        "displacement": None
        if shift is None
        else out.image(shift, File.DWI_DISPLACEMENT, sources=raw),
    }


def _describe(findings: DwiFindings, *, scan: Scan, settings: DwiSettings) -> dict[str, Any]:
    """Say in a sidecar what was done."""
    if scan.preprocessed:
        return {"PreprocessedExternally": True, "GradientOffset": _offset(findings)}
    taken = {name: getattr(settings, name) for name in _STEPS}
    return {
        "Steps": taken,
        "DistortionCorrection": findings.prepared.distortion,
        "GradientOffset": _offset(findings),
    }


def _offset(findings: DwiFindings) -> list[float]:
    """Return what was added to each gradient along world axes, as a fraction; zeros if nothing."""
    if findings.offset is None or not findings.offset_corrected:
        return [0.0, 0.0, 0.0]
    return [round(float(one), 6) for one in findings.offset.vector]


def _draw(findings: DwiFindings, *, head: Head | None) -> Iterator[Drawing]:
    prepared, gradients = findings.prepared, findings.prepared.gradients
    yield draw_colours(findings.fa, directions=findings.colour_fa, brain=prepared.brain)
    if head is not None and prepared.to_t1w is not None:
        images = {False: prepared.b0_before, True: prepared.b0}
        for corrected, image in images.items():
            if corrected or prepared.displacement_mm is not None:
                b0 = resample(image, reference=head.t1w, matrix=prepared.to_t1w, order=1)
                yield draw_on_t1w(b0, t1w=head.t1w, brain=head.brain, corrected=corrected)
    yield draw_gradients(
        gradients.directions,
        b_values=gradients.b_values,
        used=np.isin(np.arange(len(gradients.b_values)), findings.selection.volumes),
    )
    shifts_mm, displacement_mm = findings.shifts_mm, findings.displacement_mm
    if prepared.motion is not None and shifts_mm is not None and displacement_mm is not None:
        yield draw_motion(
            shifts_mm,
            rotations_deg=np.rad2deg(prepared.motion.rotations),
            displacement_mm=displacement_mm,
        )
    if prepared.outliers is not None:
        yield draw_losses(prepared.outliers.loss, dropped=prepared.outliers.found)


def _choices(findings: DwiFindings, *, scan: Scan, settings: DwiSettings) -> tuple[str, ...]:
    if scan.preprocessed:
        return (_EXTERNAL,)
    left_out = [text for name, text in _STEPS.items() if not getattr(settings, name)]
    choices = [f"Left out by the settings: {', '.join(left_out)}."] if left_out else []
    if scan.runs:
        names = ", ".join(one.path.name for one in (scan, *scan.runs))
        choices.append(f"Runs measured as one series: {names}.")
    if scan.reverse and findings.prepared.distortion == "pair":
        choices.append(f"Distortion was taken from {scan.reverse[0].path.name}.")
    return (*choices, *findings.joined.left_out, *findings.prepared.notes)
