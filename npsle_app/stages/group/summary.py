"""What the group stages do alike: tables, figures, analyses in words, and clearing up before."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.output.writer import write_json, write_tsv, write_vector_figure
from npsle_app.group_tables import group_files, group_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from npsle_app.cohort.statistics.analyses import Analysis

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


def clear(output_dir: Path, stage: str) -> None:
    """Take away what an earlier run of a stage left: its own files and figures, nothing else."""
    for file in GroupFile:
        if file.stage == stage:
            for path in (output_dir / file.path, (output_dir / file.path).with_suffix(".json")):
                path.unlink(missing_ok=True)
    for pattern in group_files()[stage].figures:
        for old in (output_dir / GROUP_FIGURES).glob(f"{pattern}.*"):
            old.unlink()


def write_table(
    output_dir: Path,
    file: GroupFile,
    table: "DataFrame",
    *,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write a table and its dictionary.

    Parameters
    ----------
    known
        Entries of the dictionary for columns that are the study's own.
    more
        What else the dictionary says, of the table as a whole.

    Raises
    ------
    ValueError
        If a column is described neither in `data/group_tables.toml` nor in `known`.
    """
    path = output_dir / file.path
    dictionary = group_tables()[file.value].explain(map(str, table.columns), known=known)
    write_tsv(path, table)
    write_json(path.with_suffix(".json"), {**dictionary, **(more or {})})
    return path


def save_figure(
    output_dir: Path, name: str, figure: "Figure", *, stage: str, caption: str
) -> dict[str, str]:
    """Save a figure as SVG and PDF; return `path` from the output's root, and `caption`.

    Raises
    ------
    ValueError
        If the stage has no figure of this name: it would not take it away again.
    """
    safe = _UNSAFE.sub("-", name).strip("-")
    if not group_files()[stage].draws(safe):
        msg = f"group_tables.toml has no figure {safe} of the stage {stage}"
        raise ValueError(msg)
    path = f"{GROUP_FIGURES}/{safe}.svg"
    write_vector_figure(output_dir / path, figure)
    return {"path": path, "caption": caption}


def describe(analysis: "Analysis", *, figures: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return what the page shows of an analysis: its words, and where tables and figures lie."""
    from npsle_app.cohort.statistics.statements import count_not_estimable, list_not_estimable

    tables = list(analysis.tables.values())
    said = asdict(analysis.statement)
    return {
        "name": analysis.name,
        "title": analysis.title,
        "tables": {name: GroupFile(name).path for name in analysis.tables},
        "figures": list(figures),
        "not_estimable": count_not_estimable(tables),
        "reasons": list_not_estimable(tables),
        **{key: list(value) if isinstance(value, tuple) else value for key, value in said.items()},
    }
