"""Lesions as others have marked them: in the place of those found, or as their correction."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.imaging.space.registration import resample
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, on_grid_of
from npsle_app.records import Check, graded

LABELS = {1: "kept", 2: "added", 3: "removed"}
KEPT, ADDED, REMOVED = LABELS
_OUTSIDE = (0.01, 0.1)  # of what was given; drawn on another head, half lies outside
_ELSEWHERE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLesions:
    """Lesions after a reading, (I, J, K), and how they differ from those that were found.

    `added` and `removed` are empty where nothing was sought. `outside` is the share of what was
    given that lay outside the brain, and was left out.
    """

    mask: Mask
    added: Mask
    removed: Mask
    outside: float

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Each voxel's number of `LABELS`, 0 where there never was a lesion."""
        labels = np.zeros(self.mask.shape, dtype=np.uint8)
        for number, where in ((KEPT, self.mask), (ADDED, self.added), (REMOVED, self.removed)):
            labels[where] = number
        return labels


def lesion_share(image: nib.Nifti1Image, *, label: int | None) -> nib.Nifti1Image:
    """Return shares of lesion from 0 to 1: of one label, of a mask of any value, of a map."""
    data = image.get_fdata(dtype=np.float32)
    if label is not None:
        data = (data == label).astype(np.float32)
    elif data.max() > 1 or not np.any((data > 0) & (data < data.max())):
        data = (data > 0).astype(np.float32)
    return on_grid_of(image, data)


def bring_to_t1w(share: nib.Nifti1Image, *, t1w: nib.Nifti1Image, matrix: Floats) -> Volume:
    """Resample shares of lesion from FLAIR's grid to that of T1w.

    Masks keep their edge (nearest neighbour), maps are interpolated. `matrix` takes points of
    T1w to points of FLAIR.
    """
    values = share.get_fdata(dtype=np.float32)
    is_mask = not np.any((values > 0) & (values < 1))
    moved = resample(share, reference=t1w, matrix=matrix, order=0 if is_mask else 1)
    brought: Volume = moved.get_fdata(dtype=np.float32)
    return brought


def apply_reading(
    *,
    sought: Mask | None,
    brain: Mask,
    whole: Mask | None = None,
    added: Mask | None = None,
    removed: Mask | None = None,
) -> ReadLesions:
    """Put what was given in the place of what was found, or correct it.

    Parameters
    ----------
    sought : (I, J, K) array of bool or None
        The lesions that were found; None where nothing could be sought.
    whole, added, removed : (I, J, K) array of bool or None
        All lesions as given, and corrections of them, or of `sought` where there is no `whole`.
    brain : (I, J, K) array of bool
        What is given outside of it does not count.

    Raises
    ------
    ValueError
        If there is nothing to correct, or if most of what was given lies outside the brain.
    """
    base = sought if whole is None else whole
    if base is None:
        msg = "there is neither FLAIR nor a mask of all lesions that could be corrected"
        raise ValueError(msg)
    given = _join(base.shape, whole, added, removed)
    outside = float((given & ~brain).sum() / max(given.sum(), 1))
    if outside > _ELSEWHERE:
        msg = f"{outside:.0%} of the lesions that were given lie outside the brain: look whether "
        msg += "they are of this head, and on its grid"
        raise ValueError(msg)
    mask = (base | _join(base.shape, added)) & ~_join(base.shape, removed) & brain
    found = mask if sought is None else sought
    return ReadLesions(mask=mask, added=mask & ~found, removed=found & ~mask, outside=outside)


def _join(shape: tuple[int, ...], *masks: Mask | None) -> Mask:
    joined = np.zeros(shape, dtype=bool)
    for mask in masks:
        if mask is not None:
            joined |= mask
    return joined


def summarise_reading(lesions: ReadLesions, *, voxel_mm3: float) -> dict[str, float]:
    """Measure in mL and count (26-connected parts) what was added and removed."""
    return {
        f"wmh_{name}_{unit}": value
        for name, mask in (("added", lesions.added), ("removed", lesions.removed))
        for unit, value in (
            ("ml", float(mask.sum()) * voxel_mm3 / 1000),
            ("count", float(ndimage.label(mask, NEIGHBOURS_26)[1])),
        )
    }


def check_inside(lesions: ReadLesions) -> Check:
    """Judge how much of what was given lies outside the brain."""
    return Check.judged(
        "Given lesions inside the brain",
        seen=f"{100 * lesions.outside:.1f} % outside",
        expected=f"at most {100 * _OUTSIDE[0]:.0f} %; fails over {100 * _OUTSIDE[1]:.0f} %",
        state=graded(lesions.outside, warn=_OUTSIDE[0], fail=_OUTSIDE[1]),
        advice="what lies outside was left out: look at mask and brain, and whether the grid is "
        "that of this head",
    )
