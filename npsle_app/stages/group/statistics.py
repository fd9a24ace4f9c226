"""Describe, compare, correlate and regress the measures of a study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from npsle_app.bids.output.names import GroupFile
from npsle_app.cohort.statistics.analyses import Analysis, analyse
from npsle_app.cohort.statistics.imbalance import find_imbalances
from npsle_app.cohort.statistics.participant_flow import count_exclusions, tell_who_enters
from npsle_app.cohort.statistics.plots import (
    OTHERS,
    Effect,
    adjust_pair,
    keep_lowest,
    list_effects,
    list_values,
    split,
    tabulate_correlations,
)
from npsle_app.cohort.statistics.statements import tell_cohort, tell_needed
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column, explain_column
from npsle_app.cohort.study.populations import find_members
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import Tables
from npsle_app.figures.paper.estimates import (
    Estimate,
    draw_adjusted,
    draw_correlations,
    draw_forest,
)
from npsle_app.figures.paper.flow import draw_flow
from npsle_app.figures.paper.groups import Cloud, draw_raincloud
from npsle_app.figures.paper.paper import MOST_DOTS, PaperFigure
from npsle_app.formatting import ESTIMATED, equals_p, format_interval, format_number
from npsle_app.settings import StatisticsSettings
from npsle_app.stages.group.shared import (
    assemble_cohort,
    clear,
    describe,
    export_table,
    read_cohort,
    save_figures,
    write_summary,
    write_table,
)

_MOST_PAIRS = 6
_MOST_GROUPS = 12  # of the lowest p; the tables have all
_MOST_ROWS = 40
_MOST_NAMED = 10


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
    cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    analyses = analyse(cohort, rng=np.random.default_rng(settings.random_seed))
    clear(output_dir, "statistics")
    known = {"analysis_frame": {name: explain_column(name) for name in map(str, cohort.frame)}}
    tables = [
        write_table(output_dir, GroupFile(name), table, known=known.get(name))
        for analysis in analyses
        for name, table in analysis.tables.items()
    ]
    export_table(output_dir, GroupFile.ANALYSIS_FRAME, cohort.frame, known=known["analysis_frame"])
    described = [
        describe(
            analysis,
            figures=save_figures(output_dir, _draw(analysis, cohort), stage="statistics"),
        )
        for analysis in analyses
    ]
    summary = write_summary(
        output_dir, GroupFile.STATISTICS, _summarise(cohort), analyses=described
    )
    return StatisticsOutputs(summary=summary, tables=tuple(tables))


def plan(tables: Tables, *, settings: StatisticsSettings) -> Iterator[str]:
    """Say who would enter which analysis, and why others would not; writes nothing.

    Raises
    ------
    ValueError
        If the tables or the study file make no sense.
    """
    cohort = assemble_cohort(tables, study_file=settings.study_file)
    yield tell_cohort(cohort).methods
    counts = count_exclusions(cohort)
    for reason, named in zip(counts["reason"], counts["participants"], strict=True):
        people = named.split(", ")
        rest = f" and {len(people) - _MOST_NAMED} more" if len(people) > _MOST_NAMED else ""
        yield f"left out, {reason}: {', '.join(people[:_MOST_NAMED])}{rest}"
    yield from (f"warning: {note}" for note in (*find_imbalances(cohort), *cohort.notes))
    entering = tell_who_enters(cohort)
    for (analysis, what), rows in entering.groupby(["analysis", "what"], sort=False):
        told = "; ".join(dict.fromkeys(_tell_populations(rows)))
        yield f"{analysis}, {what}: {told}"


def _tell_populations(rows: pd.DataFrame) -> Iterator[str]:
    columns = ("population_label", "enters", "n", "why_not")
    for label, enters, n, reason in zip(*(rows[name] for name in columns), strict=True):
        yield f"{label} {enters} of {n}" + (f" ({reason})" if reason else "")


def _summarise(cohort: Cohort) -> dict[str, object]:
    """Say all that the page shows beside the analyses."""
    study, inside = cohort.study, find_members(cohort)
    return {
        "title": study.title,
        "mode": study.mode,
        "alpha": study.alpha,
        "populations": [
            {
                "name": name,
                "label": population.label,
                "where": {column: list(levels) for column, levels in population.where.items()},
                "n": int(inside[name].sum()),
            }
            for name, population in study.populations.items()
        ],
        "groups": list(study.groups),
        "warnings": [*find_imbalances(cohort), *cohort.notes],
        "needed": tell_needed([int(inside[name].sum()) for name in study.groups], study=study),
    }


def _draw(analysis: Analysis, cohort: Cohort) -> Iterator[PaperFigure]:
    """Draw what an analysis shows; nothing of those that are tables and words alone."""
    drawers = {
        "participants": _draw_flow,
        "group_tests": _draw_groups,
        "correlations": _draw_correlations,
        "regressions": _draw_regressions,
    }
    if analysis.name in drawers:
        yield from drawers[analysis.name](analysis.tables, cohort)


def _draw_flow(tables: Mapping[str, pd.DataFrame], cohort: Cohort) -> Iterator[PaperFigure]:
    inside = find_members(cohort)
    sizes = {cohort.study.label(name): int(inside[name].sum()) for name in cohort.study.groups}
    left_out = tables["exclusions"]
    pairs = zip(left_out["reason"], left_out["n"], strict=True)
    yield PaperFigure(
        name="flow",
        drawing=draw_flow(
            first=f"Participants\nn = {len(cohort.frame)}",
            left_out=[f"{reason}: {n}" for reason, n in pairs],
            second=f"Enter\nn = {len(cohort.included)}",
            groups=[f"{label}\nn = {n}" for label, n in sizes.items()],
        ),
        caption="Who entered. Each analysis says how many of them had all it takes.",
    )


def _draw_groups(tables: Mapping[str, pd.DataFrame], cohort: Cohort) -> Iterator[PaperFigure]:
    rows = _list_estimated(tables["kruskal_wallis"])
    for row in keep_lowest(rows, p_of=lambda row: float(row["p"]), most=_MOST_GROUPS):
        values = list_values(cohort, measure=row["measure"])
        clouds = [
            _make_cloud(number, name, list(each.index), each)
            for number, (name, each) in enumerate(values.items())
            if len(each)
        ]
        yield PaperFigure(
            name=f"groups_{row['measure']}",
            drawing=draw_raincloud(clouds, label=describe_column(row["measure"]).heading),
            caption=f"{row['label']} by group: dots are participants{_tell_thinned(clouds)}, "
            "thick lines quartiles, open circles medians, shapes densities. Kruskal–Wallis "
            f"{equals_p(row['p'])}, {equals_p(row['q'], name='q')}."
            f"{_tell_rest(_MOST_GROUPS, len(rows), what='measures')}",
        )


def _draw_correlations(tables: Mapping[str, pd.DataFrame], cohort: Cohort) -> Iterator[PaperFigure]:
    study, table = cohort.study, tables["correlations"]
    rows = [row for row in _list_estimated(table) if row["quoted"] == "yes"]
    if not rows:
        return
    shown = tabulate_correlations(table, alpha=study.alpha, most=_MOST_ROWS)
    yield PaperFigure(
        name="correlations",
        drawing=draw_correlations(
            shown.r, rows=shown.measures, columns=shown.clinical, notable=shown.notable
        ),
        caption="Partial correlations (of ranks where a variable is skewed) in "
        f"{study.label(study.correlations.population)}; a star: q < {study.alpha:g}."
        f"{_tell_rest(_MOST_ROWS, len({row['measure'] for row in rows}), what='measures')}",
    )
    for row in sorted(rows, key=lambda row: row["p"])[:_MOST_PAIRS]:
        if row["p"] < study.alpha:
            yield _draw_pair(row, cohort)


def _draw_pair(row: dict[str, Any], cohort: Cohort) -> PaperFigure:
    pair = adjust_pair(cohort, measure=row["measure"], clinical=row["clinical"])
    x, y = (f"{describe_column(row[name]).heading}, adjusted" for name in ("clinical", "measure"))
    text = f"r = {format_number(row['r'], decimals=3)}, n = {row['n']:.0f}, {equals_p(row['p'])}"
    names = [*map(cohort.study.label, cohort.study.groups), OTHERS]
    groups = [
        (_make_cloud(number, names[number], part.participant_id, part.x), part.y)
        for number, part in enumerate(split(pair, names=names))
        if part.group
    ]
    return PaperFigure(
        name=f"adjusted_{row['measure']}_{row['clinical']}",
        drawing=draw_adjusted(groups, x=x, y=y, text=text),
        caption=f"{row['label']} against {row['clinical_label']}, both less what "
        f"{row['covariates']} explain; {text}, {equals_p(row['q'], name='q')}. Dots are "
        f"participants{_tell_thinned([cloud for cloud, _ in groups])}.",
    )


def _draw_regressions(tables: Mapping[str, pd.DataFrame], cohort: Cohort) -> Iterator[PaperFigure]:
    study = cohort.study
    robust = study.mode != "paper"
    kind = "robust to unequal variances (HC3)" if robust else "of equal variances"
    for contrast in study.contrasts:
        effects = list_effects(tables["regressions"], contrast=contrast.name, robust=robust)
        if effects:
            lowest = keep_lowest(effects, p_of=lambda effect: effect.p, most=_MOST_ROWS)
            rows = [_make_estimate(effect, study) for effect in lowest]
            yield PaperFigure(
                name=f"regressions_{contrast.name}",
                drawing=draw_forest(rows, label="B / SD of the residuals"),
                caption=f"{contrast.label}: difference at equal covariates in standard deviations "
                f"of the residuals, intervals {kind}; squares: p < {study.alpha:g}, not corrected."
                f"{_tell_rest(_MOST_ROWS, len(effects), what='models')}",
            )


def _make_estimate(effect: Effect, study: Study) -> Estimate:
    shown = format_interval(effect.value, effect.low, effect.high, decimals=2)
    return Estimate(
        name=effect.label,
        value=effect.value,
        low=effect.low,
        high=effect.high,
        shown=f"{shown}, {equals_p(effect.p)}, n = {effect.n}",
        emphasised=effect.p < study.alpha,
    )


def _make_cloud(number: int, name: str, people: Sequence[str], values: ArrayLike) -> Cloud:
    links = tuple(f"{person}.html" for person in people)
    return Cloud(name=name, number=number, values=np.asarray(values, dtype=float), links=links)


def _list_estimated(table: pd.DataFrame) -> list[dict[str, Any]]:
    done = table[table["status"] == ESTIMATED].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in done]


def _tell_rest(most: int, there: int, *, what: str) -> str:
    """Say that a figure stands for a choice; nothing if it does not."""
    return f" The {most} of {there} {what} with the lowest p are drawn." if there > most else ""


def _tell_thinned(clouds: Sequence[Cloud]) -> str:
    if max(len(cloud.values) for cloud in clouds) <= MOST_DOTS:
        return ""
    return f" ({MOST_DOTS} of a larger group, evenly spaced by rank)"
