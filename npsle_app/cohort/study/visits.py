"""One row per participant and session, and the scans among them: the start of normative models."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from npsle_app.cohort.study.assembly import Cohort, assemble
from npsle_app.cohort.study.columns import CLINICAL
from npsle_app.cohort.study.joining import BASELINE, prefix_session, with_prefix
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import Tables

SCAN = ["participant_id", "session_id"]  # what tells a scan from all others
IS_BASELINE, YEARS = "is_baseline", "years"
_SECONDS_PER_YEAR = 365.25 * 86400
_EPOCH = pd.Timestamp(0, tz="UTC")


def list_visits(cohort: Cohort) -> pd.DataFrame:
    """List all sessions that were measured.

    What participants.tsv says of the baseline is not repeated at later sessions, but for
    levels (sex, group, site …), which stay; age grows with the dates of the sessions.

    Returns
    -------
    DataFrame
        The columns of the cohort, `session_id` ("" where there are none), `is_baseline`, and
        `years` since the baseline (0 there; NaN if not known). One row per session, in order of
        participants, the baseline first.
    """
    parts = [cohort.frame.assign(is_baseline=True)]
    parts += [_take(cohort.tables, cohort.study, label) for label in _later_labels(cohort)]
    every = pd.concat([part for part in parts if len(part)], ignore_index=True)
    every = every.rename(columns={BASELINE: "session_id"})
    every["session_id"] = every["session_id"].astype(object).fillna("")
    every = every[index_scans(every).isin(index_scans(cohort.tables.measures))]
    # of a session that is the baseline of some, theirs comes first and is kept
    visits = every[~every.duplicated(SCAN)].sort_values(
        ["participant_id", IS_BASELINE], ascending=[True, False], kind="stable", ignore_index=True
    )
    return _add_time(visits, cohort.tables.dates)


def index_scans(table: pd.DataFrame) -> pd.MultiIndex:
    """Return each row's participant and session, "" where it has none."""
    sessions = table["session_id"].astype(object).fillna("")
    return pd.MultiIndex.from_arrays([table["participant_id"], sessions], names=SCAN)


def none_if_blank(sessions: pd.Series) -> pd.Series:
    """Return the sessions as tables are written with them: None where there are none."""
    return sessions.astype(object).where(sessions != "", None)


def _later_labels(cohort: Cohort) -> list[str]:
    """List the sessions that are not everyone's baseline."""
    baseline = cohort.frame.rename(columns={BASELINE: "session_id"})
    others = index_scans(cohort.tables.measures).difference(index_scans(baseline))
    return sorted({session for _, session in others if session})


def _take(tables: Tables, study: Study, label: str) -> pd.DataFrame:
    """Assemble one session, with what may be said of it."""
    people = with_prefix(tables.participants, where="participants.tsv")
    visits = {
        name: rows[rows["session_id"].notna()]
        for name, table in tables.visits.items()
        if "session_id" in (rows := with_prefix(table, where=name))
    }
    told = {str(column) for table in visits.values() for column in table}
    lasting = [
        name
        for name in map(str, people)
        if name == "participant_id" or (_lasts(name, study) and name not in told)
    ]
    there = {*lasting, *told}
    own = replace(
        study,
        baseline_session=label,
        columns={name: theirs for name, theirs in study.columns.items() if theirs in there},
    )
    measures = tables.measures[
        tables.measures["session_id"].map(lambda one: prefix_session(one) == prefix_session(label))
    ]
    parts = replace(tables, participants=people[lasting], visits=visits, measures=measures)
    return assemble(parts, study=own).frame.assign(is_baseline=False)


def _lasts(theirs: str, study: Study) -> bool:
    """Say whether a column of participants.tsv holds at every session."""
    names = {given: name for name, given in study.columns.items()}
    name = names.get(theirs, theirs)
    asked = {column for one in study.populations.values() for column in one.where}
    level = name in CLINICAL and CLINICAL[name].kind == "category"
    return level or name in asked or name in study.exclusions.columns


def _add_time(visits: pd.DataFrame, dates: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    told = [dates.get(scan) for scan in index_scans(visits)]
    when = pd.Series(told, index=visits.index, dtype=object)
    when = pd.to_datetime(when, errors="coerce", format="ISO8601", utc=True)
    moment = (when - _EPOCH).dt.total_seconds() / _SECONDS_PER_YEAR
    years = moment - _at_baseline(visits, moment)
    if "age" not in visits:
        visits = visits.assign(age=np.nan)
    ages = visits["age"].astype(float)
    first_age = _at_baseline(visits, ages)
    years = years.fillna(ages - first_age).where(~visits[IS_BASELINE].astype(bool), 0.0)
    return visits.assign(years=years, age=ages.fillna(first_age + years))


def _at_baseline(visits: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Give each row the value of its participant's baseline."""
    first = values[visits[IS_BASELINE].astype(bool)]
    people = visits.loc[first.index, "participant_id"]
    return visits["participant_id"].map(pd.Series(first.to_numpy(), index=people))


def describe_scans(
    visits: pd.DataFrame, *, study: Study
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Lay out all scans for a normative model.

    Returns
    -------
    frame
        `participant_id` and `session_id`, `age`, `sex`, `tiv_ml`, `tbv_ml` and `site` where
        they are there, and the regions; volumes of excluded scans are there too.
    regions
        Those of the question that any scan has.
    notes
        What a reader must know of sites.

    Raises
    ------
    ValueError
        If no region or no TIV was measured.
    """
    asked = study.normative
    regions = tuple(
        name for name in asked.scored_regions if name in visits and visits[name].notna().any()
    )
    if not regions:
        msg = "no region was measured: run the participant level with its stage regions"
        raise ValueError(msg)
    if "tiv_ml" not in visits or visits["tiv_ml"].isna().all():
        msg = "no total intracranial volume was measured (tiv_ml), which every model needs"
        raise ValueError(msg)
    taken = [name for name in ("age", "sex", "tiv_ml", "tbv_ml", *regions) if name in visits]
    frame = visits[[*taken, *SCAN]]
    if "sex" not in frame:
        frame = frame.assign(sex=None)
    named = site_column(visits, study=study)
    if named is None:
        return frame, regions, (f"no column {' or '.join(asked.site)}: sites have no term",)
    return frame.assign(site=visits[named]), regions, ()


def site_column(visits: pd.DataFrame, *, study: Study) -> str | None:
    """Return the first of the study's columns of sites that is there; None if none is."""
    there = (name for name in study.normative.site if name in visits and visits[name].notna().any())
    return next(there, None)
