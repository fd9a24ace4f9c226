"""A normative model: for each sex and region a mean, a spread and the shape of the tails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.cohort.normative.mean import MeanFit, People
from npsle_app.cohort.normative.spread import SpreadFit
from npsle_app.cohort.normative.tails import Tails

Tail = Literal["lower", "both"]
CRITICAL_Z = 1.96
SHARE_OF_TAIL = 0.025
LEAST_FOR_LABEL = 10
_SMALLEST_P = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How a model is fitted.

    Attributes
    ----------
    site_term
        Offsets of sites, shrunken towards 0.
    changing_spread
        The variance may depend on age and TIV.
    shaped_tails
        Residuals may be skewed or have heavy tails.
    predictive
        The spread comes from people left out of the fit of the mean, and a person's score
        allows for the uncertainty of the prediction; otherwise it is the difference from the
        mean over the root mean squared error within the reference.
    alpha
        Level of the closed test of the curve of age.
    """

    site_term: bool = True
    changing_spread: bool = True
    shaped_tails: bool = True
    predictive: bool = True
    alpha: float = 0.05


RECOMMENDED = Method()
PAPER = Method(site_term=False, changing_spread=False, shaped_tails=False, predictive=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What measured the reference: a volume of another software is another volume.

    `templates` holds the SHA-256 of each template by name.
    """

    software: str
    app_version: str
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionModel:
    """The model of one region in one sex; `n` people made it."""

    n: int
    mean: MeanFit
    spread: SpreadFit
    tails: Tails
    predictive: bool

    def predict(self, people: People, *, tiv_centre_ml: float) -> tuple[Floats, Floats]:
        """Return expected volume and standard deviation of a new person, (n,) each."""
        mean, uncertainty = self.mean.predict(people, tiv_centre_ml=tiv_centre_ml)
        deviation = self.spread.predict(people, tiv_centre_ml=tiv_centre_ml)
        return mean, deviation * np.sqrt(1 + uncertainty) if self.predictive else deviation

    def to_z(self, standardised: Floats) -> Floats:
        """Turn (volume − expected) / standard deviation into a normal score."""
        if not self.predictive:
            return standardised
        return self.tails.to_z(t_to_normal(standardised, df=self.mean.df))

    def from_z(self, z: Floats) -> Floats:
        """Return the standardised difference of each normal score: the inverse of `to_z`."""
        if not self.predictive:
            return z
        return normal_to_t(self.tails.from_z(z), df=self.mean.df)


@dataclass(frozen=True, slots=True, kw_only=True)
class SexModel:
    """All regions of one sex.

    Attributes
    ----------
    sites
        Names, in the order of the offsets; empty if the reference names none.
    gaps
        Why a region has no model.
    """

    sex: str
    n: int
    age_range_years: tuple[float, float]
    tiv_range_ml: tuple[float, float]
    tiv_centre_ml: float
    sites: tuple[str, ...]
    regions: Mapping[str, RegionModel]
    gaps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormativeModel:
    """What healthy people's volumes are like.

    Attributes
    ----------
    regions
        Names of the columns of volumes, in order; `unit` is that of all.
    left_out
        Participants of the reference who were not used, and why.
    """

    sexes: Mapping[str, SexModel]
    regions: tuple[str, ...]
    unit: str
    method: Method
    provenance: Provenance
    left_out: Mapping[str, str] = field(default_factory=dict)


def t_to_normal(t: Floats, *, df: float) -> Floats:
    """Return the normal score with the same tail area as Student's t.

    A prediction from few people is uncertain of its spread too (Crawford 2006,
    doi:10.1037/0894-4105.20.3.259, for predictions by regression).
    """
    from scipy import stats

    tail = np.maximum(stats.t.sf(np.abs(t), df), _SMALLEST_P)
    z: Floats = np.copysign(stats.norm.isf(tail), t)
    return z


def normal_to_t(z: Floats, *, df: float) -> Floats:
    """Return the t with the same tail area: the inverse of `t_to_normal`."""
    from scipy import special  # the functions behind scipy.stats, without a tenth of a millisecond

    t: Floats = np.copysign(special.stdtrit(df, special.ndtr(-np.abs(z))), z)
    return t
