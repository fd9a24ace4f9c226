"""The clinical tables of a raw dataset: participants, visits, phenotypes, and their units."""

from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.bids.input.participants import read_dictionary, read_participants
from npsle_app.bids.tables import read_texts

if TYPE_CHECKING:
    from pandas import DataFrame

_OWN = "npsle_app"  # our own measures, should the output folder be the dataset


def read_clinical(
    raw: Path,
) -> "tuple[DataFrame, dict[str, DataFrame], dict[str, str]]":
    """Read the tables of a dataset, every cell as text.

    Returns
    -------
    participants
        `participants.tsv`; only the column of ids if there is none.
    visits
        By file: all `sub-*_sessions.tsv` as one table, then each table in `phenotype/`.
    units
        The `Units` of columns in the JSON dictionaries beside them, participants first.
    """
    import pandas as pd

    source = raw / "participants.tsv"
    people = (
        read_participants(source)
        if source.is_file()
        else pd.DataFrame({"participant_id": []}, dtype=object)
    )
    visits = {}
    sessions = [_read_sessions(path) for path in sorted(raw.glob("sub-*/sub-*_sessions.tsv"))]
    if sessions:
        visits["sub-*_sessions.tsv"] = pd.concat(sessions, ignore_index=True)
    phenotypes = sorted(path for path in raw.glob("phenotype/*.tsv") if path.stem != _OWN)
    for path in phenotypes:
        visits[f"phenotype/{path.name}"] = read_texts(path)
    dictionaries = [*(path.with_suffix(".json") for path in reversed(phenotypes))]
    dictionaries += [raw / "sessions.json", raw / "participants.json"]
    return people, visits, _read_units(dictionaries)


def read_dates(raw: Path) -> dict[tuple[str, str], str]:
    """Read when sessions were: `acq_time` of `sub-*_sessions.tsv` by both ids, where told."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(raw.glob("sub-*/sub-*_sessions.tsv")):
        table = read_texts(path)
        if {"session_id", "acq_time"} <= set(table):
            known = table.dropna(subset=["session_id", "acq_time"])
            for session, time in zip(known["session_id"], known["acq_time"], strict=True):
                found[path.parent.name, f"ses-{str(session).removeprefix('ses-')}"] = str(time)
    return found


def _read_sessions(path: Path) -> "DataFrame":
    table = read_texts(path)
    if "session_id" not in table:
        msg = f"{path} has no column session_id, found {list(table.columns)}"
        raise ValueError(msg)
    return table.drop(columns=["acq_time"], errors="ignore").assign(participant_id=path.parent.name)


def _read_units(dictionaries: list[Path]) -> dict[str, str]:
    units: dict[str, str] = {}
    for path in dictionaries:
        for name, told in read_dictionary(path).items():
            if isinstance(told, dict) and isinstance(told.get("Units"), str):
                units[name] = told["Units"]
    return units
