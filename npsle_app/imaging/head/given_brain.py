"""A brain mask of another program, held against the brain that the app finds and the skull."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.boxes import bounding_box, grown
from npsle_app.records import Check, graded

# Masks of programs differ by how much fluid they take in: up to 4 mm on all sides. Brains of two
# people with one centre are farther apart than 5 mm in 0.5 to 3 % of their volume, 10 mm off
# centre in 7 %, 20 mm in 21 % (three people).
_FAR_MM = 5.0
_APART, _ELSEWHERE = (0.01, 0.04), 0.1
_OUTSIDE = (0.01, 0.05)
_MIRRORED = 1 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBrainFit:
    """How a given brain mask lies, as shares.

    `apart` is the volume in which it is more than 5 mm outside of the brain that was found, or
    misses what is more than 5 mm inside of it, over that brain's volume; `mirrored` the same of
    the mask with its left and right exchanged. `outside` is the share of it that lies outside
    the skull; None where the scan has none.
    """

    apart: float
    mirrored: float
    outside: float | None


def fit_given_brain(
    given: nib.Nifti1Image, *, found: nib.Nifti1Image, intracranial: nib.Nifti1Image | None
) -> GivenBrainFit:
    """Hold a given brain mask against the one found; images on one grid.

    Raises
    ------
    ValueError
        If more than a tenth is apart, or if it fits three times better when it is mirrored: it
        is of another head, or its header is wrong.
    """
    mask, own = (np.asarray(image.dataobj) > 0 for image in (given, found))
    side = int(nib.io_orientation(given.affine)[:, 0].tolist().index(0))
    sizes_mm = np.linalg.norm(given.affine[:3, :3], axis=0)
    apart, mirrored = _apart((mask, np.flip(mask, side)), own=own, sizes_mm=sizes_mm)
    outside = None
    if intracranial is not None:
        skull = np.asarray(intracranial.dataobj) > 0
        outside = float((mask & ~skull).sum() / max(mask.sum(), 1))
    if apart > _APART[0] and mirrored < _MIRRORED * apart:
        msg = (
            f"mirrored, {mirrored:.1%} of the brain mask that was given lies more than "
            f"{_FAR_MM:g} mm from the brain on the T1w image, as it is {apart:.1%}: left and right "
            "are swapped; write it again with the right orientation in its header"
        )
        raise ValueError(msg)
    if apart > _ELSEWHERE:
        msg = (
            f"{apart:.0%} of the brain mask that was given lies more than {_FAR_MM:g} mm from the "
            "brain on the T1w image: look whether it is of this person and session, and of the "
            "brain"
        )
        raise ValueError(msg)
    return GivenBrainFit(apart=apart, mirrored=mirrored, outside=outside)


def _apart(masks: tuple[Mask, Mask], *, own: Mask, sizes_mm: Floats) -> tuple[float, float]:
    margin = int(np.ceil(_FAR_MM / sizes_mm.min())) + 1
    box = grown(bounding_box(own), margin=margin, shape=own.shape)
    beyond, core = (
        ndimage.distance_transform_edt(where, sampling=tuple(sizes_mm)) > _FAR_MM
        for where in (~own[box], own[box])
    )
    shares = []
    for mask in masks:
        inside = mask[box]
        off = (mask.sum() - inside.sum()) + (inside & beyond).sum() + (core & ~inside).sum()
        shares.append(float(off / max(own.sum(), 1)))
    return shares[0], shares[1]


def check_given_brain(fit: GivenBrainFit) -> tuple[Check, ...]:
    """Judge how far a given brain mask is from the one found, and from the inside of the skull."""
    apart = Check.judged(
        "Given brain mask",
        seen=f"{100 * fit.apart:.1f} % more than {_FAR_MM:g} mm from the brain that was found",
        expected=f"at most {100 * _APART[0]:g} %; fails over {100 * _APART[1]:g} %, refused over "
        f"{100 * _ELSEWHERE:g} %",
        state=graded(fit.apart, warn=_APART[0], fail=_APART[1]),
        advice="look which of both is right; two people's brains differ by as little as this",
    )
    if fit.outside is None:
        return (apart,)
    return (
        apart,
        Check.judged(
            "Given brain mask inside the skull",
            seen=f"{100 * fit.outside:.1f} % outside",
            expected=f"at most {100 * _OUTSIDE[0]:g} %; fails over {100 * _OUTSIDE[1]:g} %",
            state=graded(fit.outside, warn=_OUTSIDE[0], fail=_OUTSIDE[1]),
            advice="the intracranial volume does not hold what lies outside: look at both lines",
        ),
    )
