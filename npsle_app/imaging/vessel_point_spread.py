"""How wide the scanner's point spread is, told by how well each width explains a vessel."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from npsle_app.arrays import Floats
from npsle_app.imaging.vessel_blur import blur_sigma_mm

CANDIDATES = (0.4, 0.55, 0.7, 0.85, 1.0)  # full width at half maximum, voxels
_PRIOR_SD = 0.25  # voxels: by filter and readout scans have 0.5 to 1
_TRUST = 0.5  # of the likelihood's logarithm: the model is not all of the truth
_LEAST_SD = 0.06  # share of the blur: point spreads are no Gaussians
_MIN_SECTIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpread:
    """Full width at half maximum in voxels, and one SD of the whole blur as a share of it."""

    fwhm_voxels: float
    blur_sd: float


def most_likely(noise: Floats, *, n_voxels: Floats, expected: float) -> PointSpread | None:
    """Weigh the candidates by what they leave unexplained.

    Parameters
    ----------
    noise
        (n candidates, n sections) SD of the residuals; NaN where there was no fit. Sections
        should not share voxels.
    n_voxels
        (n sections,) number of voxels that were fitted.
    expected
        Width that is most likely beforehand, voxels.

    Returns
    -------
    PointSpread or None
        Mean and spread of the candidates by likelihood times a prior of `expected` ± 0.25
        voxels. None where fewer than four sections were fitted with two candidates or more.

    Notes
    -----
    Where a width gives no fit at all it explains the section no better than the worst that does.
    What sections say is summed by the mean of their middle half: one with a side branch or slow
    blood in it may prefer a wrong width by more than all others the right one.
    """
    used = np.isfinite(noise).sum(axis=0) >= 2
    if used.sum() < _MIN_SECTIONS:
        return None
    kept = noise[:, used]
    kept = np.where(np.isfinite(kept), kept, np.nanmax(kept, axis=0))
    told = _summed(-_TRUST * n_voxels[used] * np.log(kept))
    widths = np.linspace(CANDIDATES[0], CANDIDATES[-1], 121)
    believed = PchipInterpolator(CANDIDATES, told)(widths)
    believed = believed - 0.5 * ((widths - expected) / _PRIOR_SD) ** 2
    weight = np.exp(believed - believed.max())
    blurs = np.array([blur_sigma_mm(1.0, psf_fwhm_voxels=float(width)) for width in widths])
    mean = float(np.average(widths, weights=weight))
    middle = blur_sigma_mm(1.0, psf_fwhm_voxels=mean)
    spread = float(np.sqrt(np.average((blurs / middle - 1) ** 2, weights=weight)))
    return PointSpread(fwhm_voxels=mean, blur_sd=max(spread, _LEAST_SD))


def _summed(told: Floats) -> Floats:
    """Sum over sections, (n candidates, n sections), by the mean of the middle half."""
    n = told.shape[1]
    ordered = np.sort(told - told[len(told) // 2], axis=1)
    middle = ordered[:, n // 4 : n - n // 4]
    summed: Floats = n * middle.mean(axis=1)
    return summed
