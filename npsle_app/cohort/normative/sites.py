"""Teach a reference the offsets of sites that it has not seen, from controls scanned there."""

from dataclasses import replace

import numpy as np
import pandas as pd

from npsle_app.cohort.normative.mean import NO_SITE
from npsle_app.cohort.normative.model import NormativeModel, RegionModel, SexModel
from npsle_app.cohort.normative.people import is_usable
from npsle_app.cohort.normative.reference import check_people, describe_people


def add_sites(model: NormativeModel, *, controls: pd.DataFrame) -> NormativeModel:
    """Return the model with the sites of healthy people from elsewhere.

    A site's offset in a region is its controls' mean residual · n / (n + 1 / ratio), where the
    ratio is that of the variance between sites to the variance between people in the
    reference: few controls move it little, and scores stay as uncertain as n leaves them.

    Parameters
    ----------
    controls
        As for `fit_reference`, with `site`. People of sites that the model knows, and those
        who lack age, sex or TIV, are passed over.

    Raises
    ------
    ValueError
        If there is no column `site`, or the reference has one site alone and so cannot say
        how far sites differ.
    """
    if "site" not in controls:
        msg = f"the table has no column site; it has {list(controls.columns)}"
        raise ValueError(msg)
    if all(len(sex.sites) < 2 for sex in model.sexes.values()):
        msg = "the reference has fewer than two sites: how far sites differ cannot be known"
        raise ValueError(msg)
    there = [name for name in model.regions if name in controls]
    absent = {name: np.nan for name in model.regions if name not in there}
    people = check_people(controls.assign(**absent), regions=model.regions)
    usable = people[is_usable(people) & people["site"].notna()]
    sexes = {name: _extend(sex, usable[usable["sex"] == name]) for name, sex in model.sexes.items()}
    return replace(model, sexes=sexes)


def _extend(sex: SexModel, controls: pd.DataFrame) -> SexModel:
    if len(sex.sites) < 2:
        return sex
    own = controls[~controls["site"].astype(str).isin(sex.sites)]
    new = tuple(sorted(own["site"].astype(str).unique()))
    numbered = replace(sex, sites=(*sex.sites, *new))
    regions = {name: _learn(one, name, sex, own, new) for name, one in sex.regions.items()}
    return replace(numbered, regions=regions)


def _learn(
    region: RegionModel, name: str, sex: SexModel, controls: pd.DataFrame, new: tuple[str, ...]
) -> RegionModel:
    known = controls[controls[name].notna()]
    people = describe_people(known, sites=sex.sites)
    nowhere = np.full(len(known), NO_SITE, dtype=np.intp)
    expected, _ = region.mean.predict(
        replace(people, sites=nowhere), tiv_centre_ml=sex.tiv_centre_ml
    )
    residuals = known[name].to_numpy(dtype=float) - expected
    site = known["site"].astype(str).to_numpy()
    counts = np.array([(site == one).sum() for one in new], dtype=np.intp)
    sums = np.array([residuals[site == one].sum() for one in new])
    ratio = region.mean.site_ratio
    offsets = sums * ratio / (1 + counts * ratio)
    mean = replace(
        region.mean,
        offsets=np.concatenate([region.mean.offsets, offsets]),
        site_counts=np.concatenate([region.mean.site_counts, counts]),
    )
    return replace(region, mean=mean)
