"""A population that others have modelled: what age and sex predict of a volume, in a warped space.

The form of Fraza 2021 (doi:10.1016/j.neuroimage.2021.118715): a volume y in mm³ is warped by
f(y) = sinh(b · arcsinh(y) + b · ε), and f(y) is normal about an intercept, a slope of age, cubic
B-splines of age, a term of sex and one of the site. z is the distance from it in standard
deviations. Nothing is fitted here: coefficients come from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.measures.names_of_freesurfer import ETIV

DEGREE = 3
MM3_PER_ML = 1000.0
WOMAN, MAN = "F", "M"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationRegion:
    """One volume.

    Attributes
    ----------
    n
        People who made it.
    intercept, age, sex, spline
        Coefficients in the warped space: of age in years, of men (women are 0), of B-splines.
    residual_sd
        Between people of one age, sex and site, in the warped space.
    warp_b, warp_epsilon
        b > 0 and ε of the warp.
    site_sd
        Of the sites' terms, in units of `residual_sd`; their mean is in the intercept.
    site_with_tiv
        Correlation of the sites' terms with those of the intracranial volume.
    rho
        By sex: what z rises by per 1 of the z of the intracranial volume; empty if not known.
    """

    n: int
    intercept: float
    age: float
    sex: float
    spline: tuple[float, ...]
    residual_sd: float
    warp_b: float
    warp_epsilon: float
    site_sd: float
    site_with_tiv: float
    rho: Mapping[str, float] = field(default_factory=dict)

    def to_z(self, volume_ml: Floats, *, design: "Design") -> Floats:
        """Return how far each volume lies from what age and sex predict at a middling site."""
        warped = np.sinh(self.warp_b * (np.arcsinh(volume_ml * MM3_PER_ML) + self.warp_epsilon))
        z: Floats = (warped - self._predict(design)) / self.residual_sd
        return z

    def to_volume_ml(self, z: Floats, *, design: "Design") -> Floats:
        """Return the volume at each z: the inverse of `to_z`."""
        warped = self._predict(design) + self.residual_sd * z
        volume: Floats = np.sinh(np.arcsinh(warped) / self.warp_b - self.warp_epsilon)
        return volume / MM3_PER_ML

    def _predict(self, design: "Design") -> Floats:
        predicted: Floats = (
            self.intercept
            + self.age * design.age_years
            + self.sex * design.is_man
            + design.splines @ np.array(self.spline)
        )
        return predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Ages in years, who is a man (1, 0), and the values of the B-splines, (n, k)."""

    age_years: Floats
    is_man: Floats
    splines: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All volumes of a population.

    Attributes
    ----------
    name, citation
        What it is called, and how it is cited.
    software, versions
        What measured it: one name, and its versions in words.
    n, sites, age_range_years
        The people: the number that the thalamus has; others differ by a few.
    knots
        Of the B-splines, years, without the repeated ends.
    site_spread_sd
        Standard deviation between sites of ln of the spread of z within a site.
    regions
        By measure, the intracranial volume among them.
    """

    name: str
    citation: str
    software: str
    versions: str
    n: int
    sites: int
    age_range_years: tuple[float, float]
    knots: tuple[float, ...]
    site_spread_sd: float
    regions: Mapping[str, PopulationRegion]

    def design(self, age_years: Floats, *, is_man: Floats) -> Design:
        """Lay out people; an age beyond the outermost knots is taken as theirs."""
        from scipy.interpolate import BSpline

        inside = np.clip(age_years, self.knots[0], self.knots[-1])
        ends = [self.knots[0]] * DEGREE, [self.knots[-1]] * DEGREE
        full = np.array([*ends[0], *self.knots, *ends[1]])
        known = np.where(np.isfinite(inside), inside, self.knots[0])
        splines = (
            BSpline.design_matrix(known, full, DEGREE).toarray()
            if known.size
            else np.zeros((0, len(full) - DEGREE - 1))  # SciPy refuses nobody
        )
        return Design(
            age_years=np.asarray(age_years, dtype=float),
            is_man=np.asarray(is_man, dtype=float),
            splines=splines,
        )

    def rho(self, measure: str, *, is_man: Floats) -> Floats:
        """Return each person's ρ of a volume and the intracranial one; NaN where not known."""
        told = self.regions[measure].rho
        found: Floats = np.where(is_man > 0, told.get(MAN, np.nan), told.get(WOMAN, np.nan))
        return found

    @property
    def text(self) -> str:
        """Who they are, in one line."""
        low, high = self.age_range_years
        return (
            f"{self.name}: {self.n:,} healthy people of {self.sites} sites, {low:g} to {high:g} "
            f"years, {self.software} {self.versions}"
        )

    @property
    def conditioned(self) -> tuple[str, ...]:
        """Volumes that can be scored given the intracranial volume."""
        return tuple(
            name
            for name, one in self.regions.items()
            if name != ETIV and {WOMAN, MAN} <= set(one.rho)
        )


def given_tiv(z: Floats, *, z_tiv: Floats, rho: Floats) -> Floats:
    """Return z given the intracranial volume: (z − ρ z_TIV) / √(1 − ρ²).

    Examples
    --------
    >>> given_tiv(np.array([-1.0]), z_tiv=np.array([-2.0]), rho=np.array([0.6])).round(2)
    array([0.25])
    """
    conditioned: Floats = (z - rho * z_tiv) / np.sqrt(1 - rho**2)
    return conditioned
