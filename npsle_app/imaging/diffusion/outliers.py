"""Slices that lost their signal, mostly because the head moved while they were taken."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.arrays import MAD_TO_SD, Bools, Floats, Ints, Volume
from npsle_app.imaging.diffusion.gradients import Gradients, find_shells
from npsle_app.imaging.diffusion.tensor import MIN_DIRECTIONS, design_matrix

_MIN_VOXELS = 50
_MIN_LOSS = 0.1
_MAX_Z = 4.0
_LOST_VOLUME = 0.3
_MIN_SPREAD = 0.005
_MAX_LEVERAGE = 0.8
_FLOOR = 1e-3
_B_SCALE = np.array([1000.0] * 6 + [1.0])


@dataclass(frozen=True, slots=True)
class Outliers:
    """Which slices of which volumes dropped out.

    Attributes
    ----------
    loss : (K, N) array
        Mean of prediction minus signal over the mean prediction; NaN where a slice holds
        fewer than 50 voxels of the brain or the volume is not weighted.
    found : (K, N) array of bool
    fixed : (I, J, K, N) array
        The series with the prediction in place of these slices.
    """

    loss: Floats
    found: Bools
    fixed: Volume


def find_outliers(series: nib.Nifti1Image, *, mask: Bools, gradients: Gradients) -> Outliers | None:
    """Find slices far darker than a tensor fitted to the other volumes says.

    A slice drops out if it has lost at least a tenth of its signal and lies four standard
    deviations (robust, over all slices and volumes of the shell) below the prediction. The
    worst of each slice is fixed first, because it spoils the prediction of the others.

    Returns
    -------
    Outliers or None
        None where no shell has enough directions to leave one out.

    References
    ----------
    Andersson et al. (2016) NeuroImage 141:556-72. doi:10.1016/j.neuroimage.2016.06.058
    """
    labels, _ = find_shells(gradients.b_values)
    data = series.get_fdata(dtype=np.float32).copy()
    loss = np.full((data.shape[2], data.shape[3]), np.nan)
    found = np.zeros(loss.shape, bool)
    judged = False
    for shell in range(1, labels.max(initial=0) + 1):
        used = np.flatnonzero((labels == shell) | (labels == 0))
        own = labels[used] == shell
        weights = _others(gradients.take(used), own=own)
        if weights is None:
            continue
        judged = True
        _judge(data, shell=_Shell(mask, used, own, weights), loss=loss, found=found)
    return Outliers(loss, found, data) if judged else None


@dataclass(frozen=True, slots=True)
class _Shell:
    """Volumes of one shell (`own` among those `used`) and how they predict one another."""

    mask: Bools
    used: Ints
    own: Bools
    weights: Floats

    @property
    def volumes(self) -> Ints:
        """Their numbers in the series."""
        return self.used[self.own]

    @property
    def slices(self) -> Ints:
        """The slices that are judged."""
        return np.flatnonzero(self.mask.sum(axis=(0, 1)) >= _MIN_VOXELS)

    def predict(self, data: Volume, slice_: int) -> tuple[Floats, Floats]:
        """Return the lost share of signal of each volume in a slice, and the prediction."""
        seen = data[:, :, slice_][self.mask[:, :, slice_]][:, self.used].astype(float)
        logarithm = np.log(np.maximum(seen, _FLOOR * max(seen.max(initial=0), 1e-6)))
        predicted = np.exp(logarithm @ self.weights.T)
        lost: Floats = 1 - seen[:, self.own].sum(axis=0) / predicted.sum(axis=0)
        return lost, predicted

    def losses(self, data: Volume) -> Floats:
        """Return the lost shares of all slices that are judged."""
        return np.stack([self.predict(data, slice_)[0] for slice_ in self.slices])

    def fix(self, data: Volume, slice_: int, worst: int) -> None:
        """Put the prediction in the place of one slice of one volume."""
        predicted = self.predict(data, slice_)[1]
        data[:, :, slice_, self.volumes[worst]][self.mask[:, :, slice_]] = predicted[:, worst]


def _others(gradients: Gradients, *, own: Bools) -> Floats | None:
    """Return the weights of all volumes' logarithms in the prediction of each of the shell."""
    if own.sum() <= MIN_DIRECTIONS or own.all():
        return None
    design = design_matrix(gradients.b_values, directions=gradients.directions) / _B_SCALE
    hat = design @ np.linalg.pinv(design)
    leverage = np.diag(hat)
    if leverage[own].max() > _MAX_LEVERAGE:
        return None
    rest = np.maximum(1 - leverage, 1e-9)[own]  # a single b0 volume rests on itself alone
    weights: Floats = (hat - np.diag(leverage))[own] / rest[:, None]
    return weights


def _judge(data: Volume, *, shell: _Shell, loss: Floats, found: Bools) -> None:
    """Fill in loss and found for the volumes of one shell, and fix the data."""
    volumes, slices = shell.volumes, shell.slices
    if not slices.size:
        return
    place = np.ix_(slices, volumes)
    first = shell.losses(data)
    fixed, rest = _fix_lost_volumes(data, shell=shell, losses=first)
    found[np.ix_(slices, volumes[fixed])] = True
    loss[place] = np.where(found[place], first, rest)
    spread = max(MAD_TO_SD * float(np.median(np.abs(rest))), _MIN_SPREAD)
    limit = max(_MAX_Z * spread, _MIN_LOSS)
    for slice_ in np.flatnonzero((loss[:, volumes] > limit).any(axis=1)):
        for _ in range(len(volumes) // 2):
            lost, _ = shell.predict(data, slice_)
            worst = int(np.argmax(lost))
            if found[slice_, volumes[worst]] or lost[worst] <= limit:
                break
            found[slice_, volumes[worst]] = True
            shell.fix(data, slice_, worst)


def _fix_lost_volumes(data: Volume, *, shell: _Shell, losses: Floats) -> tuple[list[int], Floats]:
    """Fix volumes that are lost as a whole: each spoils the prediction of all the others.

    Returns them, and the losses that remain.
    """
    fixed: list[int] = []
    for _ in range(len(shell.volumes) // 4):
        level = np.median(losses, axis=0)
        worst = int(np.argmax(level))
        if worst in fixed or level[worst] <= _LOST_VOLUME:
            break
        fixed.append(worst)
        for slice_ in shell.slices:
            shell.fix(data, slice_, worst)
        losses = shell.losses(data)
    return fixed, losses
