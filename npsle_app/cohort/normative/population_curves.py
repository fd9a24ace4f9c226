"""Centile curves of a population: what it has of a volume at each age, for one sex."""

import numpy as np

from npsle_app.arrays import Floats
from npsle_app.cohort.normative.curves import CENTILES, scores_of_centiles
from npsle_app.cohort.normative.population import Population

YOUNGEST, OLDEST = 18.0, 85.0  # what curves show, or more where people are younger or older
_STEPS = 60


def span_ages(population: Population, ages_years: Floats) -> Floats:
    """Lay out the ages of curves: those of adults, and of all who are to stand among them.

    Returns
    -------
    (k,) array
        Years, rising, within the population's ages.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> population = SimpleNamespace(age_range_years=(2.0, 100.0))
    >>> [float(age) for age in span_ages(population, np.array([30.0, 91.0]))[[0, -1]]]
    [18.0, 91.0]
    """
    known = ages_years[np.isfinite(ages_years)]
    least, most = population.age_range_years
    low = max(float(np.min(known, initial=YOUNGEST)), least)
    high = min(float(np.max(known, initial=OLDEST)), most)
    return np.linspace(low, high, _STEPS, dtype=np.float64)


def trace_centiles(
    population: Population,
    *,
    region: str,
    is_man: bool,
    ages_years: Floats,
    shift: float = 0.0,
    scale: float = 1.0,
) -> dict[float, Floats]:
    """Return the volumes (k,) in mL at each centile of `CENTILES`, at ages (k,).

    Parameters
    ----------
    shift, scale
        What a site and a head add: z of the population is shift + scale · z (`SHIFT`, `SCALE` of
        the scores). Without them the curves are those of a middling site and of all heads.
    """
    design = population.design(ages_years, is_man=np.full(len(ages_years), float(is_man)))
    fitted = population.regions[region]
    return {
        centile: fitted.to_volume_ml(np.full(len(ages_years), shift + scale * z), design=design)
        for centile, z in zip(CENTILES, scores_of_centiles(), strict=True)
    }


def place_volumes(
    population: Population, *, region: str, z: Floats, is_man: Floats, ages_years: Floats
) -> Floats:
    """Return the volumes (n,) in mL that a middling site measures at each z of the population."""
    design = population.design(ages_years, is_man=is_man)
    return population.regions[region].to_volume_ml(z, design=design)
