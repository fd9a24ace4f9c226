"""What people said of the figures: the tables that the report's form saves.

They lie in `qc/*.tsv` of the output dataset, one file per session and rater or several
in one, with the columns `participant_id`, `session_id`, `rater`, `rating`, `exclude`,
`stages` and `comment`. Those of the reading room have a row per scan and map, and name single
measures that are not to be used in `measures`; what it says of single lesions and of thresholds
lies in `qc/readings/`. From what each reader said follows their agreement.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.bids.tables import read_texts

RATINGS = ("good", "acceptable", "exclude")  # the worst last
_KEYS = ["participant_id", "session_id", "rater"]
JUDGEMENTS = [*_KEYS, "item", "judgement"]
LESIONS = [*_KEYS, "i", "j", "k", "voxels", "volume_ml", "decision"]
THRESHOLDS = [*_KEYS, "threshold", "volume_ml"]
_READ = ("participant_id", "session_id", "rating", "exclude", "stages", "measures")

RATING_COLUMNS: dict[str, Mapping[str, Any]] = {
    "qc_rating": {
        "Description": "Rating given in the report's form; the worst if there are several",
        "Levels": {
            "good": "nothing to object to",
            "acceptable": "flaws that should not move the numbers much",
            "exclude": "not to be used",
        },
    },
    "qc_exclude": {
        "Description": "Whether a rater excludes the session",
        "Levels": {"yes": "at least one rater excludes it", "no": "no rater excludes it"},
    },
    "qc_stages": {"Description": "Stages that a rater marked as not to be used, comma-separated"},
    "qc_measures": {
        "Description": "Single measures that a rater marked as not to be used, comma-separated"
    },
}


def read_ratings(folder: Path) -> pd.DataFrame:
    """Read all tables of ratings; one row per session, several raters merged.

    Returns
    -------
    DataFrame
        `participant_id`, `session_id` (missing where there are no sessions), `qc_rating`,
        `qc_exclude`, `qc_stages` and `qc_measures`; no rows if the folder is empty or absent.

    Raises
    ------
    ValueError
        If a table lacks a column or holds a rating that does not exist.
    """
    columns = ["participant_id", "session_id", *RATING_COLUMNS]
    tables = [_read(path) for path in sorted(folder.glob("*.tsv"))]
    if not tables:
        return pd.DataFrame(columns=columns, dtype=object)
    ratings = pd.concat(tables, ignore_index=True)
    rows = [
        (*keys, _worst(rows), _excluded(rows), _named(rows["stages"]), _named(rows["measures"]))
        for keys, rows in ratings.groupby(["participant_id", "session_id"], dropna=False)
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)  # sessions may all be missing


def _read(path: Path) -> pd.DataFrame:
    table = read_texts(path)
    missing = {"participant_id", "rating"} - set(table)
    if missing:
        msg = f"{path} lacks the columns {sorted(missing)}; save it again from the report's form"
        raise ValueError(msg)
    wrong = sorted(set(table["rating"].dropna()) - set(RATINGS))
    if wrong:
        msg = f"{path} has the ratings {wrong}, known are {list(RATINGS)}"
        raise ValueError(msg)
    table["participant_id"] = "sub-" + table["participant_id"].str.removeprefix("sub-")
    table = table.reindex(columns=list(_READ))
    table["session_id"] = "ses-" + table["session_id"].str.removeprefix("ses-")
    return table


def _worst(rows: pd.DataFrame) -> str | None:
    return max(rows["rating"].dropna(), key=RATINGS.index, default=None)


def _excluded(rows: pd.DataFrame) -> str:
    said = (rows["rating"] == "exclude") | (rows["exclude"] == "yes")
    return "yes" if said.any() else "no"


def _named(cells: "pd.Series[str]") -> str | None:
    named = {name.strip() for text in cells.dropna() for name in text.split(",")}
    return ",".join(sorted(named)) or None


def read_judgements(folder: Path) -> pd.DataFrame:
    """Read the judgements of all readers, a row per session, reader and item.

    Tables without items, as the form of the participant's page saves them, add nothing.
    """
    table = _gather(folder, "*_qc.tsv", columns=JUDGEMENTS)
    return table.dropna(subset=["rater", "item", "judgement"]).reset_index(drop=True)


def read_lesion_decisions(folder: Path) -> pd.DataFrame:
    """Read the decisions on single lesions, a row per session, reader and lesion.

    `decision` is missing where a reader left a lesion open.
    """
    table = _gather(folder / "readings", "*_lesions.tsv", columns=LESIONS)
    numbers = ["voxels", "volume_ml"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table.dropna(subset=["rater", "volume_ml"]).reset_index(drop=True)


def read_thresholds(folder: Path) -> pd.DataFrame:
    """Read the thresholds that readers chose, a row per session and reader."""
    table = _gather(folder / "readings", "*_threshold.tsv", columns=THRESHOLDS)
    numbers = ["threshold", "volume_ml"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table.dropna(subset=["rater", "threshold"]).reset_index(drop=True)


def _gather(folder: Path, pattern: str, *, columns: list[str]) -> pd.DataFrame:
    tables = [read_texts(path).reindex(columns=columns) for path in sorted(folder.glob(pattern))]
    gathered = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return gathered.astype(object).assign(session_id=gathered["session_id"].fillna(""))
