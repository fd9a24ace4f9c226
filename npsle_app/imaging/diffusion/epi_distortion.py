"""How the echo-planar images of a session are distorted, and where its T1w image lies."""

from dataclasses import dataclass
from functools import partial

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Reals
from npsle_app.imaging.diffusion.alignment import estimate_motion
from npsle_app.imaging.diffusion.distortion import (
    displacement_of_pair,
    displacement_to_t1w,
    undistort,
)
from npsle_app.imaging.diffusion.gradients import Gradients
from npsle_app.imaging.head.head_mask import head_mask
from npsle_app.imaging.space.alignment import mutual_information
from npsle_app.imaging.space.bias_field import correct_bias
from npsle_app.imaging.space.registration import register_rigid, resample
from npsle_app.imaging.space.volumes import on_grid_of

_BIAS_SAMPLING_MM, _BIAS_SPLINE_MM = 6.0, 200.0
_T1W_GRID_MM = 2.0
_SAME_GRID_MM = 0.05
_SMOOTH_MM = 3.0
_LEAST_APART = 0.01  # of the mean signal; images of one direction 0.003, of a weak field 0.03
_GAIN = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The T1w image of the same session and its brain mask, on one grid."""

    t1w: nib.Nifti1Image
    brain: nib.Nifti1Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """An image of opposite phase encoding.

    Attributes
    ----------
    image : Nifti1Image
        Without diffusion weighting; it may lie on another grid.
    ratio : float
        How far it is displaced where the series is displaced by 1.
    sure : bool
        Whether it is known to be encoded the other way; otherwise it must show that.
    """

    image: nib.Nifti1Image
    ratio: float = 1.0
    sure: bool = True


def find_displacement(
    b0: nib.Nifti1Image,
    *,
    mask: Mask,
    reverse: Reverse | None,
    head: Head | None,
    axis: int,
    seed: int,
) -> tuple[str, Floats | None, str]:
    """Find the displacement by the pair if there is one, else towards T1w, else not at all.

    Parameters
    ----------
    b0 : Nifti1Image
        Mean unweighted volume.
    mask : (I, J, K) array of bool
        Where the head is.
    reverse, head
        As in `prepare_dwi`.
    axis : int
        Image axis of phase encoding.

    Returns
    -------
    str
        `pair`, `t1w`, `none` or `unlike`, as in `PreparedDwi.distortion`.
    (I, J, K) array or None
        mm along the axis.
    str
        Why the image of reversed phase encoding was not used; empty where it was.
    """
    zooms = np.linalg.norm(b0.affine[:3, :3], axis=0)
    why_not = ""
    if reverse is not None:
        try:
            found = _displacement_of_pair(b0, reverse=reverse, mask=mask, zooms=zooms, axis=axis)
        except ValueError as error:
            why_not = str(error)
        else:
            return "pair", found, ""
    return *_towards_t1w(b0, mask=mask, head=head, zooms=zooms, axis=axis, seed=seed), why_not


def _towards_t1w(
    b0: nib.Nifti1Image, *, mask: Mask, head: Head | None, zooms: Reals, axis: int, seed: int
) -> tuple[str, Floats | None]:
    if head is None:
        return "none", None
    even, _ = correct_shading(b0, mask=mask, seed=seed)
    matrix = np.linalg.inv(rigid_to_t1w(even, head=head, seed=seed))
    t1w, brain = (
        resample(image, reference=b0, matrix=matrix, order=order).get_fdata(dtype=np.float32)
        for image, order in ((head.t1w, 1), (head.brain, 0))
    )
    data, inside = even.get_fdata(dtype=np.float32), brain > 0.5
    found = displacement_to_t1w(data, t1w, mask=inside, zooms_mm=zooms, phase_axis=axis)
    straight = undistort(
        data, displacement_mm=found, zooms_mm=zooms, phase_axis=axis, density=False
    ).astype(np.float32)
    gained = mutual_information(straight[inside], t1w[inside]) > mutual_information(
        data[inside], t1w[inside]
    )
    return ("t1w", found) if gained else ("unlike", None)


def _displacement_of_pair(
    b0: nib.Nifti1Image,
    *,
    reverse: Reverse,
    mask: Mask,
    zooms: Reals,
    axis: int,
) -> Floats:
    """Find the field, then how the head lay in the other image, then the field again.

    Raises
    ------
    ValueError
        If an image shows nothing inside the mask, or the pair does not show what it should.
    """
    image = _on_grid(reverse.image, b0)
    first, second = (one.get_fdata(dtype=np.float32) for one in (b0, image))
    both = mask | head_mask(image)
    find = partial(
        displacement_of_pair, mask=both, zooms_mm=zooms, phase_axis=axis, ratio=reverse.ratio
    )
    straighten = partial(undistort, zooms_mm=zooms, phase_axis=axis)
    found = find(first, second)
    straight = [
        straighten(data, displacement_mm=sign * found)
        for data, sign in ((first, 1), (second, -reverse.ratio))
    ]
    pair = nib.Nifti1Image(np.stack(straight, axis=-1).astype(np.float32), b0.affine)
    still = Gradients(np.zeros(2), np.zeros((2, 3)))
    motion = estimate_motion(pair, mask=mask, gradients=still, phase_axis=axis)
    moved = resample(image, reference=b0, matrix=motion.matrix(1), order=1)
    other = moved.get_fdata(dtype=np.float32)
    found = find(first, other)
    if not reverse.sure:
        after = [
            straighten(first, displacement_mm=found),
            straighten(other, displacement_mm=-reverse.ratio * found),
        ]
        compare = partial(_disagree, mask=mask, zooms=zooms)
        before = compare(first, other)
        if not (before > _LEAST_APART and compare(*after) < _GAIN * before):
            msg = "it does not show the distortion of the series the other way round"
            raise ValueError(msg)
    return found


def _on_grid(image: nib.Nifti1Image, b0: nib.Nifti1Image) -> nib.Nifti1Image:
    """Bring an image to the grid of another by their headers, if it lies on another."""
    same = image.shape == b0.shape and np.allclose(image.affine, b0.affine, atol=_SAME_GRID_MM)
    return image if same else resample(image, reference=b0, matrix=np.eye(4), order=1)


def _disagree(first: Reals, second: Reals, *, mask: Mask, zooms: Reals) -> float:
    """Return the mean difference inside a mask of two images, each over its mean.

    Smoothed: what is resampled has less noise, and would seem to agree better.
    """
    smooth = (ndimage.gaussian_filter(one, _SMOOTH_MM / zooms) for one in (first, second))
    one, other = (image[mask] / image[mask].mean() for image in smooth)
    return float(np.abs(one - other).mean())


def rigid_to_t1w(b0: nib.Nifti1Image, *, head: Head, seed: int) -> Floats:
    """Return the (4, 4) matrix that maps T1w world (RAS, mm) to the world of the series."""
    return register_rigid(
        b0, fixed=head.t1w, fixed_mask=_wide(head.brain), seed=seed, spacing_mm=_T1W_GRID_MM
    )


def _wide(brain: nib.Nifti1Image) -> nib.Nifti1Image:
    """Take in some millimetres around the brain: its edge tells most."""
    return on_grid_of(brain, ndimage.binary_dilation(np.asarray(brain.dataobj) > 0, iterations=4))


def correct_shading(
    b0: nib.Nifti1Image, *, mask: Mask, seed: int
) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Return the unweighted volume without its bias field, and that field."""
    return correct_bias(
        b0,
        mask=on_grid_of(b0, mask),
        sampling_mm=_BIAS_SAMPLING_MM,
        spline_mm=_BIAS_SPLINE_MM,
        seed=seed,
    )
