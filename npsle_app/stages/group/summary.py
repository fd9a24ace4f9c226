"""What the group stages write alike: a table with its dictionary, and an analysis in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.writer import write_json, write_tsv

if TYPE_CHECKING:
    from pandas import DataFrame

    from npsle_app.cohort.statistics.analyses import Analysis


def write_table(
    output_dir: Path, name: str, table: "DataFrame", *, dictionary: Mapping[str, Any]
) -> Path:
    """Write a table of `GroupFile`, called by its name in small letters."""
    path = output_dir / GroupFile[name.upper()].path
    write_tsv(path, table)
    write_json(path.with_suffix(".json"), dictionary)
    return path


def describe(analysis: "Analysis", *, figures: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return what the page shows of an analysis: its words, and where tables and figures lie."""
    from npsle_app.cohort.statistics.statements import count_not_estimable, list_not_estimable

    tables = list(analysis.tables.values())
    said = asdict(analysis.statement)
    return {
        "name": analysis.name,
        "title": analysis.title,
        "tables": {name: GroupFile[name.upper()].path for name in analysis.tables},
        "figures": list(figures),
        "not_estimable": count_not_estimable(tables),
        "reasons": list_not_estimable(tables),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in said.items()},
    }
