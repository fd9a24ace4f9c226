"""Read a table: tabs, no quotes, missing cells as NaN."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def read_table(
    path: Path, *, missing: Sequence[str] = ("n/a",), text: bool = False
) -> pd.DataFrame:
    """Read a table, numbers as numbers unless all is `text`; cells with one of `missing` are NaN.

    The defaults are for what `write_tsv` wrote.
    """
    return pd.read_csv(
        path,
        sep="\t",
        dtype=str if text else None,
        keep_default_na=False,
        na_values=list(missing),
        quoting=3,
        encoding="utf-8-sig",  # as spreadsheets save it
        low_memory=False,  # else the type of a long column is guessed piece by piece
    )


def read_texts(path: Path) -> pd.DataFrame:
    """Read a table that people wrote: every cell as text, NaN where it is `n/a` or empty."""
    return read_table(path, missing=("n/a", ""), text=True)
