"""Score all sessions of a study by its reference, and say what to think of each score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.normative.gaps import Gap, Remark, tell_each
from npsle_app.cohort.normative.model import LEAST_FOR_LABEL, SexModel, Tail
from npsle_app.cohort.normative.scores import NOT_ASSESSABLE, PASS, REMARKS, WARN, score_reference
from npsle_app.cohort.normative.sources import OWN, StudyReference
from npsle_app.cohort.normative.validity import calibration_interval
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.visits import describe_scans, index_scans

_SEEN = Remark(Gap.PERSON_SEEN, "the model has seen another scan of this person")
_NAMESAKE = Remark(
    Gap.NAMESAKE,
    "the reference has a person of this id and sex: if it is the same, z is too near 0",
)
_Scan = tuple[str, str]  # participant, session
_EMPTY = ("expected", "sd", "z", "centile", "n_reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Between what shares healthy people fall beyond the cut; n controls told so."""

    n: int
    low: float
    high: float


def score_visits(
    visits: pd.DataFrame, *, study: Study, reference: StudyReference, tail: Tail
) -> pd.DataFrame:
    """Score every session; those that made the model, by models without them.

    Returns
    -------
    DataFrame
        One row per scan and region of the model, as `score` gives them. Sessions that a rater or
        a rule left out have no score, with the reason.
    """
    frame, _, _ = describe_scans(visits, study=study)
    table = score_reference(reference.held_out, model=reference.model, frame=frame, tail=tail)
    excluded = visits[visits[EXCLUDED].notna()]
    table = _leave_out(table, dict(zip(index_scans(excluded), excluded[EXCLUDED], strict=True)))
    table = _add_remarks(table, _find_remarks(visits, reference))
    return table.assign(
        reason=pd.Series(tell_each(table[REMARKS]), index=table.index, dtype=object)
    )


def calibrate(
    sex: SexModel, *, reference: StudyReference, tail: Tail, site: str | None
) -> Calibration:
    """Say how well the cut is known for a person of that sex and site.

    It rests on the people of the model where these were scanned at the site, else on the
    study's controls there, whose offset the model has learned; with neither it is unknown.
    """
    if reference.source == OWN or (site in sex.sites and site not in reference.learned_sites):
        low, high = calibration_interval(sex.n, tail=tail, spread_known=False)
        return Calibration(n=sex.n, low=low, high=high)
    controls = reference.controls
    taught = site is not None and site in reference.learned_sites
    n = int(((controls["site"] == site) & (controls["sex"] == sex.sex)).sum()) if taught else 0
    low, high = calibration_interval(n, tail=tail, spread_known=True)
    return Calibration(n=n, low=low, high=high)


def describe_reference(reference: StudyReference, *, tail: Tail) -> pd.DataFrame:
    """Say of each sex who made the model and how well its cut is known.

    Returns
    -------
    DataFrame
        `sex`, `n`, `age_low`, `age_high` (years), `tiv_low`, `tiv_high` (mL), `sites`,
        `regions` (with a model), `labelled` (yes from 10 people on), `share_low` and
        `share_high` (%): 95 % limits of the share of healthy people who fall beyond the cut.
    """
    rows = []
    for name, sex in reference.model.sexes.items():
        site = sex.sites[0] if sex.sites else None
        found = calibrate(sex, reference=reference, tail=tail, site=site)
        rows.append(
            {
                "sex": name,
                "n": sex.n,
                "age_low": sex.age_range_years[0],
                "age_high": sex.age_range_years[1],
                "tiv_low": sex.tiv_range_ml[0],
                "tiv_high": sex.tiv_range_ml[1],
                "sites": len(sex.sites) or 1,
                "regions": len(sex.regions),
                "labelled": "yes" if sex.n >= LEAST_FOR_LABEL else "no",
                "share_low": 100 * found.low,
                "share_high": 100 * found.high,
            }
        )
    return pd.DataFrame(rows)


def _leave_out(table: pd.DataFrame, reasons: dict[_Scan, str]) -> pd.DataFrame:
    why = [reasons.get(scan) for scan in index_scans(table)]
    out = np.array([reason is not None for reason in why])
    table = table.reset_index(drop=True)
    table.loc[out, list(_EMPTY)] = np.nan
    table.loc[out, "critical"] = None
    table.loc[out, "qc"] = NOT_ASSESSABLE
    remarks = [
        own if reason is None else (Remark(Gap.LEFT_OUT, f"left out: {reason}"),)
        for own, reason in zip(table[REMARKS], why, strict=True)
    ]
    return table.assign(remarks=pd.Series(remarks, index=table.index, dtype=object))


def _find_remarks(visits: pd.DataFrame, reference: StudyReference) -> dict[_Scan, Remark]:
    """Find scans of people whom the model has, or may have, seen in another scan."""
    held = set(index_scans(reference.held_out))
    seen = {person for person, _ in held}
    names: set[tuple[str, str]] = set()
    if reference.people is not None and reference.source != OWN:
        ids = "sub-" + reference.people["participant_id"].astype(str).str.removeprefix("sub-")
        names = set(zip(ids, reference.people["sex"].astype(str), strict=True))
    remarks = {}
    sexes = visits["sex"] if "sex" in visits else pd.Series("", index=visits.index)
    for scan, sex in zip(index_scans(visits), sexes, strict=True):
        if scan in held:
            continue
        if scan[0] in seen:
            remarks[scan] = _SEEN
        elif (scan[0], str(sex)) in names:
            remarks[scan] = _NAMESAKE
    return remarks


def _add_remarks(table: pd.DataFrame, remarks: dict[_Scan, Remark]) -> pd.DataFrame:
    """Add what is remarked of a scan to each of its scores."""
    of_scan = [remarks.get(scan) for scan in index_scans(table)]
    more = [one if known else None for one, known in zip(of_scan, table["z"].notna(), strict=True)]
    joined = [(*own, one) if one else own for own, one in zip(table[REMARKS], more, strict=True)]
    warned = np.array([one is not None for one in more])
    return table.assign(
        qc=table["qc"].where(~warned | (table["qc"] != PASS), WARN),
        remarks=pd.Series(joined, index=table.index, dtype=object),
    )
