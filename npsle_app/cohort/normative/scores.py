"""Where people lie in a normative model."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.normative.gaps import Gap, Remark, Remarks, has_gap, tell_each
from npsle_app.cohort.normative.mean import NO_SITE
from npsle_app.cohort.normative.model import (
    CRITICAL_Z,
    LEAST_FOR_LABEL,
    NormativeModel,
    SexModel,
    Tail,
)
from npsle_app.cohort.normative.people import find_gaps
from npsle_app.cohort.normative.reference import check_people, describe_people
from npsle_app.cohort.study.visits import SCAN

_NO_VOLUME = Remark(Gap.VOLUME_UNUSABLE, "the volume is missing or not above 0")
PASS, WARN, NOT_ASSESSABLE = "pass", "warn", "not assessable"
COLUMNS = [
    *(*SCAN, "region", "volume", "expected", "sd", "z", "centile"),
    *("critical", "n_reference", "qc", "reason"),
]
REMARKS = "remarks"  # of each score: `Remarks`, whose sentences are its reason


def score(model: NormativeModel, frame: pd.DataFrame, *, tail: Tail = "lower") -> pd.DataFrame:
    """Score people by a model that was not fitted to them.

    Parameters
    ----------
    frame
        One row per scan: `participant_id`, `session_id` if there are sessions, `age` in years,
        `sex`, `tiv_ml`, `site` where the model has sites, and volumes in the unit of the model.

    Returns
    -------
    DataFrame
        One row per scan and region of the model: `volume`, `expected` and `sd` (of a new
        person's volume) in its unit, `z`, `centile` (0 to 100), `critical`, `n_reference`
        (people of that sex who made the model), `qc`, `reason` and `remarks`. `z` is the normal
        score of the volume: it is not (volume − expected) / sd where tails are not normal.
        `critical` is z < −1.96, or |z| > 1.96 for both tails; it is missing where there is no z,
        where fewer than 10 people of that sex made the model, and outside their range of age.

    Raises
    ------
    ValueError
        If a column that everyone needs is missing, or none of the model's regions is there.
    """
    there = tuple(name for name in model.regions if name in frame)
    if not there:
        msg = f"the table has none of the reference's regions, which are {list(model.regions)}"
        raise ValueError(msg)
    absent = [name for name in model.regions if name not in there]
    whole = frame.assign(**dict.fromkeys(absent, np.nan)) if absent else frame
    people = check_people(whole, regions=model.regions)
    gaps = find_gaps(people)
    lacking = gaps.astype(bool)
    parts = [_unknown(people[lacking], gaps[lacking].tolist(), model)]
    for sex, rows in people[~lacking].groupby("sex"):
        if str(sex) in model.sexes:
            parts.extend(_score_sex(model.sexes[str(sex)], rows, model))
        else:
            text = f"the reference has no one of sex {sex}, but {', '.join(model.sexes)}"
            why = (Remark(Gap.SEX_NOT_IN_REFERENCE, text),)
            parts.append(_unknown(rows, [why] * len(rows), model))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table = table.assign(
        critical=label_critical(table, tail=tail),
        reason=pd.Series(tell_each(table[REMARKS]), index=table.index, dtype=object),
    )
    table["region"] = pd.Categorical(table["region"], categories=model.regions, ordered=True)
    ordered = table.sort_values([*SCAN, "region"], ignore_index=True)
    return ordered.astype({"region": object})[[*COLUMNS, REMARKS]]


def score_reference(
    held_out: pd.DataFrame, *, model: NormativeModel, frame: pd.DataFrame, tail: Tail = "lower"
) -> pd.DataFrame:
    """Score the people of the reference by models without them: `Reference.held_out`.

    Returns
    -------
    DataFrame
        As `score`; those whose scan was left out of the fit are scored by the whole model.
    """
    table = score(model, frame, tail=tail).set_index([*SCAN, "region"])
    own = held_out.set_index([*SCAN, "region"])[["expected", "sd", "z"]].astype(float)
    table.loc[own.index, ["expected", "sd", "z"]] = own
    table["centile"] = _centiles(table["z"].to_numpy(dtype=float))
    table["critical"] = label_critical(table, tail=tail)
    return table.reset_index()[[*COLUMNS, REMARKS]]


def label_critical(table: pd.DataFrame, *, tail: Tail) -> pd.Series:
    """Say which scores are critical deviations; None where no label is given."""
    z = table["z"].to_numpy(dtype=float)
    beyond = np.abs(z) > CRITICAL_Z if tail == "both" else z < -CRITICAL_Z
    told = np.isfinite(z) & (table["n_reference"].to_numpy(dtype=float) >= LEAST_FOR_LABEL)
    told &= ~has_gap(table[REMARKS], Gap.AGE_OUTSIDE).to_numpy()
    labels = [bool(b) if t else None for b, t in zip(beyond, told, strict=True)]
    return pd.Series(labels, index=table.index, dtype=object)


def _score_sex(sex: SexModel, rows: pd.DataFrame, model: NormativeModel) -> Iterator[pd.DataFrame]:
    people = describe_people(rows, sites=sex.sites)
    of_person = _remark_people(sex, rows, people.sites)
    for name in model.regions:
        volume = rows[name].to_numpy(dtype=float)
        if name not in sex.regions:
            text = sex.gaps.get(name, "not in the reference")
            why = (Remark(Gap.REGION_NOT_IN_REFERENCE, text),)
            yield _unknown(rows, [why] * len(rows), model, name)
            continue
        region = sex.regions[name]
        expected, deviation = region.predict(people, tiv_centre_ml=sex.tiv_centre_ml)
        z = region.to_z((volume - expected) / deviation)
        few = () if region.n >= LEAST_FOR_LABEL else (remark_few(region.n),)
        absent = np.isnan(volume)
        remarks = [
            (_NO_VOLUME,) if gone else (*own, *few)
            for gone, own in zip(absent, of_person, strict=True)
        ]
        yield pd.DataFrame(
            {
                **{key: rows[key].to_numpy() for key in SCAN},
                "region": name,
                "volume": volume,
                "expected": expected,
                "sd": deviation,
                "z": z,
                "centile": _centiles(z),
                "n_reference": float(region.n),
                "qc": np.where(absent, NOT_ASSESSABLE, [WARN if one else PASS for one in remarks]),
                REMARKS: remarks,
            }
        )


def _remark_people(sex: SexModel, rows: pd.DataFrame, sites: Ints) -> list[Remarks]:
    names = rows["site"] if "site" in rows else pd.Series("", index=rows.index)
    remarks = []
    for age, tiv, site, place in zip(rows["age"], rows["tiv_ml"], names, sites, strict=True):
        own = []
        if _is_outside(age, sex.age_range_years):
            ages = "{:g} to {:g}".format(*sex.age_range_years)
            text = f"age {age:g} is outside the reference's ages, {ages}"
            own.append(Remark(Gap.AGE_OUTSIDE, text))
        if _is_outside(tiv, sex.tiv_range_ml):
            sizes = "{:g} to {:g}".format(*sex.tiv_range_ml)
            text = f"TIV {tiv:g} is outside the reference's, {sizes}"
            own.append(Remark(Gap.TIV_OUTSIDE, text))
        if place == NO_SITE:
            text = f"site {site!r} is not in the reference, and sites differ"
            own.append(Remark(Gap.SITE_UNKNOWN, text))
        remarks.append(tuple(own))
    return remarks


def _is_outside(value: float, bounds: tuple[float, float]) -> bool:
    low, high = bounds
    return not low <= value <= high


def remark_few(n: int) -> Remark:
    """Say that too few people made the model of a region to call a z critical."""
    text = f"{n} people of this sex made the reference; below {LEAST_FOR_LABEL} no label is given"
    return Remark(Gap.FEW_PEOPLE, text)


def _centiles(z: Floats) -> Floats:
    from scipy import stats

    centiles: Floats = 100 * stats.norm.cdf(z)
    return centiles


def _unknown(
    rows: pd.DataFrame, remarks: list[Remarks], model: NormativeModel, region: str | None = None
) -> pd.DataFrame:
    """Make a labelled gap of each person and region."""
    regions = [region] if region else list(model.regions)
    n = len(rows)
    nothing = np.full(n * len(regions), np.nan)
    return pd.DataFrame(
        {
            **{key: np.repeat(rows[key].to_numpy(), len(regions)) for key in SCAN},
            "region": np.tile(np.array(regions, dtype=object), n),
            "volume": rows[regions].to_numpy(dtype=float).ravel(),
            **dict.fromkeys(("expected", "sd", "z", "centile", "n_reference"), nothing),
            "qc": NOT_ASSESSABLE,
            REMARKS: [own for own in remarks for _ in regions],
        }
    )
