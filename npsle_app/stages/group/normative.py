"""Compare everyone's regional volumes with a reference, and say what deviations mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.cohort.deviations.analyses import Effort, NormativeStudy, model_study
from npsle_app.cohort.deviations.dry_run import tell_plan
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import Tables
from npsle_app.settings import NormativeSettings
from npsle_app.stages.group.deviation_figures import draw_deviations
from npsle_app.stages.group.reference_io import own_provenance, read_given, write_reference
from npsle_app.stages.group.shared import (
    assemble_cohort,
    clear,
    describe,
    read_cohort,
    save_figures,
    write_summary,
    write_table,
)


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
    clear(output_dir, "normative")
    cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    given = read_given(settings)
    try:
        modelled = model_study(
            cohort,
            own=own_provenance(previous_version(output_dir) or "unknown"),
            given=given,
            tail=settings.tail,
            allow_foreign=settings.allow_foreign,
            effort=Effort(
                permutations=settings.permutations,
                samples=settings.bootstrap_samples,
                seed=settings.random_seed,
            ),
        )
    except ValueError as error:
        if given is not None:
            msg = f"{settings.reference_file}: {error}"
            raise ValueError(msg) from error
        return _write_nothing(output_dir, cohort.study, str(error), tail=settings.tail)
    return _write(output_dir, cohort.study, modelled, settings=settings)


def plan(tables: Tables, *, settings: NormativeSettings) -> Iterator[str]:
    """Say who would make the reference and who would be scored; writes nothing.

    Raises
    ------
    ValueError
        If the tables, the study file or the reference make no sense.
    """
    cohort = assemble_cohort(tables, study_file=settings.study_file)
    return tell_plan(cohort, given=read_given(settings))


def _write(
    output_dir: Path, study: Study, modelled: NormativeStudy, *, settings: NormativeSettings
) -> NormativeOutputs:
    found_tables = {"normative_scores": modelled.scores}
    for analysis in modelled.analyses:
        found_tables |= analysis.tables
    tables = [
        write_table(output_dir, GroupFile(name), table) for name, table in found_tables.items()
    ]
    reference = modelled.found.reference
    model, *more = write_reference(output_dir, reference)
    content = _describe_study(study, tail=settings.tail) | {
        "status": "estimated",
        "reason": "",
        "labels": list(reference.labels),
        "reference": {"source": reference.source, "name": reference.name},
        "warnings": list(modelled.warnings),
        "scores": GroupFile.NORMATIVE_SCORES.path,
        "model": GroupFile.NORMATIVE_MODEL.path,
    }
    described = [
        describe(
            analysis,
            figures=save_figures(
                output_dir,
                draw_deviations(analysis.name, modelled, labels=reference.labels),
                stage="normative",
            ),
        )
        for analysis in modelled.analyses
    ]
    summary = write_summary(output_dir, GroupFile.NORMATIVE, content, analyses=described)
    return NormativeOutputs(summary=summary, tables=(*tables, *more), model=model)


def _write_nothing(output_dir: Path, study: Study, reason: str, *, tail: str) -> NormativeOutputs:
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
    }
    summary = write_summary(output_dir, GroupFile.NORMATIVE, content, analyses=[gap])
    return NormativeOutputs(summary=summary)


def _describe_study(study: Study, *, tail: str) -> dict[str, Any]:
    return {"title": study.title, "mode": study.mode, "tail": tail}
