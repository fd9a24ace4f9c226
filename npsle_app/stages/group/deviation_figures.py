"""The figures of deviations, from a reference of the study or from a population."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pandas import DataFrame

from npsle_app.cohort.deviations.analyses import DeviationStudy
from npsle_app.cohort.deviations.events import tell_rule
from npsle_app.cohort.deviations.plots import (
    list_associations,
    list_curves,
    list_ratios,
    list_regional,
    longest_follow_up,
    tabulate_scores,
)
from npsle_app.figures.paper.estimates import Estimate, draw_forest
from npsle_app.figures.paper.normative import draw_deviations as draw_scores
from npsle_app.figures.paper.normative import draw_ratios
from npsle_app.figures.paper.paper import PaperFigure, head_with
from npsle_app.figures.paper.survival import SurvivalCurve, draw_survival, time_ticks
from npsle_app.formatting import equals_p


def draw_deviations(
    analysis: str, modelled: DeviationStudy, *, labels: Sequence[str], prefix: str = ""
) -> Iterator[PaperFigure]:
    """Draw what an analysis shows, each figure with the labels of the reference.

    `prefix` is what the names of analyses and tables begin with; figures take it too.
    """
    drawers = {
        "deviations": _draw_counts,
        "deviation_associations": _draw_associations,
        "deviation_events": _draw_events,
    }
    drawer = drawers.get(analysis.removeprefix(prefix))
    for figure in drawer(modelled, prefix) if drawer else ():
        head_with(figure.drawing, labels)
        caption = " ".join([figure.caption, *(f"{label}." for label in labels)])
        yield replace(figure, name=f"{prefix.replace('_', '-')}{figure.name}", caption=caption)


def _draw_counts(modelled: DeviationStudy, prefix: str) -> Iterator[PaperFigure]:
    found = modelled.found
    if (scores := tabulate_scores(found)) is not None:
        cut = "|z| > 1.96" if found.tail == "both" else "z < −1.96"
        dots = f" a dot: critical ({cut});" if scores.critical.any() else ""
        yield PaperFigure(
            name="deviation-scores",
            drawing=draw_scores(
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
    table = _find_table(modelled, f"{prefix}deviation_comparisons")
    if ratios := [Estimate(**one) for one in list_ratios(table, found)]:
        yield PaperFigure(
            name="deviation-ratios",
            drawing=draw_ratios(ratios, label="Incidence rate ratio"),
            caption="Incidence rate ratios of critical deviations with 95 % intervals; squares: "
            f"p < {found.study.alpha:g} by permutation.",
        )


def _draw_associations(modelled: DeviationStudy, prefix: str) -> Iterator[PaperFigure]:
    found, table = modelled.found, _find_table(modelled, f"{prefix}deviation_associations")
    label = "β, standard deviations of the score per standard deviation"
    if rows := [Estimate(**one) for one in list_associations(table, found)]:
        yield PaperFigure(
            name="deviation-associations",
            drawing=draw_forest(rows, label=label),
            caption="Disability and the number of deviations, across people and over time; "
            f"squares: q < {found.study.alpha:g}.",
        )
    if rows := [Estimate(**one) for one in list_regional(table)]:
        yield PaperFigure(
            name="deviation-regions",
            drawing=draw_forest(rows, label=label),
            caption="Disability and single regions' z, the associations with the smallest "
            f"p-values; squares: q < {found.study.alpha:g}. A negative β: smaller volume, higher "
            "score.",
        )


def _draw_events(modelled: DeviationStudy, prefix: str) -> Iterator[PaperFigure]:
    found = modelled.found
    longest = longest_follow_up(found)
    if longest <= 0:
        return
    ticks = time_ticks(longest)
    curves = [SurvivalCurve(**one) for one in list_curves(found, ticks=ticks)]
    if not curves:
        return
    p = _find_table(modelled, f"{prefix}survival_tests")["p"].iloc[0]
    event = found.study.normative.event_label
    yield PaperFigure(
        name="survival",
        drawing=draw_survival(
            curves, ticks=ticks, unit="years", event=event, text=f"log-rank {equals_p(float(p))}"
        ),
        caption=f"Share of patients without {event}, by risk, with 95 % bands; strokes: end of "
        f"follow-up. High risk: {tell_rule(found)}.",
    )


def _find_table(modelled: DeviationStudy, name: str) -> DataFrame:
    return next(one.tables[name] for one in modelled.analyses if name in one.tables)
