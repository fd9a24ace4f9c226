"""What a corrected diffusion series shows: tensor, maps, and numbers of its quality."""

from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.diffusion.coherence import Coherence, measure_coherence
from npsle_app.imaging.diffusion.epi_distortion import Head
from npsle_app.imaging.diffusion.gradient_offset import GradientOffset, add_offset, find_offset
from npsle_app.imaging.diffusion.gradients import Gradients, Selection
from npsle_app.imaging.diffusion.motion import (
    framewise_displacement_mm,
    head_shifts_mm,
    rotated_gradients,
)
from npsle_app.imaging.diffusion.preprocessing import PreparedDwi
from npsle_app.imaging.diffusion.tensor import (
    TensorFit,
    fit_tensors,
    fractional_anisotropy,
    mean_diffusivity,
    principal_directions,
)
from npsle_app.imaging.diffusion.volumes import Joined
from npsle_app.imaging.space.volumes import on_grid_of

_COLUMNS = {
    "volume": ("Number of the volume in the series, from 0", ""),
    "b_value": ("b-value", "s/mm2"),
    "shift_x_mm": ("Shift of the head to the right against the first b 0 volume", "mm"),
    "shift_y_mm": ("Shift to the front", "mm"),
    "shift_z_mm": ("Shift upwards", "mm"),
    "rotation_x_deg": ("Rotation vector, share about the axis to the right", "deg"),
    "rotation_y_deg": ("Rotation vector, share about the axis to the front", "deg"),
    "rotation_z_deg": ("Rotation vector, share about the axis upwards", "deg"),
    "framewise_displacement_mm": ("Motion since the volume before (Power 2012)", "mm"),
    "dropped_slices": ("Slices that lost their signal", ""),
}
_OFFSET_NUMBERS = (
    "dwi_gradient_offset_percent", "dwi_gradient_offset_se_percent",
    "dwi_gradient_scatter_percent", "dwi_gradient_scatter_left_percent",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DwiFindings:
    """A series with its tensor, maps (0 outside the brain) and numbers.

    `numbers` are None where they cannot be known; `coverage` is the share of the T1w brain in
    the field of view. `offset` was added to the gradients of `prepared` if `offset_corrected`.
    """

    joined: Joined
    prepared: PreparedDwi
    selection: Selection
    fit: TensorFit
    fa: nib.Nifti1Image
    adc: nib.Nifti1Image
    colour_fa: nib.Nifti1Image
    trace: nib.Nifti1Image
    coherence: Coherence
    shifts_mm: Floats | None
    displacement_mm: Floats | None
    dropped_share: float | None
    snr: float | None
    coverage: float | None
    offset: GradientOffset | None
    offset_corrected: bool

    @property
    def median_diffusivity(self) -> float:
        """Median of the mean diffusivity in the brain, mm²/s; NaN where no voxel was fitted."""
        inside = self.adc.get_fdata(dtype=np.float32)[self.fit.fitted]
        return float(np.median(inside)) if inside.size else float("nan")

    @property
    def numbers(self) -> dict[str, float | None]:
        """Values of the measures of the stage, by name."""
        moved, share = self.displacement_mm, self.dropped_share
        used = self.prepared.gradients.b_values[self.selection.volumes]
        return {
            "dwi_fd_mean_mm": None if moved is None else float(moved[1:].mean()),
            "dwi_fd_max_mm": None if moved is None else float(moved[1:].max()),
            "dwi_dropped_slices_percent": None if share is None else 100 * share,
            "dwi_b0_snr": self.snr,
            "dwi_directions_count": float(self.selection.n_directions),
            "dwi_b_s_per_mm2": float(used[used >= 50].mean()),
            **_offset_numbers(self.offset, corrected=self.offset_corrected),
        }


def study_series(
    prepared: PreparedDwi,
    *,
    joined: Joined,
    selection: Selection,
    head: Head | None,
    robust: bool,
    correct_offset: bool = True,
) -> DwiFindings:
    """Fit the tensor inside the brain and measure the quality of the series.

    Parameters
    ----------
    joined : Joined
        The runs as they were acquired, with gradients as the scanner applied them, before
        they were turned with the head.
    correct_offset : bool
        Whether an offset of the gradients is taken out where it is clear.
    """
    played_out = joined.gradients
    brain = np.asarray(prepared.brain.dataobj) > 0
    data, grid = prepared.dwi.get_fdata(dtype=np.float32), prepared.b0
    chosen = data[..., selection.volumes]
    offset = find_offset(
        chosen,
        played_out=played_out.take(selection.volumes),
        turned=prepared.gradients.take(selection.volumes),
        brain=brain,
    )
    corrected = correct_offset and offset is not None and offset.clear
    if corrected and offset is not None:
        gradients = _effective(played_out, offset=offset, prepared=prepared)
        prepared = replace(prepared, gradients=gradients)
    used = prepared.gradients.take(selection.volumes)
    fit = fit_tensors(
        chosen,
        b_values=used.b_values,
        directions=used.directions,
        mask=brain,
        robust=robust,
    )
    anisotropy = fractional_anisotropy(fit.tensors)
    colours = np.abs(_directions(fit)) * anisotropy[..., None]
    weighted = data[..., selection.volumes[used.weighted]].mean(axis=-1)
    moved = prepared.motion
    return DwiFindings(
        joined=joined,
        prepared=prepared,
        selection=selection,
        fit=fit,
        fa=on_grid_of(grid, anisotropy),
        adc=on_grid_of(grid, mean_diffusivity(fit.tensors)),
        colour_fa=on_grid_of(grid, colours),
        trace=on_grid_of(grid, np.where(brain, weighted, 0)),
        coherence=measure_coherence(fit.tensors, mask=brain, affine=grid.affine),
        shifts_mm=None if moved is None else head_shifts_mm(moved, gradients=played_out),
        displacement_mm=None
        if moved is None
        else framewise_displacement_mm(moved, gradients=played_out),
        dropped_share=_dropped_share(prepared),
        snr=_snr(prepared, brain=brain),
        coverage=None if head is None else _coverage(prepared, head=head),
        offset=offset,
        offset_corrected=corrected,
    )


def describe_volumes(findings: DwiFindings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return one column per quantity, a row for each volume, and what the columns mean."""
    prepared = findings.prepared
    count = len(prepared.gradients.b_values)
    unknown = np.full((count, 3), np.nan)
    motion = prepared.motion
    shifts = unknown if findings.shifts_mm is None else findings.shifts_mm
    turns = unknown if motion is None else np.rad2deg(motion.rotations)
    dropped = np.full(count, np.nan)
    if prepared.outliers is not None:
        dropped = prepared.outliers.found.sum(axis=0)
    moved = findings.displacement_mm
    columns = (
        np.arange(count),
        prepared.gradients.b_values,
        *shifts.T.round(4),
        *turns.T.round(4),
        np.full(count, np.nan) if moved is None else moved.round(4),
        dropped,
    )
    dictionary = {
        name: {"Description": text} | ({"Units": unit} if unit else {})
        for name, (text, unit) in _COLUMNS.items()
    }
    return dict(zip(_COLUMNS, columns, strict=True)), dictionary


def _effective(
    played_out: Gradients, *, offset: GradientOffset, prepared: PreparedDwi
) -> Gradients:
    """Return the gradients with their offset, turned with the head as the series is aligned."""
    effective = add_offset(played_out, vector=offset.vector)
    if prepared.motion is None:
        return effective
    return rotated_gradients(effective, motion=prepared.motion)


def _offset_numbers(offset: GradientOffset | None, *, corrected: bool) -> dict[str, float | None]:
    if offset is None:
        return dict.fromkeys(_OFFSET_NUMBERS)
    left = offset.spread_after if corrected else offset.spread_before
    values = (offset.size, float(np.linalg.norm(offset.se)), offset.spread_before, left)
    return {name: 100 * value for name, value in zip(_OFFSET_NUMBERS, values, strict=True)}


def _directions(fit: TensorFit) -> Floats:
    along = np.zeros((*fit.fitted.shape, 3))
    along[fit.fitted] = principal_directions(fit.tensors[fit.fitted])
    return along


def _dropped_share(prepared: PreparedDwi) -> float | None:
    if prepared.outliers is None:
        return None
    judged = np.isfinite(prepared.outliers.loss)
    return float(prepared.outliers.found.sum() / max(judged.sum(), 1))


def _snr(prepared: PreparedDwi, *, brain: Bools) -> float | None:
    if prepared.noise_sd is None:
        return None
    noise = prepared.noise_sd.get_fdata(dtype=np.float32)
    signal = prepared.b0_before.get_fdata(dtype=np.float32)
    known = brain & (noise > 0)
    return float(np.median(signal[known] / noise[known])) if known.any() else None


def _coverage(prepared: PreparedDwi, *, head: Head) -> float:
    if prepared.to_t1w is None:
        return 0.0
    brain = np.argwhere(np.asarray(head.brain.dataobj) > 0)[::7]
    to_voxel = np.linalg.inv(prepared.b0.affine) @ prepared.to_t1w @ head.brain.affine
    where = nib.affines.apply_affine(to_voxel, brain)
    inside = ((where > -0.5) & (where < np.array(prepared.b0.shape) - 0.5)).all(axis=1)
    return float(inside.mean()) if len(inside) else 0.0
