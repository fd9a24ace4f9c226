"""A Gaussian mixture with spatial priors, partial volume and a Markov field.

Written out here because Atropos takes 15-20 s per iteration on one core at 1 mm, has no partial
volume and loses a third of the deep grey matter with three classes; the model is the same plus
the two boundary classes.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Bools, Floats, Reals, Volume

CSF, CORTEX, WM, DEEP = range(4)
# Boundary classes: a voxel holds a share of each neighbour in intensity.
_MIXED = ((CSF, CORTEX), (CORTEX, WM))
_MIN_SHARE = 1e-3
_MIN_DEEP = 1e-4
# Of boundary classes against pure ones. A broad class takes noise for partial volume: of white
# matter, whose contrast with cortex is the lowest, half as much is let.
_MIXED_WEIGHT = (1.0, 0.5)
_NO_WIDER = 1.2  # spread of grey over that of white matter: beyond, partial volume widens it
_NEAR_MM = 15.0  # within which a tissue's own brightness is taken
_BLOCK_MM = 4.0  # cubes on which it is worked out
_OWN_SHARE = 0.05  # share of the neighbourhood from which a tissue counts more than the head does


@dataclass(frozen=True, slots=True)
class Classes:
    """Mean and standard deviation of each pure class, in the image's intensity.

    Means are one per class, (4,), or one per class and voxel, (4, n).
    """

    mean: Floats
    sd: Floats


def fit_mixture(
    t1w: Volume,
    *,
    mask: Bools,
    priors: Volume,
    zooms_mm: Reals,
    prior_weight: float,
    mrf_weight: float,
    iterations: int,
) -> Volume:
    """Estimate the share of fluid, cortex, white matter and deep grey matter per voxel.

    Parameters
    ----------
    t1w : (I, J, K) array
        Bias-corrected intensities.
    mask : (I, J, K) array of bool
        Where to segment.
    priors : (4, I, J, K) array
        Probabilities of CSF, cortex, WM, deep GM; they add to 1.
    zooms_mm : (3,) array
        Voxel size; far neighbours weigh less in the Markov field (1/distance²).
    prior_weight : float
        Exponent of the priors of fluid, cortex and white matter. That of deep grey matter is
        taken whole: tempered, it lets a class between cortex and white matter take noisy voxels
        of both, anywhere.

    Returns
    -------
    (4, I, J, K) array
        Shares that add to 1 inside the mask, 0 outside.

    References
    ----------
    Avants et al. (2011) Neuroinformatics 9:381-400. doi:10.1007/s12021-011-9109-y
    Tohka et al. (2004) NeuroImage 23:84-97 (partial volume). doi:10.1016/j.neuroimage.2004.05.007
    """
    x = t1w[mask].astype(np.float64)
    prior = _tempered(priors[:, mask].astype(np.float64), weight=prior_weight)
    classes = _initial(x, priors[:, mask])
    field = np.ones_like(prior)
    weights = (np.min(zooms_mm) / np.asarray(zooms_mm, float)) ** 2
    near, local = _Neighbourhoods(mask, zooms_mm=zooms_mm), classes
    for done in range(iterations):
        posterior = prior * _densities(x, local) * field
        posterior /= np.maximum(posterior.sum(axis=0), 1e-30)
        pure = posterior[: len(priors)]
        classes = _estimated(x, pure, classes)
        # First the whole head: what is fluid must be known before tissue can vary from it.
        local = near.adapt(x, pure, classes) if 2 * done >= iterations else classes
        field = np.exp(mrf_weight * _neighbours(posterior, mask, weights))
    shares = np.zeros((len(priors), *mask.shape), np.float32)
    shares[:, mask] = _shared_out(x, posterior, local)
    return shares


def _tempered(priors: Floats, *, weight: float) -> Floats:
    """Weigh the priors, and append the boundary classes: likely where both their tissues are."""
    mixed = np.stack([np.sqrt(priors[a] * priors[b]) for a, b in _MIXED])
    every: Floats = np.maximum(np.concatenate([priors, mixed]), _MIN_SHARE) ** weight
    every[DEEP] = np.maximum(priors[DEEP], _MIN_DEEP)
    every[len(priors) :] *= np.reshape(_MIXED_WEIGHT, (-1, 1))
    return every


def _initial(x: Floats, priors: Volume) -> Classes:
    """Read the classes off where the priors are surest."""
    mean, sd = [], []
    for prior in priors:
        sure = x[prior > min(0.7, 0.9 * float(prior.max()))]
        low, middle, high = np.percentile(sure, (25, 50, 75))
        mean.append(middle)
        sd.append((high - low) / 1.349)
    floor = 0.02 * (max(mean) - min(mean))
    # Fluid is taken at its dark end: the rest of its prior's place is cortex in most heads.
    mean[CSF] = float(np.percentile(x[priors[CSF] > 0.5], 20))
    return Classes(np.asarray(mean), np.maximum(np.asarray(sd), floor))


def _densities(x: Floats, classes: Classes) -> Floats:
    """Likelihood of each voxel under the pure classes, then the boundary classes."""
    pure = [_normal(x, m, s) for m, s in zip(classes.mean, classes.sd, strict=True)]
    # Nothing is too dark for fluid (bone, air), and what no tissue explains is no tissue.
    peak = _normal(classes.mean[CSF], classes.mean[CSF], classes.sd[CSF])
    pure[CSF] = np.where(x < classes.mean[CSF], peak, pure[CSF]) + 1e-4 * peak
    mixed = []
    for a, b in _MIXED:
        middle = (classes.mean[a] + classes.mean[b]) / 2
        spread = (classes.mean[b] - classes.mean[a]) / np.sqrt(12)  # of uniform shares
        mixed.append(_normal(x, middle, np.hypot(spread, (classes.sd[a] + classes.sd[b]) / 2)))
    return np.stack([*pure, *mixed])


def _normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * ((x - mean) / sd) ** 2) / sd
    return density


def _estimated(x: Floats, weights: Floats, before: Classes) -> Classes:
    """Update the classes; outliers beyond 3 SD of the last estimate have no say."""
    mean, sd = before.mean.copy(), before.sd.copy()
    for k, weight in enumerate(weights):
        near = weight * (np.abs(x - before.mean[k]) < 3 * before.sd[k])
        total = near.sum()
        if total < 100:
            continue
        mean[k] = (near * x).sum() / total
        sd[k] = np.sqrt((near * (x - mean[k]) ** 2).sum() / total)
    for k in (CORTEX, DEEP):
        sd[k] = min(sd[k], _NO_WIDER * sd[WM])
    return Classes(mean, np.maximum(sd, 0.02 * (mean[WM] - mean[CSF])))


class _Neighbourhoods:
    """How bright each tissue is around each voxel: what a coil and bias correction leave."""

    def __init__(self, mask: Bools, *, zooms_mm: Reals) -> None:
        self._mask = mask
        # Odd, so that blocks can lie evenly about the middle: a mirrored head has mirrored blocks.
        self._block = [2 * max(int(_BLOCK_MM / zoom - 1) // 2, 0) + 1 for zoom in zooms_mm]
        self._before = [
            next(n for n in range(step) if (size + 2 * n) % step == 0)
            for size, step in zip(mask.shape, self._block, strict=True)
        ]
        self._sigma = _NEAR_MM / (np.array(self._block) * np.asarray(zooms_mm, float))
        block, before = (np.reshape(each, (3, 1)) for each in (self._block, self._before))
        self._places = (np.array(np.nonzero(mask)) + before + 0.5) / block - 0.5
        self._inside = self._summed(np.ones(np.count_nonzero(mask)))

    def adapt(self, x: Floats, pure: Floats, classes: Classes) -> Classes:
        """Give each voxel the means of the tissue around it, σ 15 mm; fluid has one mean.

        Where little of a tissue is near, the mean of the head stands in for it.
        """
        means = np.repeat(classes.mean[:, None], x.size, axis=1)
        for k in (CORTEX, WM, DEEP):
            over = x - classes.mean[k]
            weight = pure[k] * (np.abs(over) < 3 * classes.sd[k])
            shift = self._summed(weight * over) / (
                self._summed(weight) + _OWN_SHARE * self._inside + 1e-9
            )
            means[k] += ndimage.map_coordinates(shift, self._places, order=1, mode="nearest")
        return Classes(means, classes.sd)

    def _summed(self, values: Floats) -> Volume:
        volume = np.zeros(self._mask.shape)
        volume[self._mask] = values
        volume = np.pad(volume, [(n, n) for n in self._before])
        i, j, k = (np.array(volume.shape) // self._block).tolist()
        a, b, c = self._block
        blocks = volume.reshape(i, a, j, b, k, c).sum(axis=(1, 3, 5))
        near: Volume = ndimage.gaussian_filter(blocks, self._sigma, mode="constant", truncate=3)
        return near


def _neighbours(posterior: Floats, mask: Bools, weights: Floats) -> Floats:
    """Sum the probabilities of the six neighbours, class by class."""
    found = np.empty_like(posterior)
    volume = np.zeros(tuple(size + 2 for size in mask.shape), np.float32)
    middle = slice(1, -1)
    for k, values in enumerate(posterior):
        volume[middle, middle, middle][mask] = values
        total = np.zeros(mask.shape, np.float32)
        for axis, weight in enumerate(weights):
            along = np.moveaxis(volume, axis, 0)
            pair = (along[:-2] + along[2:])[:, middle, middle]
            total += np.float32(weight) * np.moveaxis(pair, 0, axis)
        found[k] = total[mask]
    return found


def _shared_out(x: Floats, posterior: Floats, classes: Classes) -> Floats:
    """Give each boundary class to its two tissues, by where the voxel lies between them."""
    shares = posterior[: len(classes.mean)].copy()
    for (a, b), mixed in zip(_MIXED, posterior[len(shares) :], strict=True):
        apart = np.maximum(classes.mean[b] - classes.mean[a], 1e-9)
        part = (x - classes.mean[a]) / apart
        part = np.clip(part, 0, 1)
        shares[a] += mixed * (1 - part)
        shares[b] += mixed * part
    return shares
