"""The table of participants of the output, made from that of the input."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.bids.tables import read_texts

if TYPE_CHECKING:
    from pandas import DataFrame

_ID = {"participant_id": {"Description": "Participant"}}


def participants_table(output_dir: Path, *, raw: Path | None) -> "tuple[DataFrame, dict[str, Any]]":
    """Return the participants with a folder in the output, and the data dictionary.

    Columns are those of the raw `participants.tsv`, as text; a participant whom it lacks has
    missing values. Without that file there are only the ids.

    Raises
    ------
    ValueError
        If the raw table names a participant twice or has no ids.
    """
    import pandas as pd

    present = sorted(path.name for path in output_dir.glob("sub-*") if path.is_dir())
    people = pd.DataFrame({"participant_id": present}, dtype=object)
    source = raw / "participants.tsv" if raw else None
    if source is None or not source.is_file():
        return people, _ID
    table = read_participants(source)
    merged = people.merge(table, how="left", on="participant_id")
    known = read_dictionary(source.with_suffix(".json"))
    meanings = {
        name: known.get(name, {"Description": f"{name}, as in the raw dataset"})
        for name in merged.columns
    }
    return merged, meanings | (_ID if "participant_id" not in known else {})


def linked_dataset(output_dir: Path, *, name: str) -> Path | None:
    """Return the folder that the output's `DatasetLinks` has under a name; None if it has none.

    A link that is no path on this machine counts as none.
    """
    links = read_dictionary(output_dir / "dataset_description.json").get("DatasetLinks")
    target = links.get(name) if isinstance(links, dict) else None
    folder = output_dir / target if isinstance(target, str) else None
    return folder if folder and folder.is_dir() else None


def read_participants(path: Path) -> "DataFrame":
    """Read a `participants.tsv`: all cells as text, missing ones NaN, ids with `sub-`.

    Raises
    ------
    ValueError
        If it has no ids, or names a participant twice.
    """
    table = read_texts(path)
    if "participant_id" not in table:
        msg = f"{path} has no column participant_id, found {list(table.columns)}"
        raise ValueError(msg)
    table["participant_id"] = "sub-" + table["participant_id"].str.removeprefix("sub-")
    twice = table["participant_id"][table["participant_id"].duplicated()]
    if len(twice):
        msg = f"{path} names {twice.iloc[0]} twice; each participant may have one row"
        raise ValueError(msg)
    return table


def read_dictionary(path: Path) -> dict[str, Any]:
    """Read the JSON dictionary of a table; empty if there is none.

    Raises
    ------
    ValueError
        If it is no readable JSON.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is no readable JSON: {error}"
        raise ValueError(msg) from error
    return content if isinstance(content, dict) else {}
