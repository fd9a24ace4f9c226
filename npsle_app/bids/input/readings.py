"""What the readers of the reading room said, reader by reader: from it follows their agreement."""

from pathlib import Path

import pandas as pd

from npsle_app.bids.tables import read_texts

_KEYS = ["participant_id", "session_id", "rater"]
JUDGEMENTS = [*_KEYS, "item", "judgement"]
LESIONS = [*_KEYS, "i", "j", "k", "voxels", "volume_ml", "decision"]
THRESHOLDS = [*_KEYS, "threshold", "volume_ml"]


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
