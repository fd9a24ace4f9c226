"""What pages of scores by region have in common: the table that is read, and how much is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from npsle_app.bids.output.names import MEASURES_DIGEST, File
from npsle_app.bids.output.reader import measures_digest
from npsle_app.bids.output.writer import Writer
from npsle_app.bids.tables import read_table
from npsle_app.documents import read_json

_SHOWN_AT_ONCE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A session's scores and what is told of their number; stale ones are of other measures."""

    table: pd.DataFrame
    count: Mapping[str, Any]
    stale: bool


def read_scores(writer: Writer, file: File) -> Scores | None:
    """Read a session's scores; None where the group level wrote none."""
    path = writer.path(file)
    try:
        proof = read_json(path.with_suffix(".json"))
        table = read_table(path)
    except (OSError, ValueError):
        return None
    stale = proof.get(MEASURES_DIGEST) != measures_digest(writer)
    return Scores(table=table, count=proof.get("Count", {}), stale=stale)


def count_shown(n_outstanding: int) -> int:
    """Say how many rows stand on the page at once: all that stand out, and the largest others."""
    return max(_SHOWN_AT_ONCE, n_outstanding)


def write_score(value: Any, pattern: str) -> str:
    """Write a number with a minus sign, n/a where there is none."""
    return "n/a" if pd.isna(value) else pattern.format(float(value)).replace("-", "−")
