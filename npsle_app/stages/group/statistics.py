"""Describe, compare, correlate and regress the measures of a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.writer import write_json
from npsle_app.settings import StatisticsSettings
from npsle_app.stages.group.cohort import read_cohort
from npsle_app.stages.group.statistics_figures import draw_figures
from npsle_app.stages.group.summary import clear, describe, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from npsle_app.cohort.statistics.analyses import Analysis
    from npsle_app.cohort.study.assembly import Cohort
    from npsle_app.cohort.study.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOutputs:
    """The summary that the page reads, and the tables that it names."""

    summary: Path
    tables: tuple[Path, ...]


def run(
    *, output_dir: Path, settings: StatisticsSettings, raw: Path | None = None
) -> StatisticsOutputs:
    """Do the analyses of the study file, or of the papers, and write a table for each.

    What cannot be estimated has a row that says why; it fails nothing.
    """
    import numpy as np

    from npsle_app.cohort.statistics.analyses import analyse
    from npsle_app.cohort.study.columns import explain_column

    study, cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    analyses = analyse(cohort, study=study, rng=np.random.default_rng(settings.random_seed))
    clear(output_dir, "statistics")
    known = {"analysis_frame": {name: explain_column(name) for name in map(str, cohort.frame)}}
    tables = [
        write_table(output_dir, GroupFile(name), table, known=known.get(name))
        for analysis in analyses
        for name, table in analysis.tables.items()
    ]
    figures = draw_figures(output_dir, study=study, cohort=cohort, analyses=analyses)
    summary = output_dir / GroupFile.STATISTICS.path
    write_json(summary, _summarise(study, cohort, analyses, figures))
    return StatisticsOutputs(summary=summary, tables=tuple(tables))


def _summarise(
    study: "Study",
    cohort: "Cohort",
    analyses: "Sequence[Analysis]",
    figures: "Mapping[str, list[dict[str, str]]]",
) -> dict[str, object]:
    """Say all that the page shows beside the tables."""
    return {
        "title": study.title,
        "mode": study.mode,
        "alpha": study.alpha,
        "populations": _describe_populations(study, cohort),
        "groups": list(study.groups),
        "warnings": list(cohort.notes),
        "analyses": [
            describe(analysis, figures=figures.get(analysis.name, [])) for analysis in analyses
        ],
    }


def _describe_populations(study: "Study", cohort: "Cohort") -> list[dict[str, object]]:
    from npsle_app.cohort.study.populations import members

    return [
        {
            "name": name,
            "label": population.label,
            "where": {column: list(levels) for column, levels in population.where.items()},
            "n": int(members(cohort.frame, population=population).sum()),
        }
        for name, population in study.populations.items()
    ]
