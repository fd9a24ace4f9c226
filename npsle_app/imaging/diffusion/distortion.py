"""Undo the distortion of echo-planar images: shifts along the phase-encoding axis alone.

A displacement d, in mm along an image axis, means: what belongs to x was imaged at x + d, with
its signal spread over 1 + ∂d of the length. No library of Python finds d from two series of
opposite phase encoding: FSL's topup and its like are programs of their own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from npsle_app.arrays import Bools, Floats, Reals
from npsle_app.boxes import Slices, bounding_box, grown

MAX_SHIFT_MM = 25.0
_LEVELS_MM = ((12.0, 6.0), (8.0, 4.0), (4.0, 3.0))  # smoothing (FWHM) and grid of each level
_LEVELS_T1W_MM = ((6.0, 4.0), (4.0, 3.0), (3.0, 2.0))  # smoothed more, fluid would blur into tissue
_STEPS = 5
_CG_ITERATIONS = 40
_STIFFNESS_PAIR, _STIFFNESS_T1W = 0.01, 0.3
_MIN_JACOBIAN = 0.2
_TRUSTED = 2.0  # of the mean signal of a pair, of the local spread for T1w
_WINDOW_MM, _MIN_VARIANCE = 8.0, 0.002
_RIM_MM = 5.0  # fluid at the edge of the brain is bright in one image and dark in the other


@dataclass(frozen=True, slots=True)
class _Scene:
    """Two images on one grid, each with how far it is displaced against the field (0: not)."""

    images: tuple[Floats, Floats]
    signs: tuple[float, float]
    weights: Floats

    @property
    def is_pair(self) -> bool:
        """Whether both are displaced, and of one contrast, so that density counts."""
        return 0 not in self.signs


def displacement_of_pair(
    forward: Reals,
    reverse: Reals,
    *,
    mask: Bools,
    zooms_mm: Reals,
    phase_axis: int,
    ratio: float = 1.0,
) -> Floats:
    """Find the displacement that makes two images of opposite phase encoding one.

    Parameters
    ----------
    forward, reverse : (I, J, K) arrays
        Without diffusion weighting, of one head in one place.
    mask : (I, J, K) array of bool
        Where the head is; not empty. Around it the field runs out.
    zooms_mm : (3,) array
        Voxel edges.
    phase_axis : int
        Image axis.
    ratio : float
        How far `reverse` is displaced where `forward` is displaced by 1: that of the readout
        times, where these differ.

    Returns
    -------
    (I, J, K) array
        mm, for `forward`; `reverse` is displaced by its negative times the ratio.

    Notes
    -----
    Least squares of the difference of both images, each resampled half the way and multiplied
    by its Jacobian, plus the squared gradient of the field; Gauss-Newton from coarse to fine.

    References
    ----------
    Andersson et al. (2003) NeuroImage 20:870-88. doi:10.1016/S1053-8119(03)00336-7;
    Holland et al. (2010) NeuroImage 50:175-83. doi:10.1016/j.neuroimage.2009.11.044
    """
    level = _mean_within(forward, mask=mask), _mean_within(reverse, mask=mask)
    images = (np.asarray(forward, float) / level[0], np.asarray(reverse, float) / level[1])
    scene = _Scene(images, (1, -ratio), np.ones(mask.shape))
    return _coarse_to_fine(
        scene, mask=mask, zooms_mm=zooms_mm, axis=phase_axis, stiffness=_STIFFNESS_PAIR
    )


def displacement_to_t1w(
    image: Reals,
    t1w: Reals,
    *,
    mask: Bools,
    zooms_mm: Reals,
    phase_axis: int,
) -> Floats:
    """Find the displacement that lays an echo-planar image on a T1w image on the same grid.

    Both are compared by their local correlation, at least 5 mm inside the brain: fluid at its
    edge is bright in one and dark in the other. Brightness says nothing of density here. Much
    weaker than a pair: where signal is lost or tissue looks alike, and at the edge, the field
    is carried on smoothly.

    Parameters
    ----------
    image, t1w : (I, J, K) arrays
        Bias-corrected; the T1w image rigidly laid on the other.
    mask : (I, J, K) array of bool
        Brain of the T1w image; only there the images are compared.
    zooms_mm, phase_axis
        As in `displacement_of_pair`.

    Returns
    -------
    (I, J, K) array
        mm.
    """
    deep = ndimage.distance_transform_edt(mask, sampling=zooms_mm) > _RIM_MM
    inside = ndimage.gaussian_filter(deep.astype(float), 1.0)
    scale = _mean_within(image, mask=mask), _mean_within(t1w, mask=mask)
    images = (np.asarray(image, float) / scale[0], np.asarray(t1w, float) / scale[1])
    return _coarse_to_fine(
        _Scene(images, (1, 0), inside), mask=mask, zooms_mm=zooms_mm, axis=phase_axis,
        stiffness=_STIFFNESS_T1W,
    )  # fmt: skip


def undistort(
    image: Reals,
    *,
    displacement_mm: Reals,
    zooms_mm: Reals,
    phase_axis: int,
    density: bool = True,
) -> Floats:
    """Bring signal back to where it belongs, (I, J, K), with its density if wanted."""
    shift = displacement_mm / zooms_mm[phase_axis]
    moved = _resampled(np.asarray(image, dtype=float), shift=shift, axis=phase_axis)
    if not density:
        return moved
    return moved * jacobian(displacement_mm, zooms_mm=zooms_mm, phase_axis=phase_axis)


def jacobian(displacement_mm: Reals, *, zooms_mm: Reals, phase_axis: int) -> Floats:
    """Return 1 + ∂d along the phase encoding, not below 0.2."""
    slope = np.gradient(displacement_mm, zooms_mm[phase_axis], axis=phase_axis)
    found: Floats = np.maximum(1 + slope, _MIN_JACOBIAN)
    return found


def _coarse_to_fine(
    scene: _Scene,
    *,
    mask: Bools,
    zooms_mm: Reals,
    axis: int,
    stiffness: float,
) -> Floats:
    found = np.zeros(mask.shape)
    for level in _LEVELS_MM if scene.is_pair else _LEVELS_T1W_MM:
        found = _refine(
            scene, start_mm=found, level_mm=level, mask=mask, zooms_mm=zooms_mm, axis=axis,
            stiffness=stiffness,
        )  # fmt: skip
    return found


def _refine(
    scene: _Scene,
    *,
    start_mm: Floats,
    level_mm: tuple[float, float],
    mask: Bools,
    zooms_mm: Reals,
    axis: int,
    stiffness: float,
) -> Floats:
    """Smooth and thin out the images, improve the field there, bring it back to full size."""
    fwhm_mm, grid_mm = level_mm
    box = _box_to_solve_in(mask, zooms_mm=zooms_mm, axis=axis)
    factor = np.minimum(np.asarray(zooms_mm) / grid_mm, 1.0)
    sigma = fwhm_mm / 2.3548 / np.asarray(zooms_mm)
    smooth = [ndimage.gaussian_filter(image[box], sigma) for image in scene.images]
    small = [ndimage.zoom(part, factor, order=1, grid_mode=True, mode="nearest")
             for part in (*smooth, scene.weights[box], start_mm[box])]  # fmt: skip
    zooms = np.asarray(smooth[0].shape) / small[0].shape * zooms_mm
    coarse = _Scene((small[0], small[1]), scene.signs, small[2])
    field = _solve(coarse, start=small[3] / zooms[axis], axis=axis, zooms_mm=zooms,
                   stiffness=stiffness)  # fmt: skip
    back = np.asarray(smooth[0].shape) / field.shape
    fine = ndimage.zoom(field, back, order=1, grid_mode=True, mode="nearest") * zooms[axis]
    found = np.zeros(mask.shape)
    found[box] = np.clip(fine, -MAX_SHIFT_MM, MAX_SHIFT_MM)
    return found


def _solve(
    scene: _Scene,
    *,
    start: Floats,
    axis: int,
    zooms_mm: Floats,
    stiffness: float,
) -> Floats:
    """Gauss-Newton steps on a field in voxels; the normal equations by conjugate gradients."""
    shape, field = start.shape, start.copy()
    slope = _along(sparse.diags([-0.5, 0.5], [-1, 1], (shape[axis],) * 2), shape, axis)
    bend = stiffness * _laplacian(shape, zooms_mm=zooms_mm)
    for _ in range(_STEPS):
        left, by_shift, by_slope, scale = _linearised(
            scene, field=field, axis=axis, zooms_mm=zooms_mm
        )
        weights = np.sqrt(scene.weights.ravel() * _trust(left * scale)) * scale
        system = sparse.diags(weights * by_shift) + sparse.diags(weights * by_slope) @ slope
        normal = system.T @ system + bend
        target = -system.T @ (weights * left) - bend @ field.ravel()
        step, _ = cg(normal, target, rtol=1e-3, maxiter=_CG_ITERATIONS)
        field += np.clip(step, -2, 2).reshape(shape)
    return field


def _linearised(scene: _Scene, *, field: Floats, axis: int, zooms_mm: Floats) -> tuple[Floats, ...]:
    """Return the difference of both images, its derivatives by shift and slope, its scale."""
    moved = _resampled(scene.images[0], shift=field, axis=axis)
    change = np.gradient(moved, axis=axis)
    if not scene.is_pair:
        left, gain, scale = _unexplained(scene, moved, sigma=_WINDOW_MM / zooms_mm)
        return left.ravel(), (gain * change).ravel(), np.zeros(field.size), scale.ravel()
    sign = scene.signs[1]
    other = _resampled(scene.images[1], shift=sign * field, axis=axis)
    slope = np.gradient(field, axis=axis)
    stretch, other_stretch = (np.maximum(1 + s * slope, _MIN_JACOBIAN) for s in scene.signs)
    return (
        (moved * stretch - other * other_stretch).ravel(),
        (change * stretch - sign * np.gradient(other, axis=axis) * other_stretch).ravel(),
        (moved - sign * other).ravel(),
        np.ones(field.size),
    )


def _trust(left: Floats) -> Floats:
    """Weigh down what cannot be brought together (lost signal, vessels)."""
    found: Floats = 1 / (1 + (left / _TRUSTED) ** 2)
    return found


def _laplacian(shape: tuple[int, ...], *, zooms_mm: Floats) -> sparse.csr_matrix:
    """Return the negative Laplacian with free borders, in units of the mean voxel edge."""
    total = None
    for axis, size in enumerate(shape):
        jumps = sparse.diags([-1.0, 1.0], [0, 1], (size - 1, size))
        part = _along(jumps.T @ jumps, shape, axis) * float((zooms_mm.mean() / zooms_mm[axis]) ** 2)
        total = part if total is None else total + part
    return sparse.csr_matrix(total)


def _along(matrix: sparse.spmatrix, shape: tuple[int, ...], axis: int) -> sparse.csr_matrix:
    """Let a matrix work along one axis of a raveled volume."""
    found = sparse.identity(1)
    for number, size in enumerate(shape):
        found = sparse.kron(found, matrix if number == axis else sparse.identity(size))
    return sparse.csr_matrix(found)


def _resampled(image: Floats, *, shift: Floats, axis: int) -> Floats:
    """Read an image at places that are moved along one axis, in voxels; its edge goes on."""
    where = np.indices(image.shape, dtype=float)
    where[axis] += shift
    found: Floats = ndimage.map_coordinates(image, where, order=1, mode="nearest")
    return found


def _unexplained(scene: _Scene, moved: Floats, *, sigma: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what the first image leaves unexplained of the second, its slope, and a scale.

    Around each voxel the second image is taken for a linear function of the first (not the
    other way: the first would gain by becoming flat). The rest times the scale, squared, is
    what local correlation lacks to 1.
    """
    other, weights = scene.images[1], scene.weights
    total = np.maximum(ndimage.gaussian_filter(weights, sigma), 1e-3)

    def mean(values: Floats) -> Floats:
        return np.asarray(ndimage.gaussian_filter(weights * values, sigma) / total)

    middle, other_middle = mean(moved), mean(other)
    spread = np.maximum(mean(moved**2) - middle**2, 0) + _MIN_VARIANCE
    other_spread = np.maximum(mean(other**2) - other_middle**2, 0) + _MIN_VARIANCE
    slope = (mean(moved * other) - middle * other_middle) / spread
    left = slope * (moved - middle) - (other - other_middle)
    return left, slope, 1 / np.sqrt(other_spread)


def _box_to_solve_in(mask: Bools, *, zooms_mm: Reals, axis: int) -> Slices:
    """Return the box around the mask, wider along the phase encoding by the largest shift."""
    if not mask.any():
        msg = "the mask is empty: distortion cannot be found"
        raise ValueError(msg)
    farthest = np.ceil(MAX_SHIFT_MM / np.asarray(zooms_mm))
    margin = np.where(np.arange(3) == axis, farthest, 2)
    return grown(bounding_box(mask), margin=margin, shape=mask.shape)


def _mean_within(image: Reals, *, mask: Bools) -> float:
    mean = float(np.mean(np.asarray(image)[mask])) if mask.any() else 0.0
    if not mean > 0:
        msg = "an image without signal inside the mask: distortion cannot be found"
        raise ValueError(msg)
    return mean
