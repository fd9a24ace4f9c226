"""Compare everyone's regional volumes with a reference, and say what deviations mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.bids.input.participants import linked_dataset
from npsle_app.bids.input.study_tables import read_dates
from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.bids.output.writer import write_json
from npsle_app.settings import NormativeSettings
from npsle_app.stages.group.cohort import assemble_cohort, read_tables
from npsle_app.stages.group.normative_figures import draw_figures
from npsle_app.stages.group.normative_reference import (
    own_provenance,
    read_reference,
    write_reference,
)
from npsle_app.stages.group.summary import clear, describe, write_table

if TYPE_CHECKING:
    from pandas import DataFrame

    from npsle_app.cohort.deviations.analyses import NormativeStudy
    from npsle_app.cohort.study.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class NormativeOutputs:
    """The summary that the page reads, the tables, and the model where there is one."""

    summary: Path
    tables: tuple[Path, ...] = ()
    model: Path | None = None


def run(
    *, output_dir: Path, settings: NormativeSettings, raw: Path | None = None
) -> NormativeOutputs:
    """Score all sessions by the reference; compare, relate and follow their deviations.

    Without a usable reference the summary says why, and there are no tables. A reference that
    was given and does not fit is an error. What an earlier run left is taken away first.

    Raises
    ------
    ValueError
        With the file of the reference and what is wrong with it.
    """
    from npsle_app.cohort.deviations.analyses import Effort, model_study

    clear(output_dir, "normative")
    tables = read_tables(output_dir, raw=raw)
    study, cohort = assemble_cohort(tables, study_file=settings.study_file)
    path = settings.reference_file
    try:
        found = model_study(
            tables,
            cohort=cohort,
            study=study,
            dates=_dates(output_dir, raw),
            own=own_provenance(previous_version(output_dir) or "unknown"),
            given=read_reference(Path(path)) if path else None,
            tail=settings.tail,
            allow_foreign=settings.allow_foreign,
            effort=Effort(
                permutations=settings.permutations,
                samples=settings.bootstrap_samples,
                seed=settings.random_seed,
            ),
        )
    except ValueError as error:
        if path:
            msg = f"{path}: {error}"
            raise ValueError(msg) from error
        return _write_nothing(output_dir, study, str(error), tail=settings.tail)
    return _write(output_dir, study, found, settings=settings)


def plan(
    output_dir: Path,
    *,
    settings: NormativeSettings,
    raw: Path | None = None,
    measures: "DataFrame | None" = None,
) -> list[str]:
    """Say who would make the reference and who would be scored; writes nothing."""
    from npsle_app.cohort.deviations.dry_run import tell_plan
    from npsle_app.cohort.study.visits import list_visits

    tables = read_tables(output_dir, raw=raw, measures=measures)
    study, cohort = assemble_cohort(tables, study_file=settings.study_file)
    visits = list_visits(
        tables,
        cohort=cohort,
        study=study,
        dates=_dates(output_dir, raw),
    )
    path = settings.reference_file
    given = read_reference(Path(path)) if path else None
    return list(tell_plan(visits, study=study, given=given))


def _dates(output_dir: Path, raw: Path | None) -> dict[tuple[str, str], str]:
    source = raw or linked_dataset(output_dir, name="raw")
    return read_dates(source) if source else {}


def _write(
    output_dir: Path, study: "Study", normative: "NormativeStudy", *, settings: NormativeSettings
) -> NormativeOutputs:
    found_tables = {"normative_scores": normative.scores}
    for analysis in normative.analyses:
        found_tables |= analysis.tables
    tables = [
        write_table(output_dir, GroupFile(name), table) for name, table in found_tables.items()
    ]
    reference = normative.found.reference
    model, *more = write_reference(output_dir, reference)
    figures = draw_figures(output_dir, normative)
    summary = output_dir / GroupFile.NORMATIVE.path
    content = _describe_study(study, tail=settings.tail) | {
        "status": "estimated",
        "reason": "",
        "labels": list(reference.labels),
        "reference": {"source": reference.source, "name": reference.name},
        "warnings": list(normative.warnings),
        "scores": GroupFile.NORMATIVE_SCORES.path,
        "model": GroupFile.NORMATIVE_MODEL.path,
        "analyses": [
            describe(one, figures=figures.get(one.name, [])) for one in normative.analyses
        ],
    }
    write_json(summary, content)
    return NormativeOutputs(summary=summary, tables=(*tables, *more), model=model)


def _write_nothing(output_dir: Path, study: "Study", reason: str, *, tail: str) -> NormativeOutputs:
    summary = output_dir / GroupFile.NORMATIVE.path
    gap = {
        "name": "normative_model",
        "title": "Normative model",
        "methods": "",
        "results": [f"not estimable: {reason}"],
        "citations": [],
        "tables": {},
        "figures": [],
        "not_estimable": 1,
        "reasons": [reason],
    }
    content = _describe_study(study, tail=tail) | {
        "status": "not estimable",
        "reason": reason,
        "labels": [],
        "warnings": [],
        "analyses": [gap],
    }
    write_json(summary, content)
    return NormativeOutputs(summary=summary)


def _describe_study(study: "Study", *, tail: str) -> dict[str, Any]:
    return {"title": study.title, "mode": study.mode, "tail": tail}
