"""From a diffusion series as acquired to one that a tensor can be fitted to."""

from dataclasses import dataclass, field, replace

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.diffusion.alignment import estimate_motion
from npsle_app.imaging.diffusion.denoise import denoise
from npsle_app.imaging.diffusion.epi_distortion import (
    Head,
    Reverse,
    correct_shading,
    find_displacement,
    rigid_to_t1w,
)
from npsle_app.imaging.diffusion.gibbs import remove_ringing
from npsle_app.imaging.diffusion.gradients import Gradients, mean_unweighted
from npsle_app.imaging.diffusion.motion import (
    Motion,
    add_shell_shift,
    resample_series,
    rotated_gradients,
)
from npsle_app.imaging.diffusion.outliers import Outliers, find_outliers
from npsle_app.imaging.head.head_mask import head_mask
from npsle_app.imaging.space.registration import register_rigid, resample
from npsle_app.imaging.space.volumes import on_grid_of

_SHELL_GRID_MM = 3.0
_SURFACE_VOXELS = 3  # resampling reaches as far beyond the mask again
_SMALLEST = 2  # volumes below this cannot be aligned to anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Which steps are taken."""

    denoise: bool = True
    unring: bool = True
    align: bool = True
    undistort: bool = True
    unbias: bool = True
    replace_outliers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDwi:
    """The series, corrected, on its own grid in the place of its first b0 volume.

    Attributes
    ----------
    dwi : Nifti1Image
        (I, J, K, N), 0 away from the head.
    gradients : Gradients
        Turned with the head.
    b0, b0_before : Nifti1Image
        Mean unweighted volume, corrected, and before its distortion was undone.
    brain : Nifti1Image
        Mask.
    noise_sd : Nifti1Image or None
        Standard deviation of the noise before denoising.
    removed : Nifti1Image or None
        What denoising took away from each volume, moved and evened out as `dwi` was; 0 near the
        surface of the head and beyond.
    motion : Motion or None
        None where volumes were not aligned.
    outliers : Outliers or None
        None where too few directions let none be told.
    distortion : str
        `pair`, `t1w`, `none` (could not be corrected), `unlike` (what was found made the series
        less like T1w and was left out), `off` (switched off) or `external`.
    displacement_mm : Nifti1Image or None
        Along the phase-encoding axis.
    to_t1w : (4, 4) array or None
        Maps world points of the T1w image to the series; None without T1w image.
    """

    dwi: nib.Nifti1Image
    gradients: Gradients
    b0: nib.Nifti1Image
    b0_before: nib.Nifti1Image
    brain: nib.Nifti1Image
    noise_sd: nib.Nifti1Image | None = None
    removed: nib.Nifti1Image | None = None
    motion: Motion | None = None
    outliers: Outliers | None = None
    distortion: str = "none"
    displacement_mm: nib.Nifti1Image | None = None
    to_t1w: Floats | None = None
    notes: tuple[str, ...] = field(default=())


def prepare_dwi(
    series: nib.Nifti1Image,
    *,
    gradients: Gradients,
    reverse: Reverse | None,
    head: Head | None,
    phase_axis: int | None,
    steps: Steps,
    seed: int,
) -> PreparedDwi:
    """Denoise, unring, align, undistort, even out.

    Distortion is undone by the pair if there is a reversed image, else towards T1w if the
    phase-encoding axis is known, else not at all.

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N), with at least one volume of b < 50 s/mm².
    gradients : Gradients
        As played out, world axes.
    reverse : Reverse or None
        Mean unweighted image of opposite phase encoding.
    head : Head or None
        T1w image.
    phase_axis : int or None
        Image axis of phase encoding.
    """
    skull = head_mask(mean_unweighted(series, b_values=gradients.b_values))
    cleaned, noise, notes = clean(series, mask=skull, steps=steps)
    motion = None
    if steps.align and len(gradients.b_values) >= _SMALLEST:
        motion = align(cleaned, mask=skull, gradients=gradients, axis=phase_axis, seed=seed)
    turned = gradients if motion is None else rotated_gradients(gradients, motion=motion)
    before = mean_unweighted(
        resample_series(cleaned, mask=skull, motion=motion, displacement_mm=None, axis=phase_axis,
                   only=~gradients.weighted),
        b_values=gradients.b_values[~gradients.weighted],
    )  # fmt: skip
    method, displacement = "off" if not steps.undistort else "none", None
    if steps.undistort and phase_axis is not None:
        method, displacement, why_not = find_displacement(
            before, mask=skull, reverse=reverse, head=head, axis=phase_axis, seed=seed
        )
        if why_not:
            notes = (*notes, f"The image of reversed phase encoding was not used: {why_not}.")
    aligned = resample_series(
        cleaned,
        mask=skull,
        motion=motion,
        displacement_mm=displacement,
        axis=phase_axis,
        density=method == "pair",
    )
    removed = None
    if noise is not None:
        removed = resample_series(
            noise.removed, mask=ndimage.binary_erosion(skull, iterations=_SURFACE_VOXELS),
            motion=motion, displacement_mm=displacement, axis=phase_axis, positive=False,
        )  # fmt: skip
    found = _finish(aligned, gradients=turned, head=head, steps=steps, seed=seed, removed=removed)
    return replace(
        found,
        b0_before=before,
        noise_sd=None if noise is None else noise.sd,
        motion=motion,
        distortion=method,
        displacement_mm=None if displacement is None else on_grid_of(before, displacement),
        notes=notes,
    )


def use_preprocessed(
    series: nib.Nifti1Image, *, gradients: Gradients, head: Head | None, seed: int
) -> PreparedDwi:
    """Take a series that another program has corrected; nothing is done to its values."""
    nothing = Steps(
        denoise=False, unring=False, align=False, undistort=False, unbias=False,
        replace_outliers=False,
    )  # fmt: skip
    found = _finish(series, gradients=gradients, head=head, steps=nothing, seed=seed)
    return replace(found, distortion="external")


@dataclass(frozen=True, slots=True)
class Noise:
    """What denoising took away, (I, J, K, N), and its standard deviation, (I, J, K)."""

    removed: nib.Nifti1Image
    sd: nib.Nifti1Image


def clean(
    series: nib.Nifti1Image, *, mask: Mask, steps: Steps
) -> tuple[nib.Nifti1Image, Noise | None, tuple[str, ...]]:
    """Take noise and ringing from the series; say of each step that could not be taken why.

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N).
    mask : (I, J, K) array of bool
        Where the head is.
    steps : Steps
        Only `denoise` and `unring` are asked.

    Returns
    -------
    (series, noise, notes)
        Noise is None where it was not removed.
    """
    data, noise, notes = series.get_fdata(dtype=np.float32), None, []
    wide = ndimage.binary_dilation(mask, iterations=2)
    if steps.denoise:
        try:
            found = denoise(data, mask=wide)
            noise = Noise(
                nib.Nifti1Image(data - found.signal, series.affine),
                on_grid_of(series.slicer[..., 0], found.noise_sd),
            )
            data = found.signal
        except ValueError as error:
            notes.append(f"Noise was not removed: {error}.")
    if steps.unring:
        try:
            data = remove_ringing(data, mask=wide)
        except ValueError as error:
            notes.append(f"Gibbs ringing was not removed: {error}.")
    return nib.Nifti1Image(data, series.affine), noise, tuple(notes)


def align(
    series: nib.Nifti1Image, *, mask: Mask, gradients: Gradients, axis: int | None, seed: int
) -> Motion:
    """Align volumes within their shell, then the weighted ones as a whole with b0.

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N).
    mask : (I, J, K) array of bool
        Where the head is in the first b0 volume.
    gradients : Gradients
        As played out, world axes.
    axis : int or None
        Image axis of phase encoding; None leaves eddy currents unsought.
    """
    motion = estimate_motion(series, mask=mask, gradients=gradients, phase_axis=axis)
    weighted = gradients.weighted
    if not weighted.any() or weighted.all():
        return motion
    parts = [
        _mean(resample_series(series, mask=mask, motion=motion, displacement_mm=None, axis=axis,
                         only=chosen, order=1))
        for chosen in (~weighted, weighted)
    ]  # fmt: skip
    inside = on_grid_of(parts[0], ndimage.binary_dilation(mask, iterations=2))
    matrix = register_rigid(
        parts[1], fixed=parts[0], fixed_mask=inside, seed=seed, spacing_mm=_SHELL_GRID_MM
    )
    return add_shell_shift(motion, matrix=matrix, volumes=weighted)


def _finish(
    series: nib.Nifti1Image,
    *,
    gradients: Gradients,
    head: Head | None,
    steps: Steps,
    seed: int,
    removed: nib.Nifti1Image | None = None,
) -> PreparedDwi:
    """Even out the series, find the brain and the place of T1w, fix slices that dropped out."""
    b0 = mean_unweighted(series, b_values=gradients.b_values)
    skull = head_mask(b0)
    if steps.unbias:
        even, shading = correct_shading(b0, mask=skull, seed=seed)
        series, b0 = _divided(series, shading), even
        removed = None if removed is None else _divided(removed, shading)
    to_t1w, brain = None, skull
    if head is not None:
        to_t1w = rigid_to_t1w(b0, head=head, seed=seed)
        moved = resample(head.brain, reference=b0, matrix=np.linalg.inv(to_t1w), order=1)
        brain = (moved.get_fdata(dtype=np.float32) > 0.5) & (b0.get_fdata(dtype=np.float32) > 0)
    outliers = find_outliers(series, mask=brain, gradients=gradients)
    if outliers is not None and steps.replace_outliers:
        series = nib.Nifti1Image(outliers.fixed, series.affine)
    return PreparedDwi(
        dwi=series, gradients=gradients, b0=b0, b0_before=b0, brain=on_grid_of(b0, brain),
        outliers=outliers, to_t1w=to_t1w, removed=removed,
    )  # fmt: skip


def _divided(series: nib.Nifti1Image, shading: nib.Nifti1Image) -> nib.Nifti1Image:
    even = series.get_fdata(dtype=np.float32) / shading.get_fdata(dtype=np.float32)[..., None]
    return nib.Nifti1Image(even, series.affine)


def _mean(series: nib.Nifti1Image) -> nib.Nifti1Image:
    return on_grid_of(series.slicer[..., 0], series.get_fdata(dtype=np.float32).mean(axis=-1))
