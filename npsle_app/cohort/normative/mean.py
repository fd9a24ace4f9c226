"""What age, head size and site predict of each region's volume: one sex at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.estimators.fractional_polynomials import (
    FIRST_ORDER,
    LINEAR,
    SECOND_ORDER,
    Powers,
    age_terms,
    choose_powers,
)
from npsle_app.cohort.normative.site_effects import choose_ratios, partly_centred, shrunken_offsets

N_OTHER = 2  # intercept and TIV
NO_SITE = -1
_CURVE: Powers = (1.0, 2.0)  # flexible enough to tell sites from age while powers are unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Those of one sex who are fitted or scored.

    Attributes
    ----------
    age_years, tiv_ml : (n,) array
    sites : (n,) array
        Number of the site, from 0; −1 for one that is not known.
    n_sites
        How many sites the reference has.
    """

    age_years: Floats
    tiv_ml: Floats
    sites: Ints
    n_sites: int

    def take(self, rows: Ints) -> "People":
        """Return some of them."""
        return People(
            age_years=self.age_years[rows],
            tiv_ml=self.tiv_ml[rows],
            sites=self.sites[rows],
            n_sites=self.n_sites,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanFit:
    """The predicted mean of one region.

    mean = β₀ + β₁ (TIV − centre) + Σ β terms of age (`powers`) + the site's offset.

    Attributes
    ----------
    covariance
        That of the coefficients over the variance of people, (k, k).
    site_ratio
        Variance between sites over that between people.
    offsets
        Of the sites 0, 1, …, shrunken towards 0; the number of people of each is `site_counts`.
    rmse
        Root of the residual sum of squares over its degrees of freedom, within the reference.
    """

    powers: Powers
    coefficients: Floats
    covariance: Floats
    site_ratio: float
    offsets: Floats
    site_counts: Ints
    df: int
    rmse: float

    def predict(self, people: People, *, tiv_centre_ml: float) -> tuple[Floats, Floats]:
        """Return the mean and the relative variance of predicting it, (n,) each.

        The latter is in units of the variance between people: uncertainty of the
        coefficients, and of what the person's site adds. A site that is not known adds 0, and
        the whole variance between sites.
        """
        design = make_design(people, powers=self.powers, tiv_centre_ml=tiv_centre_ml)
        known = people.sites != NO_SITE
        place = np.where(known, people.sites, 0)
        offset = np.where(known, self.offsets[place], 0.0)
        counts = np.where(known, self.site_counts[place], 0)
        site_variance = self.site_ratio / (1 + counts * self.site_ratio)
        leverage = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        return design @ self.coefficients + offset, leverage + site_variance


def make_design(people: People, *, powers: Powers, tiv_centre_ml: float) -> Floats:
    """Return the columns intercept, TIV from its centre in mL, and terms of age."""
    terms = age_terms(people.age_years, powers=powers)
    ones = np.ones(len(people.age_years))
    return np.column_stack([ones, people.tiv_ml - tiv_centre_ml, terms])


def fit_means(
    volumes: Floats, *, people: People, tiv_centre_ml: float, site_term: bool, alpha: float
) -> list[MeanFit]:
    """Fit all regions of one sex.

    Parameters
    ----------
    volumes : (n, R) array
        Complete: no missing values.

    Raises
    ------
    ValueError
        If there are fewer than two people more than coefficients of a straight line, or if
        age or TIV do not vary.
    """
    _check(people, n=len(volumes))
    curve = _CURVE if len(volumes) > N_OTHER + len(_CURVE) + 1 else LINEAR
    flexible = make_design(people, powers=curve, tiv_centre_ml=tiv_centre_ml)
    ratios = np.zeros(volumes.shape[1])
    if site_term:
        ratios = choose_ratios(volumes - volumes.mean(axis=0), design=flexible, sites=people.sites)
    fits: dict[int, MeanFit] = {}
    for ratio in np.unique(ratios):
        regions = np.flatnonzero(ratios == ratio)
        chosen = _choose(volumes[:, regions], people, float(ratio), tiv_centre_ml, alpha)
        alike: dict[Powers, list[int]] = defaultdict(list)
        for region, powers in zip(regions.tolist(), chosen, strict=True):
            alike[powers].append(region)
        for powers, members in alike.items():
            design = make_design(people, powers=powers, tiv_centre_ml=tiv_centre_ml)
            found = _solve(volumes[:, members], design, people, float(ratio), powers)
            fits.update(zip(members, found, strict=True))
    return [fits[region] for region in range(volumes.shape[1])]


def _check(people: People, *, n: int) -> None:
    if n < N_OTHER + len(LINEAR) + 2:
        msg = f"{n} people are too few for age and TIV"
        raise ValueError(msg)
    for name, values in (("age", people.age_years), ("TIV", people.tiv_ml)):
        if np.ptp(values) == 0:
            msg = f"{name} is {values[0]:g} in all {n} people of the reference"
            raise ValueError(msg)


def _choose(
    volumes: Floats, people: People, ratio: float, tiv_centre_ml: float, alpha: float
) -> list[Powers]:
    if len(volumes) < N_OTHER + 4 + 1:
        return [LINEAR] * volumes.shape[1]
    # differences of powers would drown in the volumes' own mean
    centred = volumes - volumes.mean(axis=0)
    y = partly_centred(centred, sites=people.sites, ratio=ratio)
    sums = [
        _residual_sums(y, _stack(people, candidates, ratio, tiv_centre_ml))
        for candidates in (FIRST_ORDER, SECOND_ORDER)
    ]
    return choose_powers(
        sums[0], second_order=sums[1], n=len(volumes), n_other=N_OTHER, alpha=alpha
    )


def _stack(
    people: People, candidates: Sequence[Powers], ratio: float, tiv_centre_ml: float
) -> Floats:
    designs = [make_design(people, powers=powers, tiv_centre_ml=tiv_centre_ml)
               for powers in candidates]  # fmt: skip
    return np.stack([partly_centred(one, sites=people.sites, ratio=ratio) for one in designs])


def _residual_sums(y: Floats, designs: Floats) -> Floats:
    scaled = designs / np.linalg.norm(designs, axis=1, keepdims=True)
    q = np.linalg.qr(scaled)[0]
    explained = ((q.swapaxes(1, 2) @ y) ** 2).sum(axis=1)
    sums: Floats = np.maximum((y**2).sum(axis=0) - explained, 1e-300)
    return sums


def _solve(
    volumes: Floats, design: Floats, people: People, ratio: float, powers: Powers
) -> list[MeanFit]:
    sites = people.sites
    x = partly_centred(design, sites=sites, ratio=ratio)
    size = np.linalg.norm(x, axis=0)
    inverse = np.linalg.pinv(x / size) / size[:, None]
    coefficients = inverse @ partly_centred(volumes, sites=sites, ratio=ratio)
    residuals = volumes - design @ coefficients
    df = len(volumes) - design.shape[1] - (len(powers) if powers != LINEAR else 0)
    fits = []
    for beta, left in zip(coefficients.T, residuals.T, strict=True):
        offsets = shrunken_offsets(left, sites=sites, ratio=ratio, n_sites=people.n_sites)
        fits.append(
            MeanFit(
                powers=powers,
                coefficients=beta,
                covariance=inverse @ inverse.T,
                site_ratio=ratio,
                offsets=offsets,
                site_counts=np.bincount(sites, minlength=people.n_sites),
                df=df,
                rmse=float(np.sqrt(((left - offsets[sites]) ** 2).sum() / df)),
            )
        )
    return fits
