"""How a site's scanner measures beside a population: a term shrunken by how many controls tell it.

A site that the population has not seen has a term drawn from the spread of those that it has
seen. n controls with a mean z of z̄ move it to n · z̄ / (n + 1 / τ²), where τ is that spread in
standard deviations of people: fewer than two tell nothing, many tell all. With 30 the spread of
z within the site is theirs too.
"""

from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats, Ints
from npsle_app.cohort.normative.population import Population

LEAST_FOR_TERM = 2
LEAST_FOR_SPREAD = 30
LEAST_FOR_FIT = 5
BAD_MEAN, BAD_SD = 0.5, (0.7, 1.4)
_FARTHEST = 6.0  # of z about the median of its site: beyond it a scan cannot be right


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTerms:
    """What a site's controls tell of each scan of one volume; who is a control is left out.

    Attributes
    ----------
    n : (n,) array
        Controls of the scan's site, but for the person scanned.
    offset, weight : (n,) array
        Of z, and the share of the controls' mean that it takes: n / (n + 1 / τ²).
    spread : (n,) array
        Standard deviation of z within the site; 1 below 30 controls.
    """

    n: Ints
    offset: Floats
    weight: Floats
    spread: Floats

    def apply(self, z: Floats) -> Floats:
        """Return z without what the site adds."""
        corrected: Floats = (z - self.offset) / self.spread
        return corrected

    def share_of_spread(self, population: Population) -> Floats:
        """Return the relative standard error of the spread: of sites, or of its estimate."""
        estimated = 1 / np.sqrt(2 * np.maximum(self.n - 1, 1))
        return np.where(self.n >= LEAST_FOR_SPREAD, estimated, population.site_spread_sd)


def find_site_terms(z: Floats, *, sites: Ints, controls: Bools, site_sd: float) -> SiteTerms:
    """Learn the term of each site from its controls.

    Parameters
    ----------
    z : (n,) array
        By age and sex; NaN where there is none.
    sites : (n,) array
        Number of each scan's site, from 0: of scanner and program together.
    controls : (n,) array
        Whose scans tell of their site. One that lies more than 6 from the median of its site
        cannot be right and tells nothing.
    site_sd
        τ: spread of the sites' terms in units of z.
    """
    used = find_usable_controls(z, sites=sites, controls=controls)
    weights = used.astype(float)
    values = np.where(used, z, 0.0)
    count = np.bincount(sites, weights=weights)
    total = np.bincount(sites, weights=values)
    n = (count[sites] - weights).astype(np.intp)
    enough = (n >= LEAST_FOR_TERM) & (site_sd > 0)
    prior = 1 / site_sd**2 if site_sd > 0 else np.inf
    weight = np.where(enough, n / (n + prior), 0.0)
    mean = np.where(enough, (total[sites] - values) / np.maximum(n, 1), 0.0)
    centred = values - np.where(used, (total / np.maximum(count, 1))[sites], 0.0)
    squares = np.bincount(sites, weights=centred**2)
    sd = np.sqrt(squares / np.maximum(count - 1, 1))[sites]
    spread = np.where((n >= LEAST_FOR_SPREAD) & (sd > 0), sd, 1.0)
    return SiteTerms(n=n, offset=weight * mean, weight=weight, spread=spread)


def find_usable_controls(z: Floats, *, sites: Ints, controls: Bools) -> Bools:
    """Say which controls have a z that can be right."""
    usable: Bools = controls & np.isfinite(z)
    for site in np.unique(sites[usable]):
        own = usable & (sites == site)
        usable[own] = np.abs(z[own] - np.median(z[own])) < _FARTHEST
    return usable


def error_of_term(terms: SiteTerms, *, site_sd: float) -> Floats:
    """Return the standard error of z that the site's term leaves, (n,), before its spread."""
    share = terms.weight**2 / np.maximum(terms.n, 1)
    error: Floats = np.sqrt((1 - terms.weight) ** 2 * site_sd**2 + share) / terms.spread
    return error


def error_given_tiv(
    terms: SiteTerms,
    *,
    site_sd: float,
    of_tiv: SiteTerms,
    tiv_site_sd: float,
    together: float,
    rho: Floats,
) -> Floats:
    """Return the standard error that both sites' terms leave in z given the intracranial volume.

    Parameters
    ----------
    together
        Correlation of the sites' terms of both.
    rho : (n,) array
        Within sites, that of z of both.
    """
    own = error_of_term(terms, site_sd=site_sd)
    other = error_of_term(of_tiv, site_sd=tiv_site_sd)
    shared = (1 - terms.weight) * (1 - of_tiv.weight) * together * site_sd * tiv_site_sd
    shared += terms.weight * of_tiv.weight * rho / np.maximum(terms.n, 1)
    shared /= terms.spread * of_tiv.spread
    variance = own**2 - 2 * rho * shared + rho**2 * other**2
    error: Floats = np.sqrt(np.maximum(variance, 0.0) / (1 - rho**2))
    return error
