"""How well one scan lies on another after a rigid registration, and what of it the scan shows."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.imaging.space import registration
from npsle_app.imaging.space.volumes import on_grid_of

_BINS = 48
_EDGE_PLANES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How a scan lies on the T1w image.

    `shift_mm` is how far the middle of the brain moved, `rotation_deg` by which angle;
    mutual information (nats, in the brain) before and after; `coverage` is the share of
    the brain that the scan shows.
    """

    shift_mm: float
    rotation_deg: float
    information_before: float
    information_after: float
    coverage: float


def measure_alignment(
    matrix: Floats,
    *,
    t1w: Volume,
    before: Volume,
    after: Volume,
    brain: Mask,
    shown: Mask,
    affine: Floats,
) -> Alignment:
    """Measure a rigid registration.

    Parameters
    ----------
    matrix : (4, 4) array
        T1w world to scan world, mm.
    t1w, before, after : (I, J, K) array
        T1w; the scan on its grid by the headers alone; the scan by `matrix`.
    brain, shown : (I, J, K) array of bool
        Brain mask, and voxels that the scan covers.
    affine : (4, 4) array
        Voxels of the grid to world.
    """
    middle = np.append(np.argwhere(brain).mean(axis=0), 1)
    moved = (matrix - np.eye(4)) @ affine @ middle
    cosine = np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1)
    return Alignment(
        shift_mm=float(np.linalg.norm(moved[:3])),
        rotation_deg=float(np.rad2deg(np.arccos(cosine))),
        information_before=mutual_information(t1w[brain], before[brain]),
        information_after=mutual_information(t1w[brain], after[brain]),
        coverage=float(shown[brain].mean()),
    )


def mark_shown(scan: nib.Nifti1Image, *, reference: nib.Nifti1Image, matrix: Floats) -> Mask:
    """Mark where the scan has a value: neither beyond its field of view nor cut away.

    Its two outermost planes do not count: blood and fluid that flow into them are bright.

    Parameters
    ----------
    scan, reference : Nifti1Image
        The scan as acquired, and the grid wanted.
    matrix : (4, 4) array
        Reference world to scan world, mm.
    """
    has_value = scan.get_fdata(dtype=np.float32) != 0
    there = _bring_over(has_value, scan=scan, reference=reference, matrix=matrix)
    filled: Mask = ndimage.binary_fill_holes(there)
    return filled


def mark_view(scan: nib.Nifti1Image, *, reference: nib.Nifti1Image, matrix: Floats) -> Mask:
    """Mark the field of view of a scan without its two outermost planes, as `mark_shown` does."""
    whole = np.ones(scan.shape, dtype=bool)
    return _bring_over(whole, scan=scan, reference=reference, matrix=matrix)


def _bring_over(
    marked: Mask, *, scan: nib.Nifti1Image, reference: nib.Nifti1Image, matrix: Floats
) -> Mask:
    inner = (slice(_EDGE_PLANES, -_EDGE_PLANES),) * 3
    seen = on_grid_of(scan, np.pad(marked[inner], _EDGE_PLANES).astype(np.float32))
    there = registration.resample(seen, reference=reference, matrix=matrix, order=0)
    found: Mask = there.get_fdata() > 0.5
    return found


def mutual_information(first: Volume, second: Volume) -> float:
    """Return the mutual information of two (n,) arrays, in nats, from 48 × 48 bins."""
    limits = [np.percentile(values, (0.5, 99.5)) for values in (first, second)]
    clipped = [np.clip(v, *ends) for v, ends in zip((first, second), limits, strict=True)]
    counts = np.histogram2d(clipped[0], clipped[1], bins=_BINS)[0]
    joint = counts / counts.sum()
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / expected[seen])).sum())
