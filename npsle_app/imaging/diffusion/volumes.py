"""Which volumes of a diffusion series can be used, and whether its runs agree in brightness.

Looked at before anything else: one volume without signal would lower the mean without weighting,
spoil the alignment of the others, and lift every limit that is taken from their spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats, Ints, Mask, Volume
from npsle_app.imaging.diffusion.gradients import Gradients, find_shells, join

_HEAD = 0.2  # of the bright part of the mean of all volumes
_MIN_VOXELS = 50  # of the head in a plane that is judged
_ENOUGH = 3  # volumes whose median one bad one cannot move
_LOST, _BLANK, _BRIGHT = 0.5, 0.02, 2.0  # signal of a plane over that of its shell
_MAX_LOST = 0.25  # of the planes; fewer are dropped slices, which are mended one by one
_SAME_LEVEL = 0.01
_SHELL = 50.0  # half the width of a shell, in s/mm²


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Runs as one series of the volumes that can be used.

    Attributes
    ----------
    series : Nifti1Image
        (I, J, K, N), on the grid of the first run.
    gradients : Gradients
        N of them.
    left_out : tuple of str
        One sentence for each volume that cannot be used.
    n_volumes : int
        How many volumes were acquired.
    levels : tuple of float
        Brightness without weighting of each run over that of the first, before they were
        scaled to it; NaN where no volume tells it.
    """

    series: nib.Nifti1Image
    gradients: Gradients
    left_out: tuple[str, ...]
    n_volumes: int
    levels: tuple[float, ...]


def join_runs(
    images: Sequence[nib.Nifti1Image], *, gradients: Sequence[Gradients], names: Sequence[str]
) -> Joined:
    """Leave out volumes without signal, scale each run to the first, and append them.

    Scanners choose the scale of each run anew; the tensor takes the difference for diffusion.
    Runs within 1 % of one another are left as they are.

    Parameters
    ----------
    images : sequence of Nifti1Image
        (I, J, K, N) each, on one grid.
    gradients, names : sequence
        Of each run.

    Raises
    ------
    ValueError
        If no volume, or none without weighting where there were such, can be used.
    """
    kept: list[tuple[nib.Nifti1Image, Gradients]] = []
    told: list[str] = []
    for image, own, name in zip(images, gradients, names, strict=True):
        faults = find_unusable(image, gradients=own)
        told += [f"Volume {n} (from 0) of {name} was left out: {why}." for n, why in faults.items()]
        good = np.array([n not in faults for n in range(image.shape[3])])
        if good.any():
            kept.append((image if good.all() else _take(image, good), own.take(good)))
    _check_kept([own for _, own in kept], gradients)
    levels = tuple(_level(image, own, first=kept[0]) for image, own in kept)
    parts = [
        image if not abs(level - 1) > _SAME_LEVEL else _scale(image, 1 / level)
        for (image, _), level in zip(kept, levels, strict=True)
    ]
    return Joined(
        series=parts[0] if len(parts) == 1 else _append(parts),
        gradients=join([own for _, own in kept]),
        left_out=tuple(told),
        n_volumes=sum(image.shape[3] for image in images),
        levels=levels,
    )


def find_unusable(series: nib.Nifti1Image, *, gradients: Gradients) -> dict[int, str]:
    """Find volumes that have lost their signal or are far too bright, with the reason.

    A volume is compared with the median of its shell, plane by plane along each axis: a quarter
    of the planes of any axis below half of it is more than slices that dropped out. Shells of
    one or two volumes are compared with all weighted ones, which volumes without weighting
    cannot be darker than.
    """
    data = series.get_fdata(dtype=np.float32)
    lost = [n for n in range(data.shape[3]) if not np.isfinite(data[..., n]).all()]
    if lost:
        data = data.copy()
        data[..., lost] = 0
    head = _head(data)
    labels, _ = find_shells(gradients.b_values)
    profiles = [_planes(data, head=head, axis=axis) for axis in range(3)]
    found = dict.fromkeys(lost, "it holds values that are no numbers")
    for volume in range(data.shape[3]):
        if volume in found:
            continue
        ratios = [_against(profile, volume, labels=labels) for profile in profiles]
        if why := _judge(ratios):
            found[volume] = why
    return found


def _check_kept(kept: Sequence[Gradients], all_runs: Sequence[Gradients]) -> None:
    if not kept:
        msg = "no volume has a signal"
        raise ValueError(msg)
    before, after = (
        any((~one.weighted).any() for one in gradients) for gradients in (all_runs, kept)
    )
    if before and not after:
        msg = "all volumes without diffusion weighting have lost their signal"
        raise ValueError(msg)


def _head(data: Volume) -> Mask:
    mean = data.mean(axis=3)
    found: Mask = mean > _HEAD * np.percentile(mean, 98)
    return found


def _planes(data: Volume, *, head: Mask, axis: int) -> Floats:
    """Return the mean signal of the head in each plane across an axis, (planes, N)."""
    others = tuple(other for other in range(3) if other != axis)
    count = head.sum(axis=others)
    sums = np.stack(
        [np.where(head, data[..., n], 0).sum(axis=others, dtype=float) for n in
         range(data.shape[3])], axis=-1,
    )  # fmt: skip
    judged = count >= min(_MIN_VOXELS, count.max(initial=0))
    means: Floats = sums[judged] / np.maximum(count[judged], 1)[:, None]
    return means


def _against(profile: Floats, volume: int, *, labels: Ints) -> Floats:
    """Return the signal of each plane of a volume over what is expected of it."""
    shell = labels == labels[volume]
    if shell.sum() >= _ENOUGH:
        own: Floats = profile[:, volume] / np.maximum(np.median(profile[:, shell], axis=1), 1e-9)
        return own
    weighted = labels > 0
    expected = np.median(profile[:, weighted] if weighted.any() else profile, axis=1)
    ratio: Floats = profile[:, volume] / np.maximum(expected, 1e-9)
    if labels[volume] > 0:  # a higher b-value may leave little signal: only none is a fault
        return np.where(ratio < _BLANK, ratio, 1.0)
    return np.minimum(ratio, 1.0)


def _judge(ratios: Sequence[Floats]) -> str:
    lost = max(float((ratio < _LOST).mean()) for ratio in ratios)
    if all((ratio < _BLANK).all() for ratio in ratios):
        return "it is blank"
    if lost > _MAX_LOST:
        return f"{lost:.0%} of its planes have lost their signal"
    level = float(np.median(np.concatenate(ratios)))
    return f"it is {level:.1f} times as bright as its shell" if level > _BRIGHT else ""


def _level(
    image: nib.Nifti1Image, gradients: Gradients, *, first: tuple[nib.Nifti1Image, Gradients]
) -> float:
    """Compare the brightness without weighting with that of the first run, else of one shell."""
    if image is first[0]:
        return 1.0
    for shell in _common(gradients, first[1]):
        one, other = (
            _mean(each, np.abs(own.b_values - shell) < _SHELL)
            for each, own in ((image, gradients), first)
        )
        where = (other > _HEAD * np.percentile(other, 98)) & (one > 0)
        if where.any():
            return float(np.median(one[where] / other[where]))
    return float("nan")


def _common(first: Gradients, second: Gradients) -> list[float]:
    """List b-values that both have, 0 before shells of many directions."""
    own = {0.0} if (~first.weighted).any() and (~second.weighted).any() else set()
    shells = [find_shells(one.b_values)[1] for one in (first, second)]
    both = {a for a in shells[0] for b in shells[1] if abs(a - b) < _SHELL}
    return sorted(own) + sorted(both)


def _mean(image: nib.Nifti1Image, chosen: Bools) -> Volume:
    mean: Volume = image.get_fdata(dtype=np.float32)[..., chosen].mean(axis=-1)
    return mean


def _take(image: nib.Nifti1Image, chosen: Bools) -> nib.Nifti1Image:
    return nib.Nifti1Image(image.get_fdata(dtype=np.float32)[..., chosen], image.affine)


def _scale(image: nib.Nifti1Image, factor: float) -> nib.Nifti1Image:
    return nib.Nifti1Image(image.get_fdata(dtype=np.float32) * np.float32(factor), image.affine)


def _append(parts: Sequence[nib.Nifti1Image]) -> nib.Nifti1Image:
    data = np.concatenate([part.get_fdata(dtype=np.float32) for part in parts], axis=3)
    return nib.Nifti1Image(data, parts[0].affine)
