"""Fit a normative model to a table of healthy people, and score them by it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.normative.fit import RegionFits, fit_regions
from npsle_app.cohort.normative.gaps import Gap, Remark, tell
from npsle_app.cohort.normative.mean import NO_SITE, People
from npsle_app.cohort.normative.model import (
    RECOMMENDED,
    Method,
    NormativeModel,
    Provenance,
    RegionModel,
    SexModel,
)
from npsle_app.cohort.normative.outliers import find_outlier_scans
from npsle_app.cohort.normative.people import KEYS, find_gaps, usable_volumes
from npsle_app.cohort.study.visits import SCAN

HELD_OUT = [*SCAN, "region", "expected", "sd", "z"]
LEAST_PEOPLE = 6  # of one sex; a straight line has three coefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A fitted model, and the people it was fitted to, scored by models without them.

    Attributes
    ----------
    held_out
        One row per participant and region: `participant_id`, `session_id`, `region`, `expected`,
        `sd`, `z`.
    outliers
        Scans found by `find_outlier_scans`, which were left out.
    """

    model: NormativeModel
    held_out: pd.DataFrame
    outliers: pd.DataFrame


def fit_reference(
    frame: pd.DataFrame,
    *,
    regions: tuple[str, ...],
    unit: str,
    provenance: Provenance,
    method: Method = RECOMMENDED,
    seed: int = 20260101,
    leave_outliers_out: bool = True,
) -> Reference:
    """Model each region's volume in each sex by age, TIV and site.

    Mean: fractional polynomial of age of order ≤ 2 by a closed test, linear TIV (Ge 2024,
    doi:10.1016/S2589-7500(23)00250-9), and a random intercept of sites. Variance: gamma
    regression of squared residuals of people left out. Tails: sinh-arcsinh where needed.

    Parameters
    ----------
    frame
        One row per healthy person, once each: `participant_id`, `age` (years), `sex`, `tiv_ml`,
        `site` and `session_id` (optional), and the volumes named by `regions`.
    unit
        Of the volumes.
    seed
        Deals people out to ten folds.

    Returns
    -------
    Reference
        A sex or region with fewer than 6 people has a gap that says so.

    Raises
    ------
    ValueError
        If a column is missing, a person is named twice, or no one can be used.
    """
    people = check_people(frame, regions=regions, once=["participant_id"])
    gaps = dict(zip(people["participant_id"], find_gaps(people), strict=True))
    usable = [not gaps[name] for name in people["participant_id"]]
    outliers = find_outlier_scans(people[usable], regions=regions)
    if leave_outliers_out:
        for name, own in outliers.groupby("participant_id"):
            gaps[name] = tuple(Remark(Gap.OUTLIER, reason) for reason in own["reason"])
    used = people[[not gaps[name] for name in people["participant_id"]]]
    left_out = {name: text for name, own in gaps.items() if (text := tell(own))}
    if used.empty:
        shown = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
        msg = f"no one of the {len(people)} people of the reference can be used ({shown})"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    found = [_fit_sex(one, str(sex), regions, method, rng) for sex, one in used.groupby("sex")]
    model = NormativeModel(
        sexes={one.sex: one for one, _ in found},
        regions=regions,
        unit=unit,
        method=method,
        provenance=provenance,
        left_out=left_out,
    )
    held_out = pd.concat([table for _, table in found], ignore_index=True)
    return Reference(model=model, held_out=held_out, outliers=outliers)


def check_people(
    frame: pd.DataFrame, *, regions: tuple[str, ...], once: Sequence[str] = SCAN
) -> pd.DataFrame:
    """Return a table in order of scans, its volumes as numbers.

    Without a column `session_id` it has one, which is empty.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, or two rows have the same ids `once`.
    """
    if missing := [name for name in (*KEYS, *regions) if name not in frame]:
        msg = f"the table has no column {', '.join(missing)}; it has {list(frame.columns)}"
        raise ValueError(msg)
    if frame.empty:
        msg = "there are no controls: the table has no row"
        raise ValueError(msg)
    sessions = frame.get("session_id", "")
    named = frame.assign(participant_id=frame["participant_id"].astype(str), session_id=sessions)
    if twice := sorted(named["participant_id"][named.duplicated(list(once))].unique()):
        msg = f"{', '.join(twice[:5])} are in the table more than once; give one scan per person"
        raise ValueError(msg)
    if not regions:
        msg = "no region was named"
        raise ValueError(msg)
    return usable_volumes(named, regions=regions)


def number_sites(frame: pd.DataFrame, *, sites: tuple[str, ...]) -> Ints:
    """Return each row's place among `sites`; −1 for one that is not there."""
    if "site" not in frame or not sites:
        return np.full(len(frame), NO_SITE if sites else 0, dtype=np.intp)
    return np.array([number_site(str(name), sites=sites) for name in frame["site"]], dtype=np.intp)


def number_site(name: str, *, sites: tuple[str, ...]) -> int:
    """Return a site's place among `sites`, −1 if it is not there; all are one where none is."""
    if not sites:
        return 0
    return sites.index(name) if name in sites else NO_SITE


def describe_people(frame: pd.DataFrame, *, sites: tuple[str, ...]) -> People:
    """Take age, TIV and site out of a table."""
    return People(
        age_years=frame["age"].to_numpy(dtype=float),
        tiv_ml=frame["tiv_ml"].to_numpy(dtype=float),
        sites=number_sites(frame, sites=sites),
        n_sites=max(len(sites), 1),
    )


def _fit_sex(
    frame: pd.DataFrame,
    sex: str,
    regions: tuple[str, ...],
    method: Method,
    rng: np.random.Generator,
) -> tuple[SexModel, pd.DataFrame]:
    named = "site" in frame and bool(frame["site"].notna().all())
    sites = tuple(sorted(frame["site"].astype(str).unique())) if named else ()
    people = describe_people(frame, sites=sites)
    centre = float(people.tiv_ml.mean())
    volumes = frame[list(regions)].to_numpy(dtype=float)
    models: dict[str, RegionModel] = {}
    gaps: dict[str, str] = {}
    tables: list[pd.DataFrame] = []
    for rows, columns in _alike(volumes):
        names = [regions[place] for place in columns.tolist()]
        try:
            _refuse_few(len(rows), sex)
            fits = fit_regions(
                volumes[np.ix_(rows, columns)],
                people=people.take(rows),
                tiv_centre_ml=centre,
                method=method,
                rng=rng,
            )
        except ValueError as error:
            gaps.update(dict.fromkeys(names, str(error)))
            continue
        models.update(zip(names, fits.models, strict=True))
        tables.append(_lay_out(frame.iloc[rows], names, fits))
    ordered = {name: models[name] for name in regions if name in models}
    model = SexModel(
        sex=sex,
        n=len(frame),
        age_range_years=_range(people.age_years),
        tiv_range_ml=_range(people.tiv_ml),
        tiv_centre_ml=centre,
        sites=sites,
        regions=ordered,
        gaps=gaps,
    )
    return model, pd.concat(tables) if tables else pd.DataFrame(columns=HELD_OUT)


def _alike(volumes: Floats) -> list[tuple[Ints, Ints]]:
    """Group regions that the same people have: rows and columns of each complete block."""
    there = np.isfinite(volumes)
    patterns, member = np.unique(there, axis=1, return_inverse=True)
    return [
        (np.flatnonzero(patterns[:, place]), np.flatnonzero(member == place))
        for place in range(patterns.shape[1])
    ]


def _refuse_few(n: int, sex: str) -> None:
    if n < LEAST_PEOPLE:
        msg = f"the reference has {n} people of sex {sex} with this volume, needed are 6"
        raise ValueError(msg)


def _range(values: Floats) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _lay_out(people: pd.DataFrame, names: list[str], fits: RegionFits) -> pd.DataFrame:
    n, regions = fits.z.shape
    return pd.DataFrame(
        {
            **{name: np.repeat(people[name].to_numpy(), regions) for name in SCAN},
            "region": np.tile(np.array(names, dtype=object), n),
            "expected": fits.expected.ravel(),
            "sd": fits.deviation.ravel(),
            "z": fits.z.ravel(),
        }
    )
