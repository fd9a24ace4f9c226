"""What the group stages share: the study and its tables as they start, results as they end.

A stage reads a `Cohort`, computes, and writes tables, figures and a summary; of what an earlier
run left it takes away its own.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pandas import DataFrame, Series, to_numeric

from npsle_app.bids.input.participants import linked_dataset, read_participants
from npsle_app.bids.input.ratings import (
    read_judgements,
    read_lesion_decisions,
    read_thresholds,
)
from npsle_app.bids.input.study_tables import ClinicalTables, read_clinical
from npsle_app.bids.input.text_tables import TableForm
from npsle_app.bids.output.exchange import write_spreadsheet, write_spss
from npsle_app.bids.output.names import GROUP_FIGURES, GroupFile
from npsle_app.bids.output.writer import write_json, write_tsv, write_vector_figure
from npsle_app.bids.tables import read_table
from npsle_app.cohort.statistics.analyses import Analysis
from npsle_app.cohort.statistics.participant_flow import count_exclusions
from npsle_app.cohort.statistics.statements import count_not_estimable, list_not_estimable
from npsle_app.cohort.study.assembly import Cohort, assemble, check_typed
from npsle_app.cohort.study.defaults import DEFAULT_STUDY
from npsle_app.cohort.study.first_look import look_at_cohort
from npsle_app.cohort.study.measures import ALONE, KEYS, METHOD, WITH_T1W
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import ReaderTables, Tables
from npsle_app.documents import read_toml
from npsle_app.figures.paper.paper import PaperFigure
from npsle_app.group_tables import group_files, group_tables
from npsle_app.measures import MEASURES

MEASURES_FILE = "npsle_app_measures.tsv"
_EXPORTS = (".xlsx", ".sav")
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
    output_dir: Path,
    *,
    study_file: str = "",
    raw: Path | None = None,
    measures: DataFrame | None = None,
) -> Tables:
    """Read the clinical tables of a study and its measures.

    Parameters
    ----------
    study_file
        May name a table in place of `participants.tsv`, and say how it is written.
    raw
        The dataset with the clinical tables; else that which the output links to as `raw`.
    measures
        One row per participant and session; else what the stage `measures` wrote.

    Raises
    ------
    ValueError
        If a table cannot be read.
    """
    source = raw or linked_dataset(output_dir, name="raw")
    clinical = _read_clinical(output_dir, source, study_file=study_file)
    return Tables(
        participants=clinical.participants,
        measures=read_table(output_dir / MEASURES_FILE) if measures is None else measures,
        visits=clinical.visits,
        units=clinical.units,
        notes=clinical.notes,
        dates=clinical.dates,
        readings=_read_readings(study_file),
        readers=ReaderTables(
            judgements=read_judgements(output_dir / "qc"),
            lesions=read_lesion_decisions(output_dir / "qc"),
            thresholds=read_thresholds(output_dir / "qc"),
        ),
    )


def read_cohort(output_dir: Path, *, study_file: str, raw: Path | None = None) -> Cohort:
    """Read study file and tables, and join these to one row per participant.

    Raises
    ------
    ValueError
        If a table names someone twice, or the study file asks for what no table has.
    """
    tables = read_tables(output_dir, study_file=study_file, raw=raw)
    return assemble_cohort(tables, study_file=study_file)


def assemble_cohort(tables: Tables, *, study_file: str) -> Cohort:
    """Join tables that were read before, as `read_cohort` does.

    Raises
    ------
    ValueError
        If people are listed and not one of them enters, too.
    """
    cohort = assemble(tables, study=read_study(study_file))
    if study_file:
        check_typed(cohort)
    if len(tables.participants) and cohort.included.empty:
        counts = count_exclusions(cohort)
        pairs = zip(counts["reason"], counts["n"], strict=True)
        reasons = ", ".join(f"{reason} (n = {n})" for reason, n in pairs)
        msg = f"not one of {len(cohort.frame)} participants enters: {reasons}"
        raise ValueError(msg)
    return cohort


def look_at_tables(
    output_dir: Path,
    *,
    study_file: str,
    raw: Path,
    scanned: Sequence[tuple[str, str | None]],
    by_flair_alone: Collection[tuple[str, str | None]] = (),
    measures: DataFrame | None = None,
) -> list[str]:
    """Say what the tables hold beside the images, before anything is computed.

    Parameters
    ----------
    scanned
        Participant and session (with `sub-` and `ses-`) of all that were or will be measured.
    by_flair_alone
        Those of them that have no T1w image.
    measures
        One row per participant and session, where no more will be measured: what the study
        file asks for must then be among them.

    Returns
    -------
    list of str
        As `look_at_cohort`; empty where the dataset lists no participants.

    Raises
    ------
    ValueError
        If a table cannot be read, not one of the people listed was scanned, or the study file
        asks for what no table has, or will have.
    """
    foreseen = DataFrame(list(scanned), columns=KEYS, dtype=object)
    if by_flair_alone:
        foreseen[METHOD] = [ALONE if unit in by_flair_alone else WITH_T1W for unit in scanned]
    there = foreseen if measures is None else measures
    tables = read_tables(output_dir, study_file=study_file, raw=raw, measures=there)
    if tables.participants.empty:
        return []
    cohort = assemble(tables, study=read_study(study_file))
    lines = look_at_cohort(cohort)
    if study_file:
        check_typed(cohort, to_come=(*MEASURES, METHOD) if measures is None else ())
    return lines


def _read_clinical(output_dir: Path, raw: Path | None, *, study_file: str) -> ClinicalTables:
    rules = read_study(study_file).table
    form = TableForm(separator=rules.separator, encoding=rules.encoding, sheet=rules.sheet)
    given = Path(study_file).parent / rules.file if rules.file else None
    if raw is None:
        # the raw dataset is elsewhere: what the output copied of it is all that is known
        people = read_participants(given or output_dir / "participants.tsv", form=form)
        return ClinicalTables(participants=people.frame, notes=people.notes)
    return read_clinical(raw, participants=given, form=form)


def _read_readings(study_file: str) -> DataFrame | None:
    """Read the table of readings that a study file names, beside it."""
    asked = read_study(study_file).agreement
    return read_participants(Path(study_file).parent / asked.file).frame if asked.file else None


def list_sources(output_dir: Path, *, raw: Path) -> list[Path]:
    """List the tables that the group level reads, beside those that the app made."""
    tables = ["participants.tsv", "participants.json", "sessions.json", "phenotype/*.tsv"]
    tables += ["phenotype/*.json", "sub-*/sub-*_sessions.tsv"]
    found = [path for pattern in tables for path in sorted(raw.glob(pattern))]
    return [*found, *sorted((output_dir / "qc").rglob("*.tsv"))]


def list_companions(study_file: str) -> list[Path]:
    """List the tables that a study file names beside itself."""
    if not study_file:
        return []
    study = read_study(study_file)
    named = (study.table.file, study.agreement.file)
    return [Path(study_file).parent / name for name in named if name]


def clear(output_dir: Path, stage: str) -> None:
    """Take away what an earlier run of a stage left: its own files and figures, nothing else."""
    for file in GroupFile:
        if file.stage == stage:
            for suffix in ("", ".json", *_EXPORTS):
                path = output_dir / file.path
                (path.with_suffix(suffix) if suffix else path).unlink(missing_ok=True)
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
    described = group_tables()[file.value]
    dictionary = described.explain(map(str, table.columns), known=known)
    counts = [one.name for one in described.columns if one.format == "count" and one.name in table]
    write_tsv(path, table.assign(**{name: _whole(table[name]) for name in counts}))
    write_json(path.with_suffix(".json"), {**dictionary, **(more or {})})
    return path


def export_table(
    output_dir: Path, file: GroupFile, table: DataFrame, *, known: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a table, beside its TSV, for spreadsheets and for SPSS; `known` as in `write_table`."""
    write_spreadsheet((output_dir / file.path).with_suffix(".xlsx"), table, dictionary=known)
    write_spss((output_dir / file.path).with_suffix(".sav"), table, dictionary=known)


def _whole(values: Series) -> Series:
    """Write counts without decimals although some are missing; what is none stays as it is."""
    numbers = to_numeric(values, errors="coerce")
    is_count = (numbers.notna() == values.notna()) & (numbers.isna() | (numbers % 1 == 0))
    return numbers.astype("Int64") if is_count.all() else values


def save_figures(
    output_dir: Path, figures: Iterable[PaperFigure], *, stage: str
) -> list[dict[str, str]]:
    """Save each as SVG and PDF; return `path` from the output's root, `caption` and `width`.

    Raises
    ------
    ValueError
        If the stage has no figure of this name: it would not take it away again.
    """
    return [_save(output_dir, figure, stage=stage) for figure in figures]


def _save(output_dir: Path, figure: PaperFigure, *, stage: str) -> dict[str, str]:
    name = _UNSAFE.sub("-", figure.name).strip("-")
    if not group_files()[stage].draws(name):
        msg = f"group_tables.toml has no figure {name} of the stage {stage}"
        raise ValueError(msg)
    path = f"{GROUP_FIGURES}/{name}.svg"
    write_vector_figure(output_dir / path, figure.drawing)
    saved = {"path": path, "caption": figure.caption}
    return saved | {"width": "page"} if figure.wide else saved


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
