"""Compare everyone's regional volumes with a reference, and say what deviations mean."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pandas import DataFrame

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.cohort.deviations.analyses import Effort, NormativeStudy, model_study
from npsle_app.cohort.deviations.dry_run import tell_plan
from npsle_app.cohort.deviations.events import tell_rule
from npsle_app.cohort.deviations.plots import (
    list_associations,
    list_curves,
    list_ratios,
    list_regional,
    longest_follow_up,
    tabulate_scores,
)
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.tables import Tables
from npsle_app.figures.paper.estimates import Estimate, draw_forest
from npsle_app.figures.paper.normative import draw_deviations, draw_ratios
from npsle_app.figures.paper.paper import head_with
from npsle_app.figures.paper.survival import SurvivalCurve, draw_survival, time_ticks
from npsle_app.formatting import equals_p
from npsle_app.settings import NormativeSettings
from npsle_app.stages.group.reference_io import own_provenance, read_given, write_reference
from npsle_app.stages.group.shared import (
    Drawing,
    assemble_cohort,
    clear,
    describe,
    read_cohort,
    save_drawings,
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
    path = settings.reference_file
    try:
        modelled = model_study(
            cohort,
            own=own_provenance(previous_version(output_dir) or "unknown"),
            given=read_given(settings),
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
            figures=save_drawings(output_dir, _draw(analysis.name, modelled), stage="normative"),
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


def _draw(analysis: str, modelled: NormativeStudy) -> Iterator[Drawing]:
    """Draw what an analysis shows, each figure with the labels of the reference."""
    drawers = {
        "deviations": _draw_counts,
        "deviation_associations": _draw_associations,
        "deviation_events": _draw_events,
    }
    labels = modelled.found.reference.labels
    for drawing in drawers[analysis](modelled) if analysis in drawers else ():
        head_with(drawing.figure, labels)
        caption = " ".join([drawing.caption, *(f"{label}." for label in labels)])
        yield replace(drawing, caption=caption)


def _draw_counts(modelled: NormativeStudy) -> Iterator[Drawing]:
    found = modelled.found
    if (scores := tabulate_scores(found)) is not None:
        cut = "|z| > 1.96" if found.tail == "both" else "z < −1.96"
        dots = f" a dot: critical ({cut});" if scores.critical.any() else ""
        yield Drawing(
            name="deviation-scores",
            figure=draw_deviations(
                scores.z,
                people=scores.people,
                regions=scores.regions,
                critical=scores.critical,
                groups=scores.groups,
            ),
            caption="Each person's regions at baseline, by group and number of deviations;"
            f"{dots} hatched: no score.",
            wide=True,
        )
    table = _find_table(modelled, "deviation_comparisons")
    if ratios := [Estimate(**one) for one in list_ratios(table, found)]:
        yield Drawing(
            name="deviation-ratios",
            figure=draw_ratios(ratios, label="Incidence rate ratio"),
            caption="Incidence rate ratios of critical deviations with 95 % intervals; squares: "
            f"p < {found.study.alpha:g} by permutation.",
        )


def _draw_associations(modelled: NormativeStudy) -> Iterator[Drawing]:
    found, table = modelled.found, _find_table(modelled, "deviation_associations")
    label = "β, standard deviations of the score per standard deviation"
    if rows := [Estimate(**one) for one in list_associations(table, found)]:
        yield Drawing(
            name="deviation-associations",
            figure=draw_forest(rows, label=label),
            caption="Disability and the number of deviations, across people and over time; "
            f"squares: q < {found.study.alpha:g}.",
        )
    if rows := [Estimate(**one) for one in list_regional(table)]:
        yield Drawing(
            name="deviation-regions",
            figure=draw_forest(rows, label=label),
            caption="Disability and single regions' z, the associations with the smallest "
            f"p-values; squares: q < {found.study.alpha:g}. A negative β: smaller volume, higher "
            "score.",
        )


def _draw_events(modelled: NormativeStudy) -> Iterator[Drawing]:
    found = modelled.found
    longest = longest_follow_up(found)
    if longest <= 0:
        return
    ticks = time_ticks(longest)
    curves = [SurvivalCurve(**one) for one in list_curves(found, ticks=ticks)]
    if not curves:
        return
    p = _find_table(modelled, "survival_tests")["p"].iloc[0]
    event = found.study.normative.event_label
    yield Drawing(
        name="survival",
        figure=draw_survival(
            curves, ticks=ticks, unit="years", event=event, text=f"log-rank {equals_p(float(p))}"
        ),
        caption=f"Share of patients without {event}, by risk, with 95 % bands; strokes: end of "
        f"follow-up. High risk: {tell_rule(found)}.",
    )


def _find_table(modelled: NormativeStudy, name: str) -> DataFrame:
    return next(one.tables[name] for one in modelled.analyses if name in one.tables)
