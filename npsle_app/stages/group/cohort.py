"""Read what the analyses of a study start from: its study file and all its tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.bids.input.participants import linked_dataset, read_participants
from npsle_app.bids.input.study_tables import ClinicalTables, read_clinical
from npsle_app.bids.tables import read_table
from npsle_app.documents import read_toml

if TYPE_CHECKING:
    from pandas import DataFrame

    from npsle_app.cohort.study.assembly import Cohort
    from npsle_app.cohort.study.study import Study
    from npsle_app.cohort.study.tables import Tables

MEASURES = "npsle_app_measures.tsv"


def read_study(study_file: str) -> "Study":
    """Read a study file; without one, the analyses of the papers.

    Raises
    ------
    ValueError
        With the file, what was found in it and what there is.
    """
    from npsle_app.cohort.study.defaults import DEFAULT_STUDY
    from npsle_app.cohort.study.parsing import parse_study

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


def read_cohort(
    output_dir: Path,
    *,
    study_file: str,
    raw: Path | None = None,
    measures: "DataFrame | None" = None,
) -> "tuple[Study, Cohort]":
    """Read all tables and join them to one row per participant.

    Parameters
    ----------
    raw
        The dataset with the clinical tables; else that which the output links to as `raw`.
    measures
        One row per participant and session; else what the stage `measures` wrote.

    Raises
    ------
    ValueError
        If a table names someone twice, or the study file asks for what no table has.
    """
    tables = read_tables(output_dir, raw=raw, measures=measures)
    return assemble_cohort(tables, study_file=study_file)


def assemble_cohort(tables: "Tables", *, study_file: str) -> "tuple[Study, Cohort]":
    """Join tables that were read before, as `read_cohort` does."""
    from npsle_app.cohort.study.assembly import assemble, check_typed

    study = read_study(study_file)
    cohort = assemble(tables, study=study)
    if study_file:
        check_typed(study, cohort=cohort)
    return study, cohort


def read_tables(
    output_dir: Path, *, raw: Path | None = None, measures: "DataFrame | None" = None
) -> "Tables":
    """Read the clinical tables of a study and its measures, as `read_cohort` takes them."""
    from npsle_app.cohort.study.tables import Tables

    source = raw or linked_dataset(output_dir, name="raw")
    clinical = _read_clinical(output_dir, source)
    found = read_table(output_dir / MEASURES) if measures is None else measures
    return Tables(
        participants=clinical.participants,
        measures=found,
        visits=clinical.visits,
        units=clinical.units,
        notes=clinical.notes,
    )


def _read_clinical(output_dir: Path, raw: Path | None) -> ClinicalTables:
    if raw is None:
        # the raw dataset is elsewhere: what the output copied of it is all that is known
        return ClinicalTables(participants=read_participants(output_dir / "participants.tsv").frame)
    return read_clinical(raw)
