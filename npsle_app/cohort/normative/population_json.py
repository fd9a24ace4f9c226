"""A population as JSON, and back: the form that a user's own can be written in."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from npsle_app.cohort.normative.population import (
    DEGREE,
    MAN,
    WOMAN,
    Population,
    PopulationRegion,
)
from npsle_app.decoding import STRICT, decode
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_freesurfer import ETIV, PREFIX

FORM = "npsle_app population"
_FORM_VERSION = 1
_Positive = Annotated[float, Field(gt=0)]
_Share = Annotated[float, Field(gt=-1, lt=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Region:
    n: Annotated[int, Field(ge=1)]
    intercept: float
    age: float
    sex: float
    spline: tuple[float, ...]
    residual_sd: _Positive
    warp_b: _Positive
    warp_epsilon: float
    site_sd: Annotated[float, Field(ge=0)]
    site_with_tiv: Annotated[float, Field(ge=-1, le=1)] = 0.0
    rho: dict[str, _Share] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _File:
    form: str
    form_version: int
    name: str
    citation: str
    licence: str
    software: str
    versions: str
    n: Annotated[int, Field(ge=1)]
    sites: Annotated[int, Field(ge=2)]
    age_range_years: tuple[float, float]
    knots: tuple[float, ...]
    site_spread_sd: Annotated[float, Field(ge=0)]
    regions: dict[str, _Region]


def is_population(content: object) -> bool:
    """Tell whether a JSON file says that it is a population, and not another model."""
    return isinstance(content, Mapping) and content.get("form") == FORM


def population_from_plain(content: Any) -> Population:
    """Read a population.

    Raises
    ------
    ValueError
        With what is wrong, and what is expected there.
    """
    told = decode(_File, content, what="the population")
    if (told.form, told.form_version) != (FORM, _FORM_VERSION):
        msg = f"its form is {told.form!r} {told.form_version}, expected {FORM!r} {_FORM_VERSION}"
        raise ValueError(msg)
    _check(told)
    regions = {name: PopulationRegion(**asdict(one)) for name, one in told.regions.items()}
    return Population(
        name=told.name,
        citation=told.citation,
        software=told.software,
        versions=told.versions,
        n=told.n,
        sites=told.sites,
        age_range_years=told.age_range_years,
        knots=told.knots,
        site_spread_sd=told.site_spread_sd,
        regions=regions,
    )


def population_to_plain(population: Population, *, licence: str) -> dict[str, Any]:
    """Write what `population_from_plain` reads."""
    return {
        "form": FORM,
        "form_version": _FORM_VERSION,
        "licence": licence,
        **asdict(population),
    }


def _check(told: _File) -> None:
    if unknown := [n for n in told.regions if n not in MEASURES or not n.startswith(PREFIX)]:
        msg = f"it has the volume {unknown[0]!r}; expected measures such as fs_thalamus_left_ml"
        raise ValueError(msg)
    if ETIV not in told.regions:
        msg = f"it has no {ETIV}, by which the others are conditioned"
        raise ValueError(msg)
    if len(told.knots) < 2 or not np.all(np.diff(told.knots) > 0):
        msg = f"its knots do not rise: {list(told.knots)}"
        raise ValueError(msg)
    wanted = len(told.knots) + DEGREE - 1
    for name, one in told.regions.items():
        if len(one.spline) != wanted:
            msg = f"{name} has {len(one.spline)} spline coefficients, its knots need {wanted}"
            raise ValueError(msg)
        if one.rho and set(one.rho) != {WOMAN, MAN}:
            msg = f"{name} has rho of {sorted(one.rho)}, expected F and M"
            raise ValueError(msg)
