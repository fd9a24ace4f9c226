"""The table of participants of the output, made from that of the input."""

from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.input.text_tables import ID, TableForm, TextTable, read_text_table
from npsle_app.documents import read_json
from npsle_app.participant_ids import match_ids

_ID = {"participant_id": {"Description": "Participant"}}


def participants_table(
    output_dir: Path, *, raw: Path | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the participants with a folder in the output, and the data dictionary.

    Columns are those of the raw `participants.tsv`, as text; a participant whom it lacks has
    missing values. Without that file there are only the ids.

    Raises
    ------
    ValueError
        If the raw table names a participant twice or has no ids.
    """
    present = sorted(path.name for path in output_dir.glob("sub-*") if path.is_dir())
    people = pd.DataFrame({"participant_id": present}, dtype=object)
    source = raw / "participants.tsv" if raw else None
    if source is None or not source.is_file():
        return people, _ID
    table = _by_folder(read_participants(source).frame, folders=present, path=source)
    merged = people.merge(table, how="left", on="participant_id")
    known = read_dictionary(source.with_suffix(".json"))
    meanings = {
        name: known.get(name, {"Description": f"{name}, as in the raw dataset"})
        for name in merged.columns
    }
    return merged, meanings | (_ID if "participant_id" not in known else {})


def _by_folder(table: pd.DataFrame, *, folders: list[str], path: Path) -> pd.DataFrame:
    """Call participants as their folders are called; rows without an id are left out."""
    named = table[table[ID].notna()]
    matched = match_ids(named[ID], known=folders, where=path.name).ids
    named = named.assign(**{ID: named[ID].map(matched)})
    twice = named[ID][named[ID].duplicated()]
    if len(twice):
        msg = f"{path} names {twice.iloc[0]} twice; each participant may have one row"
        raise ValueError(msg)
    return named


def linked_dataset(output_dir: Path, *, name: str) -> Path | None:
    """Return the folder that the output's `DatasetLinks` has under a name; None if it has none.

    A link that is no path on this machine counts as none.
    """
    links = read_dictionary(output_dir / "dataset_description.json").get("DatasetLinks")
    target = links.get(name) if isinstance(links, dict) else None
    folder = output_dir / target if isinstance(target, str) else None
    return folder if folder and folder.is_dir() else None


def linked_datasets(output_dir: Path) -> dict[str, Path]:
    """Return all folders that the output's `DatasetLinks` name and that are there."""
    links = read_dictionary(output_dir / "dataset_description.json").get("DatasetLinks")
    names = links if isinstance(links, dict) else {}
    found = {str(name): linked_dataset(output_dir, name=str(name)) for name in names}
    return {name: folder for name, folder in found.items() if folder is not None}


def read_participants(path: Path, *, form: TableForm | None = None) -> TextTable:
    """Read a `participants.tsv`, or what stands in its place: all cells text, missing ones None.

    Raises
    ------
    ValueError
        If it has no ids.
    """
    table = read_text_table(path, form=form)
    if ID not in table.frame:
        msg = (
            f"{path} has no column {ID}, found {list(table.frame.columns)}: "
            "name the column of ids so"
        )
        raise ValueError(msg)
    return table


def read_dictionary(path: Path) -> dict[str, Any]:
    """Read the JSON dictionary of a table; empty if there is none.

    Raises
    ------
    ValueError
        If it is no readable JSON.
    """
    if not path.exists():
        return {}
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        msg = f"{path} is no readable JSON: {error}"
        raise ValueError(msg) from error
    return content if isinstance(content, dict) else {}
