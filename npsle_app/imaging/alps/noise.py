"""How far noise moves the DTI-ALPS index: residual bootstrap."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Bools, Reals
from npsle_app.imaging.alps.index import by_side, measure_regions
from npsle_app.imaging.alps.rois import Place, Sphere
from npsle_app.imaging.diffusion.tensor import fit_tensors, predict_signal

_LARGEST_LEVERAGE = 0.95  # a single b0 fixes S0 alone: its residual says nothing


def bootstrap_sd(
    signal: Reals,
    *,
    b_values: Reals,
    directions: Reals,
    spheres: dict[Place, Sphere],
    usable: Bools,
    rotation: Reals,
    samples: int,
    seed: int,
) -> dict[str, float | None]:
    """Return the standard deviation of the index (left, right, mean) over bootstrap samples.

    Residuals of the logarithm of the signal, freed of weight and leverage, are drawn anew with
    replacement among the volumes of each voxel, added to the prediction, and fitted again. All
    voxels draw independently. After denoising it is a lower bound: residuals shrink more than
    the error does, and neighbours share it.

    Parameters
    ----------
    signal : (I, J, K, N) array
        The series that the tensors were fitted to.
    b_values, directions : (N,) and (N, 3) arrays
        s/mm², unit vectors in world RAS.
    spheres, usable, rotation
        As for the index itself; the voxels' shares weight them here too.
    samples : int
        How many times to draw; at least 2.

    Returns
    -------
    dict
        None where the index cannot be known.

    References
    ----------
    Chung et al. (2006) NeuroImage 33:531-41. doi:10.1016/j.neuroimage.2006.07.001
    """
    rng = np.random.default_rng(seed)
    voxels, rows = _listed(spheres)
    kept = usable[tuple(voxels.T)]
    if not kept.any():
        return dict.fromkeys(("left", "right", "mean"))
    values = np.asarray(signal[tuple(voxels[kept].T)], dtype=np.float64)
    drawn = _draw(values, b_values=b_values, directions=directions, samples=samples, rng=rng)
    fitted = fit_tensors(drawn, b_values=b_values, directions=directions)
    found = []
    for sample in fitted.tensors:
        tensors = np.zeros((len(voxels), 1, 1, 3, 3))
        tensors[kept, 0, 0] = sample
        regions = measure_regions(tensors, spheres=rows, usable=kept[:, None, None])
        found.append(by_side(regions, rotation=rotation))
    return {name: _sd([one[name] for one in found]) for name in found[0]}


def _listed(spheres: dict[Place, Sphere]) -> tuple[NDArray[np.int_], dict[Place, Sphere]]:
    """List the voxels of all spheres, and lay the spheres onto that list as a grid n × 1 × 1."""
    every = np.concatenate([sphere.voxels for sphere in spheres.values()])
    voxels, rows = np.unique(every, axis=0, return_inverse=True)
    ends = np.cumsum([len(sphere.voxels) for sphere in spheres.values()])[:-1]
    laid = {
        place: replace(sphere, voxels=np.column_stack([mine, 0 * mine, 0 * mine]))
        for (place, sphere), mine in zip(spheres.items(), np.split(rows, ends), strict=True)
    }
    return voxels, laid


def _draw(
    values: Reals, *, b_values: Reals, directions: Reals, samples: int, rng: np.random.Generator
) -> Reals:
    """Return (samples, n, N) signals of n voxels."""
    fit = fit_tensors(values, b_values=b_values, directions=directions)
    predicted = predict_signal(fit.tensors, s0=fit.s0, b_values=b_values, directions=directions)
    left = np.log(np.maximum(values, 1e-3 * predicted) / predicted)
    free = 1 - _leverage(predicted, b_values=b_values, directions=directions)
    known = free > 1 - _LARGEST_LEVERAGE
    scaled = np.where(known, left * predicted / np.sqrt(np.where(known, free, 1)), 0)
    scaled -= np.where(known, _mean(scaled, where=known)[:, None], 0)
    n, volumes = values.shape
    made = np.empty((samples, n, volumes))
    for voxel in range(n):
        sources = np.flatnonzero(known[voxel])
        chosen = rng.choice(sources, (samples, volumes)) if sources.size else None
        noise = 0 if chosen is None else scaled[voxel][chosen]
        made[:, voxel] = predicted[voxel] * np.exp(noise / predicted[voxel])
    return made


def _mean(values: Reals, *, where: Bools) -> Reals:
    total: Reals = np.where(where, values, 0).sum(axis=1) / np.maximum(where.sum(axis=1), 1)
    return total


def _leverage(predicted: Reals, *, b_values: Reals, directions: Reals) -> Reals:
    """Diagonal of each voxel's hat matrix, (n, N), with weights of the squared signal."""
    pairs = directions[:, (0, 0, 0, 1, 1, 2)] * directions[:, (0, 1, 2, 1, 2, 2)]
    design = np.column_stack([-b_values[:, None] / b_values.max() * pairs, np.ones(len(b_values))])
    weighted = predicted[:, :, None] * design
    factor = np.linalg.qr(weighted)[0]
    leverage: Reals = np.sum(factor**2, axis=2)
    return leverage


def _sd(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None
