"""From one row per number to one row per visit or person."""

import re
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from npsle_app.measures import MEASURES
from npsle_app.session_order import SessionOrder, order_sessions

Dates: TypeAlias = Mapping[tuple[str, str], str]

KEYS = ["participant_id", "session_id"]
METHOD = "measured_by"
SOFTWARE = "fs_measured_by"  # which program measured what was imported
GIVEN = "tissue_given_by"  # whose brain mask and tissues grey matter rests on
OWN = "npsle_app"
_OF_LESIONS = "lesions of "  # which correct single people, and are told by their measures
WITH_T1W, ALONE = "T1w", "FLAIR alone"
OF_FLAIR_ALONE = "_flair"  # how the stages end that make do without T1w


def pivot(long: pd.DataFrame) -> pd.DataFrame:
    """Turn one row per number into one row per participant and session.

    Parameters
    ----------
    long
        Columns `participant_id`, `session_id` (missing where there are no sessions),
        `measure`, `value` and `qc`.

    Returns
    -------
    DataFrame
        The keys, a column per measure in the order of `npsle_app.measures`, then one named
        `<measure>_qc` for each. A measure that no one has gets no column. Rows go by
        participant and session, numbers inside the labels by size (`ses-2` before `ses-10`).

    Raises
    ------
    ValueError
        If a measure is unknown, or given twice for one session.
    """
    given = set(long["measure"])
    unknown = sorted(given - set(MEASURES))
    if unknown:
        msg = f"no measure is called {unknown}: another version wrote them, run it again"
        raise ValueError(msg)
    twice = long[long.duplicated([*KEYS, "measure"])]
    if len(twice):
        msg = f"given twice for one session: {twice[[*KEYS, 'measure']].iloc[0].to_dict()}"
        raise ValueError(msg)
    names = [name for name in MEASURES if name in given]
    filled = long.assign(session_id=long["session_id"].fillna(""))
    values = _spread(filled, "value", names).apply(_whole)
    states = _spread(filled, "qc", names).add_suffix("_qc")
    wide = pd.concat([values, states], axis=1).reset_index()
    wide["session_id"] = wide["session_id"].replace("", None)
    return in_order(wide)


def add_method(wide: pd.DataFrame, *, stages: pd.DataFrame) -> pd.DataFrame:
    """Say of each row whether its head was measured by T1w or by FLAIR alone.

    Parameters
    ----------
    wide
        As `pivot` returns it.
    stages
        The keys and `stage`, a row per number.

    Returns
    -------
    DataFrame
        With the column `measured_by` after the keys; as it came where nobody was measured by
        FLAIR alone.
    """
    alone = stages[stages["stage"].str.endswith(OF_FLAIR_ALONE)]
    units = set(alone[KEYS].fillna("").itertuples(index=False, name=None))
    if not units:
        return wide
    keys = wide[KEYS].fillna("").itertuples(index=False, name=None)
    told = wide.copy()
    told.insert(len(KEYS), METHOD, [ALONE if key in units else WITH_T1W for key in keys])
    return told


def add_software(wide: pd.DataFrame, *, long: pd.DataFrame) -> pd.DataFrame:
    """Say of each row which program, in which version, measured what was imported.

    Parameters
    ----------
    wide
        As `pivot` returns it.
    long
        The keys and `software`, empty where the app itself measured; a row per number.

    Returns
    -------
    DataFrame
        With the column `fs_measured_by` after the keys; as it came where nothing was imported.
    """
    told = long[long["software"].fillna("") != ""]
    if told.empty:
        return wide
    keys = told[KEYS].fillna("").itertuples(index=False, name=None)
    of_unit = dict(zip(keys, told["software"], strict=True))
    units = wide[KEYS].fillna("").itertuples(index=False, name=None)
    named = wide.copy()
    named.insert(len(KEYS), SOFTWARE, pd.Series([of_unit.get(one) for one in units], dtype=object))
    return named


def add_given(wide: pd.DataFrame, *, long: pd.DataFrame) -> pd.DataFrame:
    """Say of each row whose brain mask and tissues its volumes rest on.

    Parameters
    ----------
    wide
        As `pivot` returns it.
    long
        The keys, `measure` and `given_by`, empty where it is the app's own; a row per number.

    Returns
    -------
    DataFrame
        With the column `tissue_given_by` after the keys, `npsle_app` where nothing was given; as
        it came where nothing was given to anyone.
    """
    grey = long[long["measure"] == "gm_ml"]
    parts = grey["given_by"].fillna("").astype(str).str.split("; ")
    told = parts.map(lambda one: "; ".join(p for p in one if p and not p.startswith(_OF_LESIONS)))
    if not told.any():
        return wide
    keys = grey[KEYS].fillna("").itertuples(index=False, name=None)
    of_unit = dict(zip(keys, told.where(told != "", OWN), strict=True))
    units = wide[KEYS].fillna("").itertuples(index=False, name=None)
    named = wide.copy()
    named.insert(len(KEYS), GIVEN, pd.Series([of_unit.get(one) for one in units], dtype=object))
    return named


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by their keys as people count: `ses-2` before `ses-10`."""
    keys = [key for key in KEYS if key in table]
    return table.sort_values(keys, key=lambda labels: labels.map(_counting)).reset_index(drop=True)


def baseline(wide: pd.DataFrame, *, dates: Dates | None = None) -> pd.DataFrame:
    """Keep the first session of each participant; nobody whose order of sessions is not known."""
    order = first_sessions(wide, dates=dates or {})
    people = [str(who) for who in wide["participant_id"]]
    first = [order[who].labels[0] if who in order else "" for who in people]
    known = [who not in order or order[who].known for who in people]
    labels = wide["session_id"].fillna("").astype(str).str.removeprefix("ses-")
    kept = wide[(labels == first).to_numpy() & np.array(known, dtype=bool)]
    return in_order(kept).drop_duplicates("participant_id").reset_index(drop=True)


def first_sessions(rows: pd.DataFrame, *, dates: Dates) -> dict[str, SessionOrder]:
    """Put the labelled sessions of each participant in order; those without labels are left out.

    Parameters
    ----------
    rows
        With the columns of `KEYS`, labels with `ses-`.
    dates
        `acq_time` by participant and session.
    """
    labelled = in_order(rows[KEYS].dropna().drop_duplicates())
    found = {}
    for participant, sessions in labelled.groupby("participant_id")["session_id"]:
        labels = [str(one).removeprefix("ses-") for one in sessions]
        own = {label: dates.get((str(participant), f"ses-{label}")) for label in labels}
        found[str(participant)] = order_sessions(labels, dates=own)
    return found


def outliers(values: pd.Series, *, reach: float = 3.0) -> pd.Series:
    """Say which values lie more than `reach` quartile ranges outside the quartiles.

    Missing values and samples of fewer than five have no outliers.

    Examples
    --------
    >>> outliers(pd.Series([1.0, 2, 3, 4, 5, 60])).tolist()
    [False, False, False, False, False, True]
    """
    low, high = values.quantile(0.25), values.quantile(0.75)
    far = (values < low - reach * (high - low)) | (values > high + reach * (high - low))
    return far & (values.count() >= 5)


def list_outliers(wide: pd.DataFrame) -> pd.DataFrame:
    """List the values that are outliers of the study: keys, `measure`, `value`, by measure.

    `wide` has the keys and a column per measure; others are left out.
    """
    numbers = wide[[name for name in MEASURES if name in wide]].astype(float)
    measure, row = numbers.apply(outliers).to_numpy(bool).T.nonzero()
    values = {
        "measure": numbers.columns.to_numpy()[measure],
        "value": numbers.to_numpy()[row, measure],
    }
    return pd.DataFrame({key: wide[key].to_numpy()[row] for key in KEYS} | values)


def _spread(long: pd.DataFrame, column: str, names: list[str]) -> pd.DataFrame:
    return long.pivot_table(
        index=KEYS, columns="measure", values=column, aggfunc="first", dropna=False
    )[names].loc[pd.MultiIndex.from_frame(long[KEYS].drop_duplicates())]


def _whole(values: pd.Series) -> pd.Series:
    """Make counts whole numbers; missing ones stay missing."""
    counted = MEASURES[str(values.name)].unit == "1" and (values.dropna() % 1 == 0).all()
    return values.astype("Int64") if counted else values


def _counting(label: object) -> tuple[tuple[int, int | str], ...]:
    parts = re.findall(r"\d+|\D+", label) if isinstance(label, str) else []
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts)
