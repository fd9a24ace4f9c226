"""Compare everyone's FreeSurfer volumes with a population of healthy people."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app.bids.output.names import GroupFile
from npsle_app.cohort.deviations.analyses import DeviationStudy, Effort
from npsle_app.cohort.deviations.population_study import (
    PopulationStudy,
    has_imported_volumes,
    model_imported,
    model_population,
    tell_population_plan,
)
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.tables import Tables
from npsle_app.figures.paper.paper import PaperFigure
from npsle_app.settings import PopulationSettings
from npsle_app.stages.group.deviation_figures import draw_deviations
from npsle_app.stages.group.population_figures import draw_study
from npsle_app.stages.group.population_person import forget_people, write_people
from npsle_app.stages.group.reference_io import OWN_CONTROLS, read_population
from npsle_app.stages.group.shared import (
    assemble_cohort,
    clear,
    describe,
    read_cohort,
    save_figures,
    write_summary,
    write_table,
)

_PREFIX = "population_"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationOutputs:
    """The summary that the page reads and the tables; nothing where no volume was imported.

    `changed` are participants whose pages are no longer right.
    """

    summary: Path | None = None
    tables: tuple[Path, ...] = ()
    changed: tuple[str, ...] = ()


def run(
    *, output_dir: Path, settings: PopulationSettings, raw: Path | None = None
) -> PopulationOutputs:
    """Score all imported volumes; compare, relate and follow their deviations.

    What an earlier run left is taken away first. Where volumes cannot be scored, the summary
    says why.
    """
    clear(output_dir, "population")
    cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    if not has_imported_volumes(cohort):
        return PopulationOutputs(changed=forget_people(output_dir))
    try:
        modelled = _model(cohort, settings=settings)
    except ValueError as error:
        summary = _write_nothing(output_dir, cohort, str(error))
        return PopulationOutputs(summary=summary, changed=forget_people(output_dir))
    own = settings.reference_file == OWN_CONTROLS
    tables = {f"{_PREFIX}own_scores" if own else f"{_PREFIX}scores": modelled.scores}
    for analysis in modelled.analyses:
        tables |= analysis.tables
    paths = [write_table(output_dir, GroupFile(name), table) for name, table in tables.items()]
    described = [
        describe(
            analysis,
            figures=save_figures(output_dir, _draw(analysis.name, modelled), stage="population"),
        )
        for analysis in modelled.analyses
    ]
    content = _describe(cohort) | {"warnings": list(modelled.warnings)}
    summary = write_summary(output_dir, GroupFile.POPULATION, content, analyses=described)
    changed = (
        write_people(
            output_dir,
            modelled.traced,
            counts=modelled.found.counts,
            population=modelled.population,
        )
        if isinstance(modelled, PopulationStudy)
        else forget_people(output_dir)
    )
    return PopulationOutputs(summary=summary, tables=tuple(paths), changed=changed)


def plan(tables: Tables, *, settings: PopulationSettings) -> Iterator[str]:
    """Say who would be scored, and by how many controls of which site; writes nothing.

    Raises
    ------
    ValueError
        If the tables, the study file or the population make no sense.
    """
    cohort = assemble_cohort(tables, study_file=settings.study_file)
    population = read_population(settings.reference_file)
    return tell_population_plan(cohort, population=population)


def _model(cohort: Cohort, *, settings: PopulationSettings) -> DeviationStudy | PopulationStudy:
    effort = Effort(
        permutations=settings.permutations,
        samples=settings.bootstrap_samples,
        seed=settings.random_seed,
    )
    if settings.reference_file == OWN_CONTROLS:
        return model_imported(cohort, tail=settings.tail, effort=effort)
    population = read_population(settings.reference_file)
    return model_population(cohort, population=population, tail=settings.tail, effort=effort)


def _draw(analysis: str, modelled: DeviationStudy) -> Iterator[PaperFigure]:
    if analysis == f"{_PREFIX}model" and isinstance(modelled, PopulationStudy):
        yield from draw_study(modelled)
    yield from draw_deviations(analysis, modelled, labels=(), prefix=_PREFIX)


def _write_nothing(output_dir: Path, cohort: Cohort, reason: str) -> Path:
    gap = {
        "name": f"{_PREFIX}model",
        "title": "FreeSurfer volumes: the population",
        "methods": "",
        "results": [f"not estimable: {reason}"],
        "citations": [],
        "tables": {},
        "figures": [],
        "not_estimable": 1,
        "reasons": [reason],
    }
    content = _describe(cohort) | {"warnings": []}
    return write_summary(output_dir, GroupFile.POPULATION, content, analyses=[gap])


def _describe(cohort: Cohort) -> dict[str, Any]:
    return {"title": cohort.study.title, "mode": cohort.study.mode}
