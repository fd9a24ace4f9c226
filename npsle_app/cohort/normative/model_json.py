"""A normative model as plain numbers, text and lists: what JSON knows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npsle_app.cohort.estimators.model_file import check_format
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

FORMAT = "npsle_app normative model"
FORMAT_VERSION = 1
INTENDED_USE = "Research only. No medical device; not for the diagnosis or treatment of anyone."
_METHOD = ("site_term", "changing_spread", "shaped_tails", "predictive", "alpha")


def to_plain(model: NormativeModel) -> dict[str, Any]:
    """Return the model as JSON knows it; participants who were left out are counted alone."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "intended_use": INTENDED_USE,
        "software": model.provenance.software,
        "app_version": model.provenance.app_version,
        "templates": dict(sorted(model.provenance.templates.items())),
        "unit": model.unit,
        "regions": list(model.regions),
        "method": {name: getattr(model.method, name) for name in _METHOD},
        "n_left_out": len(model.left_out),
        "sexes": [_plain_sex(one) for one in model.sexes.values()],
    }


def from_plain(content: Any) -> NormativeModel:
    """Read a model back.

    Raises
    ------
    ValueError
        If it is no model of this format, lacks a part, or holds a number that is none.
    """
    check_format(content, name=FORMAT, version=FORMAT_VERSION, what="normative model")
    try:
        return _read(content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        msg = f"it is no whole normative model ({error!r}); fit it again"
        raise ValueError(msg) from error


def _plain_sex(sex: SexModel) -> dict[str, Any]:
    return {
        "sex": sex.sex,
        "n": sex.n,
        "age_range_years": list(sex.age_range_years),
        "tiv_range_ml": list(sex.tiv_range_ml),
        "tiv_centre_ml": sex.tiv_centre_ml,
        "sites": list(sex.sites),
        "gaps": dict(sex.gaps),
        "regions": {name: _plain_region(one) for name, one in sex.regions.items()},
    }


def _plain_region(region: RegionModel) -> dict[str, Any]:
    mean, spread, tails = region.mean, region.spread, region.tails
    return {
        "n": region.n,
        "df": mean.df,
        "rmse": mean.rmse,
        "age_powers": list(mean.powers),
        "coefficients": mean.coefficients.tolist(),
        "relative_covariance": mean.covariance.tolist(),
        "site_variance_ratio": mean.site_ratio,
        "site_offsets": mean.offsets.tolist(),
        "site_counts": mean.site_counts.tolist(),
        "ln_variance_coefficients": spread.coefficients.tolist(),
        "ln_variance_has_ln_tiv": spread.has_tiv,
        "ln_variance_age_powers": list(spread.powers),
        "tail_skew": tails.skew,
        "tail_log_weight": tails.log_tail,
    }


def _read(content: Mapping[str, Any]) -> NormativeModel:
    method = Method(**{name: content["method"][name] for name in _METHOD})
    sexes = [_read_sex(one, predictive=method.predictive) for one in content["sexes"]]
    if not sexes:
        msg = "it has no sex"
        raise ValueError(msg)
    return NormativeModel(
        sexes={one.sex: one for one in sexes},
        regions=tuple(map(str, content["regions"])),
        unit=str(content["unit"]),
        method=method,
        provenance=Provenance(
            software=str(content["software"]),
            app_version=str(content["app_version"]),
            templates={str(k): str(v) for k, v in content["templates"].items()},
        ),
    )


def _read_sex(content: Mapping[str, Any], *, predictive: bool) -> SexModel:
    low, high = _numbers(content["age_range_years"])
    least, most = _numbers(content["tiv_range_ml"])
    sites = tuple(map(str, content["sites"]))
    regions = {
        str(name): _read_region(one, predictive=predictive, n_sites=max(len(sites), 1))
        for name, one in content["regions"].items()
    }
    return SexModel(
        sex=str(content["sex"]),
        n=int(content["n"]),
        age_range_years=(low, high),
        tiv_range_ml=(least, most),
        tiv_centre_ml=float(_numbers([content["tiv_centre_ml"]])[0]),
        sites=sites,
        regions=regions,
        gaps={str(name): str(why) for name, why in content["gaps"].items()},
    )


def _read_region(content: Mapping[str, Any], *, predictive: bool, n_sites: int) -> RegionModel:
    powers = tuple(_numbers(content["age_powers"]).tolist())
    coefficients = _numbers(content["coefficients"])
    covariance = _numbers(content["relative_covariance"])
    offsets, counts = _numbers(content["site_offsets"]), _numbers(content["site_counts"])
    spread = _numbers(content["ln_variance_coefficients"])
    spread_powers = tuple(_numbers(content["ln_variance_age_powers"]).tolist())
    has_tiv = bool(content["ln_variance_has_ln_tiv"])
    _same_length(coefficients.shape, (2 + len(powers),))
    _same_length(covariance.shape, (len(coefficients), len(coefficients)))
    _same_length((*offsets.shape, *counts.shape), (n_sites, n_sites))
    _same_length(spread.shape, (1 + has_tiv + len(spread_powers),))
    rest = ("df", "rmse", "site_variance_ratio", "tail_skew", "tail_log_weight")
    df, rmse, ratio, skew, log_tail = _numbers([content[key] for key in rest]).tolist()
    mean = MeanFit(
        powers=powers,
        coefficients=coefficients,
        covariance=covariance,
        site_ratio=ratio,
        offsets=offsets,
        site_counts=counts.astype(np.intp),
        df=int(df),
        rmse=rmse,
    )
    return RegionModel(
        n=int(content["n"]),
        mean=mean,
        spread=SpreadFit(powers=spread_powers, has_tiv=has_tiv, coefficients=spread),
        tails=Tails(skew=skew, log_tail=log_tail),
        predictive=predictive,
    )


def _numbers(content: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers = np.array(content, dtype=float)
    if not np.isfinite(numbers).all():
        msg = f"{content} holds what is no finite number"
        raise ValueError(msg)
    return numbers


def _same_length(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        msg = f"it has lists of {found} numbers, expected are {wanted}"
        raise ValueError(msg)
