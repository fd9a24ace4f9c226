"""Bring FLAIR to the T1w image, and measure how well that went."""

from dataclasses import dataclass, field

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.space import registration
from npsle_app.imaging.space.alignment import Alignment, mark_shown, measure_alignment
from npsle_app.imaging.space.bias_field import correct_bias
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.wmh.holes import Holes, find_empty, measure_holes

_LEAST_COVERAGE = 0.1
_LOOK = "check that it is a scan of this head, and voxel sizes and orientation in its header"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFlair:
    """FLAIR on the T1w grid, bias-corrected, and how it got there.

    `shown` marks brain voxels that the scan covers, an (I, J, K) array; `matrix` (4, 4) maps
    T1w world to FLAIR world, in mm; `shading` is the 95th over the 5th percentile of the bias
    field that was taken out; `holes` is what of the brain in view is empty.
    """

    flair: nib.Nifti1Image
    shown: Mask
    matrix: Floats
    alignment: Alignment
    shading: float
    holes: Holes = field(default_factory=Holes)


def prepare_flair(
    scan: nib.Nifti1Image,
    *,
    t1w: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    priors: TissuePriors,
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
    priors : TissuePriors
        On that grid, to tell fluid from tissue on T1w where FLAIR is empty.
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
    empty = find_empty(scan, reference=t1w, matrix=matrix, brain=inside)
    moved = registration.resample(scan, reference=t1w, matrix=matrix)
    holes, fluid = measure_holes(empty, flair=moved, t1w=t1w, brain=inside, priors=priors)
    shown = inside & (mark_shown(scan, reference=t1w, matrix=matrix) | fluid)
    alignment = _compare(scan, t1w=t1w, matrix=matrix, brain=inside, shown=shown)
    if alignment.coverage < _LEAST_COVERAGE:
        msg = f"after registration it shows {alignment.coverage:.0%} of the brain: {_LOOK}"
        raise ValueError(msg)
    corrected, shading = correct_bias(
        moved,
        mask=on_grid_of(t1w, shown),
        sampling_mm=bias_sampling_mm,
        spline_mm=bias_spline_mm,
        seed=seed,
    )
    low, high = np.percentile(shading.get_fdata(dtype=np.float32)[shown], (5, 95))
    return PreparedFlair(
        flair=corrected,
        shown=shown,
        matrix=matrix,
        alignment=alignment,
        shading=float(high / low),
        holes=holes,
    )


def subtract_offset(scan: nib.Nifti1Image) -> nib.Nifti1Image:
    """Take away a constant that was added to the whole scan, so that its darkest voxel is 0.

    Bias correction divides: with the constant left in, it would change with it. A scan that
    reaches 0 or below, or has one value only, is returned as it is.
    """
    data = scan.get_fdata(dtype=np.float32)
    if not 0 < data.min() < data.max():
        return scan
    return on_grid_of(scan, data - data.min())


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
        registration.resample(scan, reference=t1w, matrix=motion, order=1)
        for motion in (np.eye(4), matrix)
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
