"""Join the tables of a study at one session per participant."""

import re
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from npsle_app.cohort.study.cells import each
from npsle_app.cohort.study.measures import KEYS, Dates, first_sessions
from npsle_app.participant_ids import clean_id
from npsle_app.session_order import SessionOrder

BASELINE = "baseline_session"


def with_prefix(table: pd.DataFrame, *, where: str) -> pd.DataFrame:
    if "participant_id" not in table:
        msg = f"{where} has no column participant_id, found {list(table.columns)}"
        raise ValueError(msg)
    table = table.assign(participant_id=table["participant_id"].map(clean_id))
    if "session_id" in table:
        table = table.assign(session_id=each(table["session_id"], prefix_session))
    return table.reset_index(drop=True)


def prefix_session(label: object) -> str | None:
    text = re.sub(r"^ses-", "", str(label).strip(), flags=re.IGNORECASE) if label else ""
    return f"ses-{text}" if text else None


def refuse_twice(table: pd.DataFrame, *, keys: list[str], where: str) -> None:
    if (twice := table[keys][table.duplicated(keys)]).size:
        named = " ".join(str(value) for value in twice.iloc[0] if value is not None)
        msg = f"{where} names {named} twice; each may have one row"
        raise ValueError(msg)


def choose_baseline(
    people: pd.DataFrame,
    *,
    visits: Mapping[str, pd.DataFrame],
    measures: pd.DataFrame,
    dates: Dates,
    wanted: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Name each participant's baseline session: the first measured, else the first told of.

    None where dates and labels do not tell which is the first. The notes say what orders rest
    on the words of labels, and which are not known.
    """
    rows = measures[KEYS].assign(rank=0)
    told = [table[KEYS].assign(rank=1) for table in visits.values() if "session_id" in table]
    every = pd.concat([rows, *told], ignore_index=True).astype({"session_id": object})
    if wanted:
        every = every[every["session_id"] == prefix_session(wanted)]
    best = every["rank"] == every.groupby("participant_id")["rank"].transform("min")
    orders = first_sessions(every[best], dates=dates)
    first = {who: f"ses-{one.labels[0]}" if one.known else None for who, one in orders.items()}
    known = list(people["participant_id"])
    others = sorted(set(measures["participant_id"]) - set(known))
    ids = [*known, *others]
    found = pd.Series([first.get(one) for one in ids], dtype=object)
    return pd.DataFrame({"participant_id": ids, BASELINE: found}, dtype=object), _say(orders)


def _say(orders: Mapping[str, SessionOrder]) -> list[str]:
    counts = Counter(order.note for order in orders.values() if order.note)
    ask = "; or name the first as baseline_session in the study file"
    unknown = {order.note for order in orders.values() if not order.known}
    return [
        f"{note}{ask if note in unknown else ''} ({count} participants)"
        for note, count in sorted(counts.items())
    ]


def join_visits(
    people: pd.DataFrame, *, visits: Mapping[str, pd.DataFrame], sessions: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    keys = sessions["participant_id"]
    joined = people.set_index("participant_id").reindex(keys).reset_index(drop=True)
    origin = dict.fromkeys(map(str, joined.columns), "participants.tsv")
    notes: list[str] = []
    for name, table in visits.items():
        rows, told = _at_baseline(table, sessions, name=name)
        notes += told
        for column in map(str, rows):
            if column not in joined:
                joined[column] = rows[column]
                origin[column] = name
            elif differ := _count_differences(joined[column], rows[column]):
                notes.append(
                    f"{column} differs in {origin[column]} and {name} for {differ} participants: "
                    f"that of {origin[column]} is used"
                )
    return joined, notes


def _at_baseline(
    table: pd.DataFrame, sessions: pd.DataFrame, *, name: str
) -> tuple[pd.DataFrame, list[str]]:
    """Take each participant's row of the baseline session, or the only one without session."""
    notes = []
    if strangers := sorted(set(table["participant_id"]) - set(sessions["participant_id"])):
        notes.append(
            f"{name} has {len(strangers)} participants that are not in participants.tsv "
            f"({', '.join(strangers[:3])}): not used"
        )
    if "session_id" in table:
        by = table["session_id"].isna()
        chosen = pd.MultiIndex.from_frame(sessions[["participant_id", BASELINE]])
        at = pd.MultiIndex.from_frame(table[KEYS]).isin(chosen)
        table = table[by | at].sort_values("session_id", na_position="last", kind="stable")
        table = table.drop_duplicates("participant_id").drop(columns="session_id")
    rows = table.set_index("participant_id").reindex(sessions["participant_id"])
    return rows.reset_index(drop=True), notes


def _count_differences(one: pd.Series, other: pd.Series) -> int:
    both = one.notna() & other.notna()
    return int((one[both].astype(str) != other[both].astype(str)).sum())
