"""The clinical tables of a raw dataset: participants, visits, phenotypes, and their units."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from npsle_app.bids.input.participants import read_dictionary, read_participants
from npsle_app.bids.input.text_tables import TableForm, TextTable, read_text_table

_OWN = "npsle_app"  # our own measures, should the output folder be the dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalTables:
    """The tables of a dataset, every cell as text.

    Attributes
    ----------
    participants
        `participants.tsv`; only the column of ids if there is none.
    visits
        By file: all `sub-*_sessions.tsv` as one table, then each table in `phenotype/`.
    units
        The `Units` of columns in the JSON dictionaries beside them, participants first.
    dates
        When sessions were: `acq_time` of `sub-*_sessions.tsv` by both ids, where told.
    notes
        What was put right in reading.
    """

    participants: pd.DataFrame
    visits: dict[str, pd.DataFrame] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    dates: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_clinical(
    raw: Path, *, participants: Path | None = None, form: TableForm | None = None
) -> ClinicalTables:
    """Read the tables of a dataset.

    Parameters
    ----------
    participants
        A table in place of `participants.tsv`, which must then be there.
    form
        How that of the participants is written, where it does not tell by itself.

    Raises
    ------
    ValueError
        With the file, what was found in it and what to do.
    """
    source = participants or raw / "participants.tsv"
    people = (
        read_participants(source, form=form)
        if participants or source.is_file()
        else TextTable(frame=pd.DataFrame({"participant_id": []}, dtype=object))
    )
    visits: dict[str, TextTable] = {}
    dates: dict[tuple[str, str], str] = {}
    sessions = [_read_sessions(path) for path in sorted(raw.glob("sub-*/sub-*_sessions.tsv"))]
    if sessions:
        every = pd.concat([one.frame for one in sessions], ignore_index=True)
        dates = _list_dates(every)
        visits["sub-*_sessions.tsv"] = TextTable(
            frame=every.drop(columns=["acq_time"], errors="ignore"),
            notes=tuple(note for one in sessions for note in one.notes),
        )
    phenotypes = sorted(path for path in raw.glob("phenotype/*.tsv") if path.stem != _OWN)
    for path in phenotypes:
        visits[f"phenotype/{path.name}"] = read_text_table(path)
    dictionaries = [*(path.with_suffix(".json") for path in reversed(phenotypes))]
    dictionaries += [raw / "sessions.json", raw / "participants.json"]
    return ClinicalTables(
        participants=people.frame,
        visits={name: table.frame for name, table in visits.items()},
        units=_read_units(dictionaries),
        dates=dates,
        notes=tuple(note for table in (people, *visits.values()) for note in table.notes),
    )


def _list_dates(visits: pd.DataFrame) -> dict[tuple[str, str], str]:
    if "acq_time" not in visits:
        return {}
    known = visits.dropna(subset=["session_id", "acq_time"])
    columns = (known[name] for name in ("participant_id", "session_id", "acq_time"))
    return {
        (str(participant), f"ses-{str(session).removeprefix('ses-')}"): str(time)
        for participant, session, time in zip(*columns, strict=True)
    }


def _read_sessions(path: Path) -> TextTable:
    table = read_text_table(path)
    if "session_id" not in table.frame:
        msg = f"{path} has no column session_id, found {list(table.frame.columns)}"
        raise ValueError(msg)
    frame = table.frame.assign(participant_id=path.parent.name)
    return TextTable(frame=frame, notes=table.notes)


def _read_units(dictionaries: list[Path]) -> dict[str, str]:
    units: dict[str, str] = {}
    for path in dictionaries:
        for name, told in read_dictionary(path).items():
            if isinstance(told, dict) and isinstance(told.get("Units"), str):
                units[name] = told["Units"]
    return units
