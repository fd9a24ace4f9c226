"""What the group stages share: the study and its tables as they start, results as they end.

A stage reads a `Cohort`, computes, and writes tables, drawings and a summary; of what an earlier
run left it takes away its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pandas import DataFrame

from npsle_app.bids.input.participants import linked_dataset, read_participants
from npsle_app.bids.input.study_tables import ClinicalTables, read_clinical
from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.output.writer import write_json, write_tsv, write_vector_figure
from npsle_app.bids.tables import read_table
from npsle_app.cohort.statistics.analyses import Analysis
from npsle_app.cohort.statistics.statements import count_not_estimable, list_not_estimable
from npsle_app.cohort.study.assembly import Cohort, assemble, check_typed
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import Tables
from npsle_app.documents import read_toml
from npsle_app.group_tables import group_files, group_tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # asks for its settings when it is imported

MEASURES_FILE = "npsle_app_measures.tsv"
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


def read_study(study_file: str) -> Study:
    """Read a study file; without one, the analyses of the papers.

    Raises
    ------
    ValueError
        With the file, what was found in it and what there is.
    """
    if not study_file:
        return DEFAULT_STUDY
    try:
        content = read_toml(Path(study_file))
    except (OSError, ValueError) as error:
        msg = f"cannot read the study file {study_file}: {error}"
        raise ValueError(msg) from error
    try:
        return parse_study(content)
    except ValueError as error:
        msg = f"{study_file}: {error}"
        raise ValueError(msg) from error


def read_tables(
    output_dir: Path, *, raw: Path | None = None, measures: DataFrame | None = None
) -> Tables:
    """Read the clinical tables of a study and its measures.

    Parameters
    ----------
    raw
        The dataset with the clinical tables; else that which the output links to as `raw`.
    measures
        One row per participant and session; else what the stage `measures` wrote.

    Raises
    ------
    ValueError
        If a table cannot be read.
    """
    clinical = _read_clinical(output_dir, raw or linked_dataset(output_dir, name="raw"))
    return Tables(
        participants=clinical.participants,
        measures=read_table(output_dir / MEASURES_FILE) if measures is None else measures,
        visits=clinical.visits,
        units=clinical.units,
        notes=clinical.notes,
        dates=clinical.dates,
    )


def read_cohort(output_dir: Path, *, study_file: str, raw: Path | None = None) -> Cohort:
    """Read study file and tables, and join these to one row per participant.

    Raises
    ------
    ValueError
        If a table names someone twice, or the study file asks for what no table has.
    """
    return assemble_cohort(read_tables(output_dir, raw=raw), study_file=study_file)


def assemble_cohort(tables: Tables, *, study_file: str) -> Cohort:
    """Join tables that were read before, as `read_cohort` does."""
    cohort = assemble(tables, study=read_study(study_file))
    if study_file:
        check_typed(cohort)
    return cohort


def _read_clinical(output_dir: Path, raw: Path | None) -> ClinicalTables:
    if raw is None:
        # the raw dataset is elsewhere: what the output copied of it is all that is known
        return ClinicalTables(participants=read_participants(output_dir / "participants.tsv").frame)
    return read_clinical(raw)


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
    table: DataFrame,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure with its name and what stands below it; a `wide` one takes the whole page."""

    name: str
    figure: "Figure"
    caption: str
    wide: bool = False


def save_drawings(
    output_dir: Path, drawings: Iterable[Drawing], *, stage: str
) -> list[dict[str, str]]:
    """Save each as SVG and PDF; return `path` from the output's root, `caption` and `width`.

    Raises
    ------
    ValueError
        If the stage has no figure of this name: it would not take it away again.
    """
    return [_save(output_dir, drawing, stage=stage) for drawing in drawings]


def _save(output_dir: Path, drawing: Drawing, *, stage: str) -> dict[str, str]:
    name = _UNSAFE.sub("-", drawing.name).strip("-")
    if not group_files()[stage].draws(name):
        msg = f"group_tables.toml has no figure {name} of the stage {stage}"
        raise ValueError(msg)
    path = f"{GROUP_FIGURES}/{name}.svg"
    write_vector_figure(output_dir / path, drawing.figure)
    saved = {"path": path, "caption": drawing.caption}
    return saved | {"width": "page"} if drawing.wide else saved


def describe(analysis: Analysis, *, figures: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return what the page shows of an analysis: its words, and where tables and figures lie."""
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


def write_summary(
    output_dir: Path,
    file: GroupFile,
    content: Mapping[str, Any],
    *,
    analyses: Iterable[Mapping[str, Any]],
) -> Path:
    """Write what the page reads of a stage: what holds for the whole, then each analysis."""
    path = output_dir / file.path
    write_json(path, {**content, "analyses": list(analyses)})
    return path
