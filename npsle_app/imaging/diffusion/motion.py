"""How the head moved during a diffusion series, and what follows from it.

A volume's matrix maps world points (RAS, mm) of the first b0 volume to points of that volume,
as resampling needs it.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from npsle_app.arrays import Bools, Floats, Mask, Reals
from npsle_app.imaging.diffusion.distortion import jacobian
from npsle_app.imaging.diffusion.gradients import Gradients, rotate

HEAD_RADIUS_MM = 50.0
_MIN_FOR_EDDY = 8
_MARGIN_VOXELS = 3


@dataclass(frozen=True, slots=True)
class Motion:
    """How each volume lies against the first b0 volume.

    Attributes
    ----------
    rotations : (N, 3) array
        Rotation vectors in radians, about the middle of the brain.
    shifts_mm : (N, 3) array
        World axes.
    eddy : (N, 3) array
        Shift along the phase-encoding axis per mm along each world axis; zeros where the axis
        is not known.
    centre_mm : (3,) array
        Middle of the brain in the first b0 volume.
    phase_axis : (3,) array or None
        Unit vector, world axes.
    """

    rotations: Floats
    shifts_mm: Floats
    eddy: Floats
    centre_mm: Floats
    phase_axis: Floats | None

    @property
    def turns(self) -> Floats:
        """Rotation matrices, (N, 3, 3): of the head, without eddy currents."""
        turns: Floats = Rotation.from_rotvec(self.rotations).as_matrix()
        return turns

    def matrix(self, volume: int) -> Floats:
        """Return (4, 4): x → E (R (x − c) + c + t), E the stretch of eddy currents about c."""
        turn = Rotation.from_rotvec(self.rotations[volume]).as_matrix()
        axis = np.zeros(3) if self.phase_axis is None else self.phase_axis
        stretch = np.eye(3) + np.outer(axis, self.eddy[volume])
        matrix = np.eye(4)
        matrix[:3, :3] = stretch @ turn
        matrix[:3, 3] = (
            self.centre_mm + stretch @ self.shifts_mm[volume] - matrix[:3, :3] @ self.centre_mm
        )
        return matrix


def add_shell_shift(motion: Motion, *, matrix: Reals, volumes: Bools) -> Motion:
    """Put a rigid motion, common to some volumes, before theirs.

    `matrix` maps world points of the first b0 volume to points of these volumes as they lie
    after `motion`.
    """
    turn, shift = matrix[:3, :3], matrix[:3, :3] @ motion.centre_mm + matrix[:3, 3]
    moved = shift - motion.centre_mm
    rotations, shifts = motion.rotations.copy(), motion.shifts_mm.copy()
    own = Rotation.from_rotvec(rotations[volumes])
    rotations[volumes] = (own * Rotation.from_matrix(turn)).as_rotvec()
    shifts[volumes] = shifts[volumes] + own.apply(moved)
    return Motion(rotations, shifts, motion.eddy, motion.centre_mm, motion.phase_axis)


def framewise_displacement_mm(motion: Motion, *, gradients: Gradients) -> Floats:
    """Return, (N,), how far the head moved since the volume before; 0 for the first.

    Sum of the absolute changes of shifts (`head_shifts_mm`) and of rotations, these on a
    sphere of 50 mm.

    References
    ----------
    Power et al. (2012) NeuroImage 59:2142-54. doi:10.1016/j.neuroimage.2011.10.018
    """
    shifts = head_shifts_mm(motion, gradients=gradients)
    moved = np.abs(np.diff(shifts, axis=0)).sum(axis=1)
    turned = np.abs(np.diff(motion.rotations, axis=0)).sum(axis=1) * HEAD_RADIUS_MM
    displacement: Floats = np.r_[0.0, moved + turned]
    return displacement


def head_shifts_mm(motion: Motion, *, gradients: Gradients) -> Floats:
    """Return the shifts of the head, (N, 3), world axes.

    Shifts along the phase encoding that follow the gradients as a linear function come from
    eddy currents and are taken out.
    """
    return motion.shifts_mm - _eddy_shifts(motion, gradients=gradients)


def _eddy_shifts(motion: Motion, *, gradients: Gradients) -> Floats:
    """Return the shifts, (N, 3), along the phase encoding that the gradients explain."""
    explained = np.zeros_like(motion.shifts_mm)
    weighted = gradients.weighted
    if motion.phase_axis is None or weighted.sum() < _MIN_FOR_EDDY:
        return explained
    cause = gradients.directions[weighted] * gradients.b_values[weighted, None]
    along = motion.shifts_mm[weighted] @ motion.phase_axis
    basis = np.c_[cause, np.ones(len(along))]
    slopes = np.linalg.lstsq(basis, along, rcond=None)[0][:3]
    explained[weighted] = np.outer(cause @ slopes, motion.phase_axis)
    return explained


def rotated_gradients(gradients: Gradients, *, motion: Motion) -> Gradients:
    """Turn directions with the head, so that they hold for the aligned volumes.

    References
    ----------
    Leemans and Jones (2009) Magn Reson Med 61:1336-49. doi:10.1002/mrm.21890
    """
    return rotate(gradients, rotations=motion.turns.transpose(0, 2, 1))


def resample_series(
    series: nib.Nifti1Image,
    *,
    mask: Mask,
    motion: Motion | None,
    displacement_mm: Floats | None,
    axis: int | None,
    only: Mask | None = None,
    order: int = 3,
    density: bool = False,
    positive: bool = True,
) -> nib.Nifti1Image:
    """Resample volumes once, through distortion and motion, near the head; 0 elsewhere.

    Parameters
    ----------
    series : Nifti1Image
        (I, J, K, N).
    mask : (I, J, K) array of bool
        Where the head is in the first b0 volume.
    motion : Motion or None
        None leaves each volume where it is.
    displacement_mm : (I, J, K) array or None
        Along image axis `axis`.
    only : (N,) array of bool, optional
        The volumes wanted, all unless given.
    order : int
        Of the spline.
    density : bool
        Whether signal is spread by the Jacobian of the displacement.
    positive : bool
        Whether values below 0, which a spline may leave beside edges, are set to 0.
    """
    data = series.get_fdata(dtype=np.float32)
    chosen = np.flatnonzero(np.ones(data.shape[3], bool) if only is None else only)
    if motion is None and displacement_mm is None:
        return nib.Nifti1Image(data[..., chosen], series.affine)
    near = ndimage.binary_dilation(mask, iterations=_MARGIN_VOXELS)
    where, packed = np.argwhere(near).astype(float), np.ones(int(near.sum()))
    if displacement_mm is not None and axis is not None:
        zooms = np.linalg.norm(series.affine[:3, :3], axis=0)
        where[:, axis] += displacement_mm[near] / zooms[axis]
        if density:
            packed = jacobian(displacement_mm, zooms_mm=zooms, phase_axis=axis)[near]
    found = np.zeros((*data.shape[:3], len(chosen)), np.float32)
    for place, volume in enumerate(chosen):
        points, stretch = where, 1.0
        if motion is not None:
            matrix = motion.matrix(int(volume))
            by_voxel = np.linalg.inv(series.affine) @ matrix @ series.affine
            points, stretch = nib.affines.apply_affine(by_voxel, where), np.linalg.det(matrix)
        values = ndimage.map_coordinates(data[..., volume], points.T, order=order, mode="nearest")
        found[near, place] = values * packed * stretch
    if positive:
        found = np.maximum(found, 0)
    return nib.Nifti1Image(found, series.affine)
