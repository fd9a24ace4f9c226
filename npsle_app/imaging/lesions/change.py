"""What became of the lesions between two sessions: new, enlarged, shrunken, resolved.

A voxel counts as changed only where the lesion maps differ and FLAIR has become brighter
or darker than the noise of normal-appearing white matter explains, as in [1]_. Masks are cut
from probabilities, and where lesions are faint the cut falls now here, now there: so what one
mask misses counts where brightness leaves no doubt, and the rim of what has changed, where
partial volume hides half of it, goes with its core.

References
----------
.. [1] Schmidt et al. (2019) NeuroImage Clin 23:101849. doi:10.1016/j.nicl.2019.101849
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import MAD_TO_SD, Floats, Mask, Volume
from npsle_app.imaging.space.registration import resample
from npsle_app.imaging.space.volumes import NEIGHBOURS_26, on_grid_of

LABELS = {1: "stable", 2: "new", 3: "enlarged", 4: "shrunken", 5: "resolved"}
STABLE, NEW, ENLARGED, SHRUNKEN, RESOLVED = LABELS

_SURE = 0.9  # probability of white matter in normal-appearing voxels
_APART_MM = 3.0  # between them and any lesion
_LEAST_ML = 1.0
_SMOOTH_MM = 0.8  # one SD; takes noise out and leaves a small lesion
_UNEVEN_MM = 15.0  # one SD of what counts as difference of the coils
_DOUBTFUL = 0.5  # of the threshold: as likely as this counts where brightness is beyond doubt
_BEYOND_DOUBT = 2.0  # times the limit of the difference
_AT_RIM, _RIM_MM = 0.5, 1.5  # times the limit, within this distance of what has changed
_LEAST_DAYS, _YEAR_DAYS = 90, 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One session on the half-way grid, (I, J, K) each.

    `lesions` is the mask after linear interpolation (0 to 1), `probability` the map that it was
    cut from (the mask again, if it was drawn), `wm` the probability of white matter, and `shown`
    marks the brain where FLAIR has a value.
    """

    flair: Volume
    lesions: Volume
    probability: Volume
    wm: Volume
    shown: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionChange:
    """What became of each voxel (see `LABELS`), and how sure that is.

    `noise_sd` is the spread of the FLAIR difference in normal-appearing white matter, as a
    share of its brightness; `unproven_ml` the volume that only one of the masks has and that
    did not count as change.
    """

    labels: NDArray[np.uint8]
    noise_sd: float
    unproven_ml: float
    voxel_mm3: float

    def only(self, number: int) -> Mask:
        """Mark the voxels of one label."""
        marked: Mask = self.labels == number
        return marked

    def volume_ml(self, *numbers: int) -> float:
        """Volume of some labels."""
        return float(np.isin(self.labels, numbers).sum() * self.voxel_mm3 / 1000)

    @property
    def _earlier(self) -> Mask:
        mask: Mask = np.isin(self.labels, (STABLE, SHRUNKEN, RESOLVED))
        return mask

    @property
    def _later(self) -> Mask:
        mask: Mask = np.isin(self.labels, (STABLE, NEW, ENLARGED))
        return mask

    def count(self, number: int) -> int:
        """Count the connected parts (26 neighbours) of a label."""
        return int(ndimage.label(self.labels == number, NEIGHBOURS_26)[1])

    def as_measures(self) -> dict[str, float]:
        """Return volumes and counts under the names of the measures.

        The volume of the later session is that of the earlier one, plus new and enlarged,
        minus shrunken and resolved.
        """
        new, enlarged, shrunken, resolved = (
            self.volume_ml(number) for number in (NEW, ENLARGED, SHRUNKEN, RESOLVED)
        )
        return {
            "wmh_earlier_ml": self.volume_ml(STABLE, SHRUNKEN, RESOLVED),
            "wmh_later_ml": self.volume_ml(STABLE, NEW, ENLARGED),
            "wmh_stable_ml": self.volume_ml(STABLE),
            "wmh_new_ml": new,
            "wmh_enlarged_ml": enlarged,
            "wmh_shrunken_ml": shrunken,
            "wmh_resolved_ml": resolved,
            "wmh_net_change_ml": new + enlarged - shrunken - resolved,
            "wmh_new_count": float(self.count(NEW)),
            "wmh_resolved_count": float(self.count(RESOLVED)),
            "wmh_merged_count": float(_count_joined(self._earlier, into=self._later)),
            "wmh_split_count": float(_count_joined(self._later, into=self._earlier)),
            "wmh_unproven_change_ml": self.unproven_ml,
        }


def _count_joined(lesions: Mask, *, into: Mask) -> int:
    """Count the lesions of `into` that hold voxels of two `lesions` or more."""
    parts, wholes = (ndimage.label(mask, NEIGHBOURS_26)[0] for mask in (lesions, into))
    both = lesions & into
    pairs = np.unique(np.stack([wholes[both], parts[both]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum())


def per_year(change: float, *, days: float | None) -> float | None:
    """Scale a change to a year; None where the time is not known or under 90 days.

    Over a shorter time the noise of two measurements would be multiplied by more than four.

    Examples
    --------
    >>> per_year(0.5, days=730.5)
    0.25
    """
    if days is None or days < _LEAST_DAYS:
        return None
    return change / (days / _YEAR_DAYS)


def appear(
    flair: nib.Nifti1Image,
    *,
    lesions: nib.Nifti1Image,
    probability: nib.Nifti1Image | None,
    wm: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    grid: nib.Nifti1Image,
    matrix: Floats,
) -> Appearance:
    """Bring the images of a session onto the half-way grid, each interpolated once.

    Parameters
    ----------
    flair, lesions, probability, wm, brain : Nifti1Image
        On the T1w grid of the session; FLAIR is 0 outside its field of view. A mask that was
        drawn has no probability.
    grid : Nifti1Image
        The half-way grid.
    matrix : (4, 4) array
        Half-way world to the session's world, in mm.
    """
    seen = on_grid_of(
        brain, (flair.get_fdata(dtype=np.float32) > 0) & (np.asarray(brain.dataobj) > 0)
    )
    maps = (flair, 3), (lesions, 1), (probability or lesions, 1), (wm, 1), (seen, 1)
    whole, spotted, likely, white, shown = (
        resample(image, reference=grid, matrix=matrix, order=order).get_fdata(dtype=np.float32)
        for image, order in maps
    )
    return Appearance(
        flair=whole, lesions=spotted, probability=likely, wm=white, shown=shown >= 0.5
    )


def compare_lesions(
    earlier: Appearance,
    later: Appearance,
    *,
    voxel_mm: float,
    threshold: float,
    significance_sd: float,
    min_change_mm3: float,
    shift_mm: float,
) -> LesionChange:
    """Tell new, enlarged, shrunken, resolved and stable lesions apart.

    Parameters
    ----------
    earlier, later : Appearance
        On one grid of cubes with the edge `voxel_mm`. FLAIR in any unit.
    threshold : float
        The probability at which the masks were cut.
    significance_sd : float
        Least difference of FLAIR, in standard deviations of normal-appearing white matter.
    min_change_mm3 : float
        Smaller connected changes do not count.
    shift_mm : float
        Displacement (one standard deviation) that registration and partial volume may leave.
        Where brightness rises by s per mm, the difference must exceed that of noise and of
        s × `shift_mm` together: at the border of a lesion, that its border has moved further.

    Returns
    -------
    LesionChange
        New lesions touch none of the earlier session, resolved ones none of the later.
        Exchanged sessions exchange new with resolved and enlarged with shrunken. Voxels of
        one mask alone that do not count as changed are stable where the two masks together
        are lesion for more than half, and nothing elsewhere.

    Raises
    ------
    ValueError
        If there is less than 1 mL of normal-appearing white matter to compare.
    """
    masks = [(one.lesions >= 0.5) & earlier.shown & later.shown for one in (earlier, later)]
    difference, slope, noise_sd = _difference(
        earlier, later, lesions=masks[0] | masks[1], edge=voxel_mm
    )
    limit = significance_sd * np.hypot(noise_sd, shift_mm * slope)
    gained, lost = (
        _find_changed(
            masks[place] & ~masks[1 - place],
            likely=one.probability >= _DOUBTFUL * threshold,
            barred=masks[1 - place] | ~(earlier.shown & later.shown),
            signed=sign * difference,
            limit=limit,
            edge=voxel_mm,
            min_mm3=min_change_mm3,
        )
        for place, one, sign in ((1, later, 1), (0, earlier, -1))
    )
    unproven = (masks[0] ^ masks[1]) & ~gained & ~lost
    stable = (masks[0] & masks[1]) | (unproven & (earlier.lesions + later.lesions > 1))
    return LesionChange(
        labels=_label(stable=stable, gained=gained, lost=lost),
        noise_sd=noise_sd,
        unproven_ml=float(unproven.sum() * voxel_mm**3 / 1000),
        voxel_mm3=voxel_mm**3,
    )


def _find_changed(
    alone: Mask,
    *,
    likely: Mask,
    barred: Mask,
    signed: Volume,
    limit: Volume,
    edge: float,
    min_mm3: float,
) -> Mask:
    """Mark what is lesion in one session alone and has changed its brightness.

    Parameters
    ----------
    alone : (I, J, K) array of bool
        In the mask of this session and not in the other's.
    likely : (I, J, K) array of bool
        Half as likely as the mask asks for: counts where brightness is beyond doubt, and at the
        rim of what has changed.
    barred : (I, J, K) array of bool
        Lesion in the other session, or not shown in both.
    signed, limit : (I, J, K) array
        Difference of FLAIR, positive where this session is brighter, and its limit.
    """
    doubtful = likely & ~barred
    core = (alone & (signed > limit)) | (doubtful & (signed > _BEYOND_DOUBT * limit))
    core = _drop_small(core, voxel_mm3=edge**3, min_mm3=min_mm3)
    if not core.any():
        return core
    near = ndimage.distance_transform_edt(~core, sampling=edge) <= _RIM_MM
    changed: Mask = core | (near & (alone | doubtful) & (signed > _AT_RIM * limit))
    return changed


def _difference(
    earlier: Appearance, later: Appearance, *, lesions: Mask, edge: float
) -> tuple[Volume, Volume, float]:
    """Subtract FLAIR, later minus earlier, in units of normal-appearing white matter.

    What differs slowly over the head is the coils' doing and taken out. Returns the
    difference, the slope of the mean of both (per mm), and the standard deviation of the
    difference where all is normal.
    """
    normal = _normal_appearing(earlier, later, lesions=lesions, edge=edge)
    scaled = [one.flair / np.median(one.flair[normal]) for one in (earlier, later)]
    ratio = np.zeros(normal.shape, dtype=np.float32)
    ratio[normal] = np.log(scaled[1][normal]) - np.log(scaled[0][normal])
    uneven = _smooth_within(ratio, where=normal, sd=_UNEVEN_MM / edge)
    before, after = scaled[0] * np.exp(uneven / 2), scaled[1] * np.exp(-uneven / 2)
    difference: Volume = ndimage.gaussian_filter(after - before, _SMOOTH_MM / edge)
    mean = (before + after) / 2
    slope: Volume = ndimage.gaussian_gradient_magnitude(mean, _SMOOTH_MM / edge) / edge
    values = difference[normal]
    spread = np.median(np.abs(values - np.median(values)))
    return difference, slope, float(MAD_TO_SD * spread)


def _normal_appearing(
    earlier: Appearance, later: Appearance, *, lesions: Mask, edge: float
) -> Mask:
    far = np.ones(lesions.shape, dtype=bool)
    if lesions.any():
        far = ndimage.distance_transform_edt(~lesions, sampling=edge) > _APART_MM
    normal: Mask = far
    for one in (earlier, later):
        normal = normal & one.shown & (one.wm >= _SURE) & (one.flair > 0)
    if normal.sum() * edge**3 / 1000 < _LEAST_ML:
        msg = (
            f"{normal.sum() * edge**3 / 1000:.2f} mL of normal-appearing white matter lie in both "
            f"sessions, at least {_LEAST_ML:.0f} mL are needed: look at their registration"
        )
        raise ValueError(msg)
    return normal


def _smooth_within(values: Volume, *, where: Mask, sd: float) -> Volume:
    """Average over neighbours inside `where` alone; 0 far away from it."""
    weight = ndimage.gaussian_filter(where.astype(np.float32), sd)
    total = ndimage.gaussian_filter(np.where(where, values, np.float32(0)), sd)
    smooth: Volume = np.where(weight > 1e-4, total / np.maximum(weight, 1e-4), 0)
    return smooth


def _drop_small(changed: Mask, *, voxel_mm3: float, min_mm3: float) -> Mask:
    labels, _ = ndimage.label(changed, NEIGHBOURS_26)
    keep = np.bincount(labels.ravel()) * voxel_mm3 >= min_mm3
    keep[0] = False  # the background
    kept: Mask = keep[labels]
    return kept


def _label(*, stable: Mask, gained: Mask, lost: Mask) -> NDArray[np.uint8]:
    labels = np.zeros(stable.shape, dtype=np.uint8)
    labels[stable] = STABLE
    new = _untouched(gained | stable, by=stable | lost)
    resolved = _untouched(lost | stable, by=stable | gained)
    for where, apart, number, other in (
        (gained, new, NEW, ENLARGED),
        (lost, resolved, RESOLVED, SHRUNKEN),
    ):
        labels[where] = np.where(apart, number, other)[where]
    return labels


def _untouched(mask: Mask, *, by: Mask) -> Mask:
    """Keep the components that share no voxel with another mask."""
    components, _ = ndimage.label(mask, NEIGHBOURS_26)
    touched = np.unique(components[by])
    kept: Mask = mask & ~np.isin(components, touched)
    return kept
