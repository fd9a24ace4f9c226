"""A space half-way between two scans of one head, which favours neither.

Images of both sessions are moved, and blurred by interpolation, alike [1]_.

References
----------
.. [1] Reuter et al. (2012) NeuroImage 61:1402-1418. doi:10.1016/j.neuroimage.2012.02.084
"""

from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np
from scipy.linalg import expm, logm
from scipy.spatial.transform import Rotation

from npsle_app.arrays import Floats
from npsle_app.imaging.space.registration import register_rigid
from npsle_app.imaging.space.volumes import box_around, voxel_mm3

_MARGIN_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Halfway:
    """Where two heads meet.

    `grid` is an empty image; `to_earlier` and `to_later` (4, 4) take its world points (RAS,
    mm) to those of each session, as `registration.resample` needs them. `disagree_mm` is how
    far apart the registrations one way and the other put the brain's points (median).
    """

    grid: nib.Nifti1Image
    to_earlier: Floats
    to_later: Floats
    disagree_mm: float

    @property
    def edge_mm(self) -> float:
        """Edge of the grid's cubes."""
        return float(np.cbrt(voxel_mm3(self.grid)))

    @property
    def shift_mm(self) -> float:
        """How far the brain's middle lies from one session's scanner coordinates to the other's."""
        middle = nib.affines.apply_affine(
            self.grid.affine, (np.asarray(self.grid.shape[:3]) - 1) / 2
        )
        ends = (
            nib.affines.apply_affine(matrix, middle) for matrix in (self.to_earlier, self.to_later)
        )
        return float(np.linalg.norm(np.subtract(*ends)))

    @property
    def rotation_deg(self) -> float:
        """Angle between the heads of the two sessions."""
        turn = self.to_later[:3, :3] @ self.to_earlier[:3, :3].T
        return float(np.rad2deg(Rotation.from_matrix(turn).magnitude()))


def find_halfway(
    earlier: nib.Nifti1Image,
    later: nib.Nifti1Image,
    *,
    earlier_brain: nib.Nifti1Image,
    later_brain: nib.Nifti1Image,
    seed: int,
) -> Halfway:
    """Register two T1w images both ways and lay a grid half-way between them.

    Parameters
    ----------
    earlier, later : Nifti1Image
        T1w images of one head.
    earlier_brain, later_brain : Nifti1Image
        Brain masks on the grid of each; the skull moves against the brain and has no say.
    seed : int
        Of the registration.

    Returns
    -------
    Halfway
        With the sessions exchanged, the same grid and the two matrices exchanged.

    Raises
    ------
    ValueError
        If a mask is empty.
    """
    forward = register_rigid(later, fixed=earlier, fixed_mask=earlier_brain, seed=seed)
    backward = register_rigid(earlier, fixed=later, fixed_mask=later_brain, seed=seed)
    to_earlier, to_later = split_motion(forward, backward)
    inside = _points(earlier_brain)
    there_and_back = nib.affines.apply_affine(backward @ forward, inside)
    return Halfway(
        grid=lay_grid((earlier_brain, to_earlier), (later_brain, to_later)),
        to_earlier=to_earlier,
        to_later=to_later,
        disagree_mm=float(np.median(np.linalg.norm(there_and_back - inside, axis=1))),
    )


def split_motion(forward: Floats, backward: Floats) -> tuple[Floats, Floats]:
    """Make two registrations one, and halve it.

    Parameters
    ----------
    forward, backward : (4, 4) array
        Rigid motions from earlier to later world and back, which need not agree.

    Returns
    -------
    tuple of (4, 4) arrays
        From half-way world to earlier and to later world: exp(∓L/2), where L is the mean of
        log(forward) and -log(backward). Exchanged arguments give exchanged results, to the
        last bit.

    Examples
    --------
    >>> there, back = np.eye(4), np.eye(4)
    >>> there[0, 3], back[0, 3] = 5, -3
    >>> [float(half[0, 3]) for half in split_motion(there, back)]
    [-2.0, 2.0]
    """
    motion = (_logarithm(forward) - _logarithm(backward)) / 2
    return expm(-motion / 2), expm(motion / 2)


def lay_grid(*placed: tuple[nib.Nifti1Image, Floats]) -> nib.Nifti1Image:
    """Lay cubes over the half-way world, as large as the voxels of both on (geometric) average.

    Parameters
    ----------
    *placed : tuple of Nifti1Image and (4, 4) array
        Brain masks and the matrix from half-way world to the world of each.

    Returns
    -------
    Nifti1Image
        Empty, on RAS axes, over all brains and 6 mm beyond; the order of `placed` is of no
        importance.
    """
    corners = np.concatenate([_corners(mask, matrix) for mask, matrix in placed])
    edge_mm = float(np.exp(np.mean([np.log(voxel_mm3(mask)) for mask, _ in placed]) / 3))
    low, high = corners.min(axis=0) - _MARGIN_MM, corners.max(axis=0) + _MARGIN_MM
    shape = np.ceil((high - low) / edge_mm).astype(int) + 1
    affine = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    affine[:3, 3] = (low + high) / 2 - edge_mm * (shape - 1) / 2
    return nib.Nifti1Image(np.zeros(shape, dtype=np.uint8), affine)


def _logarithm(motion: Floats) -> Floats:
    rigid = motion.copy()
    rigid[:3, :3] = Rotation.from_matrix(motion[:3, :3]).as_matrix()
    found: Floats = np.real(logm(rigid))
    return found


def _corners(mask: nib.Nifti1Image, matrix: Floats) -> Floats:
    ends = [(part.start, part.stop - 1) for part in box_around(mask)]
    to_halfway = np.linalg.inv(matrix) @ mask.affine
    found: Floats = nib.affines.apply_affine(to_halfway, list(product(*ends)))
    return found


def _points(mask: nib.Nifti1Image) -> Floats:
    """Return some of the mask's voxels, in world mm."""
    inside = np.argwhere(np.asarray(mask.dataobj) > 0)[::97]
    points: Floats = nib.affines.apply_affine(mask.affine, inside)
    return points
