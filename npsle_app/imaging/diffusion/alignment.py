"""Align the volumes of a diffusion series: motion of the head, eddy currents of the gradients.

A volume's matrix maps world points (RAS, mm) of the first b0 volume to points of that volume,
as resampling needs it.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import MAD_TO_SD, Bools, Floats, Ints, Reals
from npsle_app.imaging.diffusion.gradients import Gradients, find_shells
from npsle_app.imaging.diffusion.motion import Motion, rotated_gradients
from npsle_app.imaging.diffusion.tensor import MIN_DIRECTIONS, design_matrix

_GRID_MM = 4.0
# Smoothing (full width at half maximum) and target of each round. A tensor fitted to volumes
# that lie apart bends to them and holds them there; the mean of a shell does not.
_ROUNDS = ((6.0, False), (6.0, False), (6.0, False), (4.0, True))
_STEPS = 4
_MIN_POINTS = 500
_MAX_LEVERAGE = 0.8
_FLOOR = 1e-3  # of the largest signal
_B_SCALE = np.array([1000.0] * 6 + [1.0])  # so that no column of the design outweighs another


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Smoothed volumes on a coarse grid, with the points where they are compared."""

    volumes: list[nib.Nifti1Image]
    inside: Bools
    points_mm: Floats


def estimate_motion(
    series: nib.Nifti1Image,
    *,
    mask: Bools,
    gradients: Gradients,
    phase_axis: int | None,
) -> Motion:
    """Find motion and eddy currents of each volume.

    Each volume is compared with the mean of its shell, then with what a tensor fitted to the
    other volumes of the shell predicts for it, each time from all volumes as they then lie.
    Unweighted volumes are compared with the first of them. What remains between a shell as a
    whole and the unweighted volumes is not seen here (`add_shell_shift`).

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N).
    mask : (I, J, K) array of bool
        Brain in the first unweighted volume.
    gradients : Gradients
        As played out by the scanner.
    phase_axis : int or None
        Image axis of phase encoding; eddy currents stretch, shear and shift along it.

    Raises
    ------
    ValueError
        If the mask is too small to align anything.

    References
    ----------
    Andersson and Sotiropoulos (2016) NeuroImage 125:1063-78.
    doi:10.1016/j.neuroimage.2015.10.019 (prediction instead of one volume as the target)
    """
    labels, _ = find_shells(gradients.b_values)
    motion = _at_rest(series, mask=mask, phase_axis=phase_axis)
    smoothed = {fwhm_mm: _sample(series, mask=mask, fwhm_mm=fwhm_mm) for fwhm_mm in dict(_ROUNDS)}
    for fwhm_mm, predicts in _ROUNDS:
        seen = _look_at_all(smoothed[fwhm_mm], motion=motion)
        turned = rotated_gradients(gradients, motion=motion) if predicts else None
        targets = _targets(seen, labels=labels, gradients=turned)
        motion = _improve(smoothed[fwhm_mm], motion=motion, targets=targets, weighted=labels > 0)
    return motion


def _at_rest(series: nib.Nifti1Image, *, mask: Bools, phase_axis: int | None) -> Motion:
    where = np.argwhere(mask)
    if len(where) < _MIN_POINTS:
        msg = f"the brain mask has {len(where)} voxels, too few to align volumes"
        raise ValueError(msg)
    centre = nib.affines.apply_affine(series.affine, where.mean(axis=0))
    still = np.zeros((series.shape[3], 3))
    axis = None
    if phase_axis is not None:
        axis = series.affine[:3, phase_axis] / np.linalg.norm(series.affine[:3, phase_axis])
    return Motion(still, still, still, centre, axis)


def _sample(series: nib.Nifti1Image, *, mask: Bools, fwhm_mm: float) -> _Sampled:
    """Smooth volumes and thin them out to about 4 mm."""
    zooms = np.linalg.norm(series.affine[:3, :3], axis=0)
    steps = np.maximum(np.round(_GRID_MM / zooms).astype(int), 1)
    thin = tuple(slice(None, None, int(step)) for step in steps)
    affine = series.affine @ np.diag([*steps, 1])
    sigma = fwhm_mm / 2.3548 / zooms
    volumes = [
        nib.Nifti1Image(
            ndimage.gaussian_filter(np.asarray(series.dataobj[..., n], np.float32), sigma)[thin],
            affine,
        )
        for n in range(series.shape[3])
    ]
    inside = mask[thin]
    points = nib.affines.apply_affine(affine, np.argwhere(inside))
    return _Sampled(volumes, inside, points)


def _look(image: nib.Nifti1Image, *, points_mm: Reals, matrix: Reals) -> Floats:
    where = nib.affines.apply_affine(np.linalg.inv(image.affine) @ matrix, points_mm)
    found: Floats = ndimage.map_coordinates(
        image.get_fdata(dtype=np.float32), where.T, order=1, mode="nearest"
    )
    return found


def _look_at_all(sampled: _Sampled, *, motion: Motion) -> Floats:
    """Resample all volumes as they now lie, (voxels of the coarse grid, N)."""
    grid = sampled.volumes[0]
    everywhere = nib.affines.apply_affine(grid.affine, np.indices(grid.shape).reshape(3, -1).T)
    return np.stack(
        [
            _look(image, points_mm=everywhere, matrix=motion.matrix(n))
            for n, image in enumerate(sampled.volumes)
        ],
        axis=-1,
    )


def _targets(seen: Floats, *, labels: Ints, gradients: Gradients | None) -> Floats:
    """Say what each volume should look like: the mean of its shell, or with gradients a tensor."""
    targets = np.empty_like(seen)
    targets[:, labels == 0] = seen[:, [int(np.argmax(labels == 0))]]
    for shell in range(1, labels.max(initial=0) + 1):
        used = np.flatnonzero((labels == shell) | (labels == 0))
        own = labels[used] == shell
        targets[:, labels == shell] = (
            seen[:, labels == shell].mean(axis=1, keepdims=True)
            if gradients is None
            else _predict(seen[:, used], gradients=gradients.take(used), own=own)
        )
    return targets


def _predict(seen: Floats, *, gradients: Gradients, own: Bools) -> Floats:
    """Return what a tensor fitted to the others says of each volume of a shell.

    Leaving the volume itself out takes one matrix: of an ordinary fit to the logarithm, each
    prediction is the others' weighted sum. Where the others do not determine a tensor, the
    mean of the shell stands in.
    """
    design = design_matrix(gradients.b_values, directions=gradients.directions)
    scaled = design / _B_SCALE
    hat = scaled @ np.linalg.pinv(scaled)
    leverage = np.diag(hat)[own]
    if own.sum() <= MIN_DIRECTIONS or leverage.max() > _MAX_LEVERAGE:
        return np.repeat(seen[:, own].mean(axis=1, keepdims=True), own.sum(), axis=1)
    logarithm = np.log(np.maximum(seen, _FLOOR * seen.max()))
    fitted = logarithm @ hat[own].T - logarithm[:, own] * leverage
    predicted: Floats = np.exp(fitted / (1 - leverage))
    return predicted


def _improve(
    sampled: _Sampled,
    *,
    motion: Motion,
    targets: Floats,
    weighted: Bools,
) -> Motion:
    first = int(np.argmin(weighted))
    found = [np.concatenate([motion.rotations[n], motion.shifts_mm[n], motion.eddy[n]])
             for n in range(len(weighted))]  # fmt: skip
    for n, image in enumerate(sampled.volumes):
        if n == first:
            continue
        stretches = bool(weighted[n]) and motion.phase_axis is not None
        target = targets[:, n].reshape(sampled.inside.shape)
        found[n] = _fit_volume(
            image, sampled=sampled, target=target, motion=motion, start=found[n],
            stretches=stretches,
        )  # fmt: skip
    table = np.array(found)
    return Motion(table[:, :3], table[:, 3:6], table[:, 6:], motion.centre_mm, motion.phase_axis)


def _fit_volume(
    image: nib.Nifti1Image,
    *,
    sampled: _Sampled,
    target: Floats,
    motion: Motion,
    start: Floats,
    stretches: bool,
) -> Floats:
    """Gauss-Newton steps on the squared difference to the target, times a gain, outliers aside."""
    wanted = target[sampled.inside]
    slopes = _slopes(target, affine=image.affine)[sampled.inside]
    away = sampled.points_mm - motion.centre_mm
    columns = [np.cross(away, slopes), slopes]
    if stretches and motion.phase_axis is not None:
        columns.append((slopes @ motion.phase_axis)[:, None] * away)
    basis = np.concatenate([*columns, -wanted[:, None]], axis=1)
    found = start.copy()
    for _ in range(_STEPS):
        matrix = Motion(
            found[None, :3], found[None, 3:6], found[None, 6:], motion.centre_mm, motion.phase_axis
        ).matrix(0)
        seen = _look(image, points_mm=sampled.points_mm, matrix=matrix)
        left = seen - wanted * (seen @ wanted) / (wanted @ wanted)
        spread = MAD_TO_SD * np.median(np.abs(left)) + 1e-9
        weights = 1 / (1 + (left / (3 * spread)) ** 2)
        step = np.linalg.lstsq(basis * weights[:, None], -left * weights, rcond=None)[0]
        found[: len(step) - 1] += step[:-1]
    return found


def _slopes(target: Floats, *, affine: Reals) -> Floats:
    """Return change per mm along world axes, (I, J, K, 3)."""
    by_voxel = np.stack(np.gradient(target), axis=-1)
    slopes: Floats = by_voxel @ np.linalg.inv(affine[:3, :3])
    return slopes
