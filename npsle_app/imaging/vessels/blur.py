"""What the scanner does to a vessel's signal, and how wide its point spread is.

Voxels, point spread and Rician noise. Kernel and width are told by how well each explains a
vessel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from scipy import ndimage
from scipy.interpolate import PchipInterpolator
from scipy.special import chndtr, i0e, i1e, j0, j1

from npsle_app.arrays import Floats, Volume

PSF_FWHM_VOXELS = 0.6
_CURVATURES = np.linspace(0.03, 1.5, 148)
_OFFSETS = np.linspace(-14, 14, 281)
CANDIDATES = (0.4, 0.55, 0.7, 0.85, 1.0)  # full width at half maximum, voxels
_PRIOR_SD = 0.25  # voxels: by filter and readout scans have 0.5 to 1
_TRUST = 0.5  # of the likelihood's logarithm: the model is not all of the truth
_LEAST_SD = 0.12  # share of the blur: no kernel is quite the scanner's
_MIN_SECTIONS = 4


class Kernel(StrEnum):
    """The shape of a point spread."""

    GAUSSIAN = "gaussian"  # in the voxel's box
    CUT_OFF = "cut-off"  # of k-space, with its ringing
    FILTERED = "filtered"  # k-space that falls off to a cut-off by a cosine, from half way


_TAPERED = {Kernel.CUT_OFF: 0.0, Kernel.FILTERED: 0.5}  # share of k-space's radius


def relative_widths(normals: Floats, *, edges_mm: Floats) -> dict[Kernel, Floats]:
    """Return how wide each kernel is across an edge, as a share of that in cubes of same volume.

    Parameters
    ----------
    normals
        (n, 3) directions across the edge in the voxel's own axes, of length 1.
    edges_mm
        (3,) of the voxel.

    Notes
    -----
    Boxes and Gaussians add their variances along the direction. Across an edge only the line of
    k-space along its normal counts, which leaves a box of k-space the earlier the nearer it lies
    to an axis: along a cube's diagonals an image is up to 1.7 times as sharp.
    """
    scaled = np.abs(normals) * edges_mm / np.prod(edges_mm) ** (1 / 3)
    return {
        Kernel.GAUSSIAN: np.sqrt(np.sum(scaled**2, axis=1)),
        Kernel.CUT_OFF: scaled.max(axis=1),
        Kernel.FILTERED: scaled.max(axis=1),
    }


def blur_sigma_mm(voxel_mm: float, *, psf_fwhm_voxels: float = PSF_FWHM_VOXELS) -> float:
    """SD of voxel box and point spread together, in mm.

    Examples
    --------
    >>> round(blur_sigma_mm(0.5), 4)
    0.1925
    """
    return float(voxel_mm * np.sqrt(1 / 12 + (psf_fwhm_voxels / 2.3548) ** 2))


def blurred_disc(
    distance_mm: Floats,
    *,
    radius_mm: Floats,
    sigma_mm: float | Floats,
    kernel: Kernel = Kernel.GAUSSIAN,
) -> Floats:
    """Signal of a disc of signal 1 behind a point spread, at distances from its centre.

    Behind a Gaussian it is the chance that a normal point about `distance_mm` falls into the
    disc, a noncentral χ² distribution of two degrees of freedom. Behind a round cut-off it is
    the disc's Hankel transform up to there, with the width that gives edges the same slope.
    """
    radius_mm = np.broadcast_to(radius_mm, distance_mm.shape)
    curvature = np.clip(sigma_mm / radius_mm, _CURVATURES[0], _CURVATURES[-1])
    offset = np.clip((distance_mm - radius_mm) / sigma_mm, _OFFSETS[0], _OFFSETS[-1])
    at = np.stack([
        (curvature - _CURVATURES[0]) / (_CURVATURES[1] - _CURVATURES[0]),
        (offset - _OFFSETS[0]) / (_OFFSETS[1] - _OFFSETS[0]),
    ])  # fmt: skip
    value: Floats = ndimage.map_coordinates(
        _disc_table(kernel), at, mode="nearest", prefilter=False
    )
    return value


@cache
def _disc_table(kernel: Kernel) -> Floats:
    """Spline weights of the disc's signal over curvature and offset, both in blur SDs."""
    radius = 1 / _CURVATURES[:, None]
    distance = np.abs(radius + _OFFSETS)
    values = (
        chndtr(radius**2, 2, distance**2)
        if kernel is Kernel.GAUSSIAN
        else _cut_off_disc(radius, distance=distance, tapered=_TAPERED[kernel])
    )
    weights: Floats = ndimage.spline_filter(values, order=3, mode="nearest")
    return weights


def _cut_off_disc(radius: Floats, *, distance: Floats, tapered: float) -> Floats:
    """Return a disc's signal behind a round window of k-space; radius (n, 1), distance (n, m).

    A straight edge has the same slope in its middle as behind a Gaussian of SD 1, whose integral
    over k-space is that of the window.
    """
    nodes, weights = np.polynomial.legendre.leggauss(96)
    share = (nodes + 1) / 2
    fall = np.clip((share - 1 + tapered) / max(tapered, 1e-9), 0, 1)
    window = weights / 2 * (1 + np.cos(np.pi * fall)) / 2
    window = weights / 2 if tapered == 0 else window
    cut = 1 / np.sqrt(8 * np.pi) / window.sum()
    wave = 2 * np.pi * cut * share  # radians per SD
    parts = radius * j1(radius * wave) * window * 2 * np.pi * cut
    values: Floats = np.stack([
        j0(places[:, None] * wave) @ part for places, part in zip(distance, parts, strict=True)
    ])  # fmt: skip
    return values


def rician_excess(signal: Floats, *, noise: float) -> Floats:
    """Return how far the mean of a magnitude lies above the signal itself.

    `noise` is the SD of the real and the imaginary part (Gudbjartsson 1995,
    doi:10.1002/mrm.1910340618). At signal 0 it is 1.25 SD, far above the noise nothing; where
    ringing makes the signal negative, twice its size more.
    """
    half = signal**2 / (4 * noise**2)
    mean = np.sqrt(np.pi / 2) * noise * ((1 + 2 * half) * i0e(half) + 2 * half * i1e(half))
    excess: Floats = mean - signal
    return excess


def fine_detail(data: Volume) -> float:
    """Return how much of the noise is in the finest detail, 1 for voxels as they were acquired.

    The fourth differences of white noise have 35/3 times the variance of its second ones;
    interpolated or smoothed images have far less. Least over the three axes, with medians in
    place of variances, so that edges hardly count; 0 where the data are flat.
    """
    shares = []
    for axis in range(3):
        second, fourth = (np.abs(np.diff(data, n=n, axis=axis)) for n in (2, 4))
        spread = float(np.median(second))
        shares.append((float(np.median(fourth)) / spread) ** 2 / (35 / 3) if spread > 0 else 0.0)
    return min(shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpread:
    """A kernel with its width in voxels, and one SD of the whole blur as a share of it.

    The width is the full one at half maximum of the Gaussian beside the voxel's box, or of the
    one that blurs edges as much as the kernel does.
    """

    fwhm_voxels: float
    blur_sd: float
    kernel: Kernel = Kernel.GAUSSIAN


def most_likely(
    noise: Mapping[Kernel, Floats], *, n_voxels: Floats, expected: float
) -> PointSpread | None:
    """Weigh kernels and candidates by what they leave unexplained.

    Parameters
    ----------
    noise
        By kernel, (n candidates, n sections) SD of the residuals; NaN where there was no fit.
        Sections should not share voxels.
    n_voxels
        (n sections,) number of voxels that were fitted.
    expected
        Width that is most likely beforehand, voxels.

    Returns
    -------
    PointSpread or None
        The likelier kernel, with mean and spread of the candidates by likelihood times a prior of
        `expected` ± 0.25 voxels. None where fewer than four sections were fitted with two
        candidates or more.

    Notes
    -----
    Where a width gives no fit at all it explains the section no better than the worst that does.
    What sections say is summed by the mean of their middle half: one with a side branch or slow
    blood in it may prefer a wrong width by more than all others the right one.
    """
    stacked = np.concatenate(list(noise.values()))
    used = np.isfinite(stacked).sum(axis=0) >= 2
    if used.sum() < _MIN_SECTIONS:
        return None
    kept = stacked[:, used]
    kept = np.where(np.isfinite(kept), kept, np.nanmax(kept, axis=0))
    summed = _summed(-_TRUST * n_voxels[used] * np.log(kept)).reshape(len(noise), -1)
    widths = np.linspace(CANDIDATES[0], CANDIDATES[-1], 121)
    believed = np.stack([PchipInterpolator(CANDIDATES, row)(widths) for row in summed])
    believed = believed - 0.5 * ((widths - expected) / _PRIOR_SD) ** 2
    weight = np.exp(believed - believed.max())
    best = int(np.argmax(weight.sum(axis=1)))
    blurs = np.array([blur_sigma_mm(1.0, psf_fwhm_voxels=float(width)) for width in widths])
    mean = float(np.average(widths, weights=weight[best]))
    middle = blur_sigma_mm(1.0, psf_fwhm_voxels=mean)
    spread = float(np.sqrt(np.average((blurs / middle - 1) ** 2, weights=weight[best])))
    return PointSpread(fwhm_voxels=mean, blur_sd=max(spread, _LEAST_SD), kernel=list(noise)[best])


def _summed(likelihood: Floats) -> Floats:
    """Sum over sections, (n candidates, n sections), by the mean of the middle half."""
    n = likelihood.shape[1]
    ordered = np.sort(likelihood - likelihood[len(likelihood) // 2], axis=1)
    middle = ordered[:, n // 4 : n - n // 4]
    summed: Floats = n * middle.mean(axis=1)
    return summed
