"""ComBat: each site's offset and spread of many measures, shrunken over them, and taken away.

Fitted to some people and applied to others, as folds of a cross-validation need it, and with
weights, as bootstrap samples do. neuroHarmonize, which does the same, needs NumPy below 2 and
pandas below 3; tests hold this one to the numbers of R's sva, whose authors published ComBat.
"""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats, Ints

LEAST_PER_SITE = 3
_LEAST_FOR_SPREAD = 2
_LEAST_MEASURES = 2  # to shrink over
_CHANGE, _MOST_STEPS = 1e-10, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Combat:
    """What the sites of those it was fitted to are like.

    Attributes
    ----------
    slopes : (k, p) array
        Of the covariates, in units of the measures.
    mean, sd : (p,) array
        Mean over sites at covariates of 0, and standard deviation of what is left.
    offsets, variances : (J, p) array
        Of each site, in units of `sd`; 0 and 1 of one with fewer than two values.
    """

    slopes: Floats
    mean: Floats
    sd: Floats
    offsets: Floats
    variances: Floats

    def apply(self, values: Floats, *, sites: Ints, covariates: Floats) -> Floats:
        """Take offset and spread of the sites away from (n, p) values; NaN stays missing."""
        expected = self.mean + covariates @ self.slopes
        scale = np.where(self.sd > 0, self.sd, 1.0)
        z = (values - expected) / scale
        z = (z - self.offsets[sites]) / np.sqrt(self.variances[sites])
        harmonised: Floats = np.where(self.sd > 0, expected + scale * z, values)
        return harmonised


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmoniser:
    """Who was scanned where, for models that are fitted to many subsets of the same people.

    Attributes
    ----------
    sites : (n,) array
        Number of each person's site, from 0.
    covariates : (n, k) array
        What measures may differ by and keep; never the classes.
    columns : (p,) array
        Which predictors are harmonised.
    """

    sites: Ints
    covariates: Floats
    columns: Bools

    def harmonise(self, x: Floats, *, weights: Floats) -> Floats:
        """Fit to the people of weight above 0, and return all (n, p) predictors harmonised."""
        part = x[:, self.columns]
        fitted = fit_combat(part, sites=self.sites, covariates=self.covariates, weights=weights)
        found = x.copy()
        found[:, self.columns] = fitted.apply(part, sites=self.sites, covariates=self.covariates)
        return found


def fit_combat(
    values: Floats, *, sites: Ints, covariates: Floats, weights: Floats | None = None
) -> Combat:
    """Estimate offsets and spreads of sites by parametric empirical Bayes.

    Johnson 2007, doi:10.1093/biostatistics/kxj037; for imaging Fortin 2018,
    doi:10.1016/j.neuroimage.2017.11.024. Of a single measure, which has nothing to be shrunken
    over, mean and variance of each site are taken as they are.

    Parameters
    ----------
    values : (n, p) array
        NaN is missing; each measure takes those who have it.
    sites : (n,) array
        Number of each person's site, from 0.
    covariates : (n, k) array
        Complete; their effects are kept.
    weights : (n,) array
        How often each person counts: 0 for those held out.

    Examples
    --------
    >>> values = np.array([[1.0], [2], [3], [11], [12], [13]])
    >>> sites = np.array([0, 0, 0, 1, 1, 1])
    >>> nothing = np.zeros((6, 0))
    >>> fitted = fit_combat(values, sites=sites, covariates=nothing)
    >>> fitted.apply(values, sites=sites, covariates=nothing).ravel().round(2)
    array([6.18, 7.  , 7.82, 6.18, 7.  , 7.82])
    """
    counted = np.ones(len(values)) if weights is None else weights
    seen = np.isfinite(values) * counted[:, None]
    filled = np.where(np.isfinite(values), values, 0.0)
    indicators = np.eye(int(sites.max()) + 1)[sites]
    design = np.column_stack([indicators, covariates])
    coefficients = np.column_stack(
        [_least_squares(design, y, w) for y, w in zip(filled.T, seen.T, strict=True)]
    )
    n_sites = indicators.shape[1]
    per_site = indicators.T @ seen
    slopes, total = coefficients[n_sites:], np.maximum(seen.sum(axis=0), 1)
    mean = (per_site * coefficients[:n_sites]).sum(axis=0) / total
    left = filled - design @ coefficients
    sd = np.sqrt((seen * left**2).sum(axis=0) / total)
    sd = np.where(sd > 1e-10 * (1 + np.abs(mean)), sd, 0.0)
    z = (filled - mean - covariates @ slopes) / np.where(sd > 0, sd, 1.0)
    offsets, variances = _moments(z, seen, indicators)
    for site in range(n_sites):
        able = np.isfinite(variances[site]) & (sd > 0)
        offsets[site, ~able], variances[site, ~able] = 0.0, 1.0
        if able.sum() >= _LEAST_MEASURES:
            own = seen[:, able] * indicators[:, site, None]
            offsets[site, able], variances[site, able] = _shrink(
                z[:, able], own, offset=offsets[site, able], variance=variances[site, able]
            )
    return Combat(slopes=slopes, mean=mean, sd=sd, offsets=offsets, variances=variances)


def _least_squares(design: Floats, y: Floats, weights: Floats) -> Floats:
    """Weigh the rows; a site without any gets 0, by the solution of the least norm."""
    root = np.sqrt(weights)
    solution: Floats = np.linalg.lstsq(design * root[:, None], y * root)[0]
    return solution


def _moments(z: Floats, seen: Floats, indicators: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of each site; NaN of fewer than two values."""
    n = indicators.T @ seen
    means = indicators.T @ (seen * z) / np.maximum(n, 1)
    squares = indicators.T @ (seen * (z - means[indicators.argmax(axis=1)]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        variances = np.where(n >= _LEAST_FOR_SPREAD, squares / (n - 1), np.nan)
    variances[variances == 0] = 1.0  # all values alike: as Johnson's code has it
    return means, variances


def _shrink(z: Floats, seen: Floats, *, offset: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the posterior offset and variance of one site's measures.

    Normal and inverse gamma priors whose moments are those over the measures; without spread
    over them a prior is a point, and the estimates stay as they are.
    """
    centre, spread = offset.mean(), offset.var(ddof=1)
    m, s2 = variance.mean(), variance.var(ddof=1)
    if not (spread > 0 and s2 > 0):
        return offset, variance
    shape, rate = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    n = seen.sum(axis=0)
    first, shrunken, varied = offset, offset, variance
    for _ in range(_MOST_STEPS):
        before = shrunken, varied
        shrunken = (spread * n * first + varied * centre) / (spread * n + varied)
        squares = (seen * (z - shrunken) ** 2).sum(axis=0)
        varied = (squares / 2 + rate) / (n / 2 + shape - 1)
        if max(np.abs(shrunken - before[0]).max(), np.abs(varied - before[1]).max()) < _CHANGE:
            break
    return shrunken, varied
