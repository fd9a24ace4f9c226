"""A normative model as plain numbers, text and lists: what JSON knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from npsle_app.cohort.estimators.model_file import read_model_file
from npsle_app.cohort.normative.mean import MeanFit
from npsle_app.cohort.normative.model import (
    Method,
    NormativeModel,
    Provenance,
    RegionModel,
    SexModel,
)
from npsle_app.cohort.normative.spread import SpreadFit
from npsle_app.cohort.normative.tails import Tails
from npsle_app.decoding import encode

FORMAT = "npsle_app normative model"
FORMAT_VERSION = 1
INTENDED_USE = "Research only. No medical device; not for the diagnosis or treatment of anyone."
_Count = Annotated[int, Field(ge=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RegionFile:
    n: _Count
    df: Annotated[int, Field(ge=1)]
    rmse: _NotNegative
    age_powers: _Numbers
    coefficients: _Numbers
    relative_covariance: tuple[_Numbers, ...]
    site_variance_ratio: _NotNegative
    site_offsets: _Numbers
    site_counts: tuple[_Count, ...]
    ln_variance_coefficients: _Numbers
    ln_variance_has_ln_tiv: bool
    ln_variance_age_powers: _Numbers
    tail_skew: float
    tail_log_weight: float

    def __post_init__(self) -> None:
        terms = 2 + len(self.age_powers)
        spread = 1 + self.ln_variance_has_ln_tiv + len(self.ln_variance_age_powers)
        for row in (self.coefficients, self.relative_covariance, *self.relative_covariance):
            _check_length(row, wanted=terms)
        _check_length(self.ln_variance_coefficients, wanted=spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SexFile:
    sex: str
    n: _Count
    age_range_years: tuple[float, float]
    tiv_range_ml: tuple[float, float]
    tiv_centre_ml: float
    sites: tuple[str, ...]
    gaps: Mapping[str, str]
    regions: Mapping[str, _RegionFile]

    def __post_init__(self) -> None:
        for region in self.regions.values():
            for values in (region.site_offsets, region.site_counts):
                _check_length(values, wanted=max(len(self.sites), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelFile:
    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    intended_use: str = INTENDED_USE
    software: str
    app_version: str
    templates: Mapping[str, str]
    unit: str
    regions: tuple[str, ...]
    method: Method
    n_left_out: _Count = 0
    sexes: tuple[_SexFile, ...]

    def __post_init__(self) -> None:
        if not self.sexes:
            msg = "it has no sex"
            raise ValueError(msg)


def to_plain(model: NormativeModel) -> Any:
    """Return the model as JSON knows it; participants who were left out are counted alone."""
    made_by = model.provenance
    return encode(
        _ModelFile(
            software=made_by.software,
            app_version=made_by.app_version,
            templates=dict(sorted(made_by.templates.items())),
            unit=model.unit,
            regions=model.regions,
            method=model.method,
            n_left_out=len(model.left_out),
            sexes=tuple(map(_file_of_sex, model.sexes.values())),
        )
    )


def from_plain(content: Any) -> NormativeModel:
    """Read a model back.

    Raises
    ------
    ValueError
        If it is no model of this format, lacks a part, or holds a number that is none.
    """
    told = read_model_file(
        _ModelFile, content, name=FORMAT, version=FORMAT_VERSION, what="normative model"
    )
    predictive = told.method.predictive
    return NormativeModel(
        sexes={one.sex: _sex_of_file(one, predictive=predictive) for one in told.sexes},
        regions=told.regions,
        unit=told.unit,
        method=told.method,
        provenance=Provenance(
            software=told.software, app_version=told.app_version, templates=told.templates
        ),
    )


def _file_of_sex(sex: SexModel) -> _SexFile:
    regions = {name: _file_of_region(one) for name, one in sex.regions.items()}
    return _SexFile(**_but_regions(sex), regions=regions)


def _file_of_region(region: RegionModel) -> _RegionFile:
    mean, spread, tails = region.mean, region.spread, region.tails
    return _RegionFile(
        n=region.n,
        df=mean.df,
        rmse=mean.rmse,
        age_powers=mean.powers,
        coefficients=tuple(mean.coefficients.tolist()),
        relative_covariance=tuple(map(tuple, mean.covariance.tolist())),
        site_variance_ratio=mean.site_ratio,
        site_offsets=tuple(mean.offsets.tolist()),
        site_counts=tuple(mean.site_counts.tolist()),
        ln_variance_coefficients=tuple(spread.coefficients.tolist()),
        ln_variance_has_ln_tiv=spread.has_tiv,
        ln_variance_age_powers=spread.powers,
        tail_skew=tails.skew,
        tail_log_weight=tails.log_tail,
    )


def _sex_of_file(told: _SexFile, *, predictive: bool) -> SexModel:
    regions = {
        name: _region_of_file(one, predictive=predictive) for name, one in told.regions.items()
    }
    return SexModel(**_but_regions(told), regions=regions)


def _but_regions(sex: SexModel | _SexFile) -> dict[str, Any]:
    return {one.name: getattr(sex, one.name) for one in fields(sex) if one.name != "regions"}


def _region_of_file(told: _RegionFile, *, predictive: bool) -> RegionModel:
    return RegionModel(
        n=told.n,
        mean=MeanFit(
            powers=told.age_powers,
            coefficients=np.array(told.coefficients),
            covariance=np.array(told.relative_covariance),
            site_ratio=told.site_variance_ratio,
            offsets=np.array(told.site_offsets),
            site_counts=np.array(told.site_counts, dtype=np.intp),
            df=told.df,
            rmse=told.rmse,
        ),
        spread=SpreadFit(
            powers=told.ln_variance_age_powers,
            has_tiv=told.ln_variance_has_ln_tiv,
            coefficients=np.array(told.ln_variance_coefficients),
        ),
        tails=Tails(skew=told.tail_skew, log_tail=told.tail_log_weight),
        predictive=predictive,
    )


def _check_length(numbers: Sequence[object], *, wanted: int) -> None:
    if len(numbers) != wanted:
        msg = f"it has a list of {len(numbers)} numbers, where {wanted} are expected"
        raise ValueError(msg)
