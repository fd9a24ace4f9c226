"""Bring FLAIR to the T1w image, and measure how well that went."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.imaging import registration
from npsle_app.imaging.bias_field import correct_bias
from npsle_app.imaging.volumes import like

_BINS = 48
_EDGE_PLANES = 2
_LEAST_COVERAGE = 0.1
_LOOK = "check that it is a scan of this head, and voxel sizes and orientation in its header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How FLAIR lies on T1w.

    `shift_mm` is how far the middle of the brain moved, `rotation_deg` by which angle;
    mutual information (nats, in the brain) before and after; `coverage` is the share of
    the brain that FLAIR shows.
    """

    shift_mm: float
    rotation_deg: float
    information_before: float
    information_after: float
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFlair:
    """FLAIR on the T1w grid, bias-corrected, and how it got there.

    `shown` marks brain voxels that the scan covers, an (I, J, K) array; `matrix` (4, 4) maps
    T1w world to FLAIR world, in mm; `shading` is the 95th over the 5th percentile of the bias
    field that was taken out.
    """

    flair: nib.Nifti1Image
    shown: Mask
    matrix: Floats
    alignment: Alignment
    shading: float


def prepare_flair(
    scan: nib.Nifti1Image,
    *,
    t1w: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    seed: int,
    bias_sampling_mm: float,
    bias_spline_mm: float,
) -> PreparedFlair:
    """Register FLAIR rigidly to T1w, resample it there and take its bias field out.

    Parameters
    ----------
    scan : Nifti1Image
        FLAIR as acquired.
    t1w, brain : Nifti1Image
        Prepared T1w image and brain mask on its grid.
    seed : int
        For the samples of the registration.
    bias_sampling_mm, bias_spline_mm : float
        Grid and spline distance of `correct_bias`.

    Raises
    ------
    ValueError
        If the scan has values that are not finite or nothing but one value, if it cannot be
        registered, or if less than a tenth of the brain lies in it.
    """
    _check_values(scan)
    matrix = _register(scan, t1w=t1w, brain=brain, seed=seed)
    inside = np.asarray(brain.dataobj) > 0
    shown = inside & mark_shown(scan, reference=t1w, matrix=matrix)
    alignment = _compare(scan, t1w=t1w, matrix=matrix, brain=inside, shown=shown)
    if alignment.coverage < _LEAST_COVERAGE:
        msg = f"after registration it shows {alignment.coverage:.0%} of the brain: {_LOOK}"
        raise ValueError(msg)
    corrected, field = correct_bias(
        registration.resample(scan, reference=t1w, matrix=matrix),
        mask=like(t1w, shown),
        sampling_mm=bias_sampling_mm,
        spline_mm=bias_spline_mm,
        seed=seed,
    )
    low, high = np.percentile(field.get_fdata(dtype=np.float32)[shown], (5, 95))
    return PreparedFlair(
        flair=corrected,
        shown=shown,
        matrix=matrix,
        alignment=alignment,
        shading=float(high / low),
    )


def rest_at_zero(scan: nib.Nifti1Image) -> nib.Nifti1Image:
    """Take away a constant that was added to the whole scan, so that its darkest voxel is 0.

    Bias correction divides: with the constant left in, it would change with it. A scan that
    reaches 0 or below, or has one value only, is returned as it is.
    """
    data = scan.get_fdata(dtype=np.float32)
    if not 0 < data.min() < data.max():
        return scan
    return like(scan, data - data.min())


def _register(
    scan: nib.Nifti1Image, *, t1w: nib.Nifti1Image, brain: nib.Nifti1Image, seed: int
) -> Floats:
    try:
        return registration.register_rigid(scan, fixed=t1w, fixed_mask=brain, seed=seed)
    except RuntimeError as error:  # ITK, where the images no longer overlap
        msg = f"it cannot be registered to the T1w image: {_LOOK}"
        raise ValueError(msg) from error


def _check_values(scan: nib.Nifti1Image) -> None:
    data = scan.get_fdata(dtype=np.float32)
    missing = data.size - int(np.count_nonzero(np.isfinite(data)))
    if missing:
        msg = f"{missing} of the {data.size} voxels are NaN or infinite: replace them"
        raise ValueError(msg)
    if data.min() == data.max():
        msg = f"all voxels have the value {data.max():g}: export the scan again"
        raise ValueError(msg)


def _compare(
    scan: nib.Nifti1Image,
    *,
    t1w: nib.Nifti1Image,
    matrix: Floats,
    brain: Mask,
    shown: Mask,
) -> Alignment:
    """Look at FLAIR before and after, both linear: a spline would sharpen noise."""
    before, after = (
        registration.resample(scan, reference=t1w, matrix=way, order=1)
        for way in (np.eye(4), matrix)
    )
    return measure_alignment(
        matrix,
        t1w=t1w.get_fdata(dtype=np.float32),
        before=before.get_fdata(dtype=np.float32),
        after=after.get_fdata(dtype=np.float32),
        brain=brain,
        shown=shown,
        affine=t1w.affine,
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
    inner = (slice(_EDGE_PLANES, -_EDGE_PLANES),) * 3
    seen = like(scan, np.pad(has_value[inner], _EDGE_PLANES).astype(np.float32))
    there = registration.resample(seen, reference=reference, matrix=matrix, order=0)
    filled: Mask = ndimage.binary_fill_holes(there.get_fdata() > 0.5)
    return filled


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
        T1w world to FLAIR world, mm.
    t1w, before, after : (I, J, K) array
        T1w; FLAIR on its grid by the headers alone; FLAIR by `matrix`.
    brain, shown : (I, J, K) array of bool
        Brain mask, and voxels that FLAIR covers.
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


def mutual_information(first: Volume, second: Volume) -> float:
    """Return the mutual information of two (n,) arrays, in nats, from 48 × 48 bins."""
    limits = [np.percentile(values, (0.5, 99.5)) for values in (first, second)]
    clipped = [np.clip(v, *ends) for v, ends in zip((first, second), limits, strict=True)]
    counts = np.histogram2d(clipped[0], clipped[1], bins=_BINS)[0]
    joint = counts / counts.sum()
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / expected[seen])).sum())
