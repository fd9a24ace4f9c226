"""Random intercepts of sites, by the ratio of their variance to that of people.

All outcomes are fitted at once, which statsmodels' `MixedLM` cannot.
"""

import numpy as np

from npsle_app.arrays import Floats, Ints

RATIOS: Floats = np.array([0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25, 0.4, 0.7, 1.2, 2.0, 4.0])


def partly_centred(values: Floats, *, sites: Ints, ratio: float) -> Floats:
    """Take the share of each site's mean away that makes a random intercept vanish.

    Least squares on columns so changed equal generalised least squares with variance σ²
    between people and `ratio` · σ² between sites (Fuller 1973, doi:10.2307/2285386, eq. 2.3).

    Parameters
    ----------
    values : (n, k) array
    sites : (n,) array
        Number of each person's site, from 0.
    ratio
        0 leaves the values as they are.
    """
    if ratio == 0:
        return values
    counts = np.bincount(sites)
    share = 1 - 1 / np.sqrt(1 + counts * ratio)
    centred: Floats = values - (share[:, None] * site_means(values, sites=sites))[sites]
    return centred


def site_means(values: Floats, *, sites: Ints) -> Floats:
    """Return the (J, k) means of the sites 0 to J − 1; 0 for one without people."""
    counts = np.bincount(sites)
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, sites, values)
    means: Floats = sums / np.maximum(counts, 1)[:, None]
    return means


def choose_ratios(outcomes: Floats, *, design: Floats, sites: Ints) -> Floats:
    """Return for each outcome the ratio of variances with the greatest REML likelihood.

    Parameters
    ----------
    outcomes : (n, R) array
    design : (n, k) array
        Intercept included.
    sites : (n,) array

    Returns
    -------
    (R,) array
        Out of `RATIOS`; all 0 if there is one site alone.
    """
    counts = np.bincount(sites)
    if np.count_nonzero(counts) < 2:
        return np.zeros(outcomes.shape[1])
    likelihoods = [
        _reml(outcomes, design=design, sites=sites, counts=counts, ratio=float(ratio))
        for ratio in RATIOS
    ]
    best: Floats = RATIOS[np.argmax(likelihoods, axis=0)]
    return best


def shrunken_offsets(residuals: Floats, *, sites: Ints, ratio: float, n_sites: int) -> Floats:
    """Predict each site's offset: its mean residual · n / (n + 1 / ratio).

    Parameters
    ----------
    residuals : (n,) array
        From the mean of all sites.
    n_sites
        A site without people gets 0.

    Examples
    --------
    >>> left = np.array([3.0, 3, 3, -1])
    >>> shrunken_offsets(left, sites=np.array([0, 0, 0, 1]), ratio=1 / 3, n_sites=3)
    array([ 1.5 , -0.25,  0.  ])
    """
    counts = np.bincount(sites, minlength=n_sites)
    sums = np.bincount(sites, weights=residuals, minlength=n_sites)
    offsets: Floats = sums * ratio / (1 + counts * ratio)
    return offsets


def _reml(outcomes: Floats, *, design: Floats, sites: Ints, counts: Ints, ratio: float) -> Floats:
    n, k = design.shape
    y = partly_centred(outcomes, sites=sites, ratio=ratio)
    q, r = np.linalg.qr(partly_centred(design, sites=sites, ratio=ratio))
    rss = (y**2).sum(axis=0) - ((q.T @ y) ** 2).sum(axis=0)
    fixed = np.log1p(counts * ratio).sum() + 2 * np.log(np.abs(np.diag(r))).sum()
    likelihood: Floats = -0.5 * (fixed + (n - k) * np.log(np.maximum(rss, 1e-300)))
    return likelihood
