"""Draw the figures of normative modelling: SVG and PDF."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from npsle_app.stages.group.summary import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from npsle_app.cohort.deviations.analyses import NormativeStudy

_WIDE = ("deviation-scores",)
_Drawn = tuple[str, "Figure", str]  # name, figure, caption


def draw_figures(output_dir: Path, study: "NormativeStudy") -> dict[str, list[dict[str, str]]]:
    """Draw and save what each analysis shows; each figure carries the reference's labels.

    Returns
    -------
    dict
        By the analysis' name: `path` of the SVG from the output's root and `caption` of each.
    """
    from npsle_app.figures.paper.paper import head_with

    drawers: dict[str, Callable[[NormativeStudy], Iterator[_Drawn]]] = {
        "deviations": _draw_counts,
        "deviation_associations": _draw_associations,
        "deviation_events": _draw_events,
    }
    labels = study.found.reference.labels
    shown: dict[str, list[dict[str, str]]] = {}
    for name, draw in drawers.items():
        for figure_name, figure, caption in draw(study):
            head_with(figure, labels)
            text = " ".join([caption, *(f"{label}." for label in labels)])
            saved = save_figure(output_dir, figure_name, figure, stage="normative", caption=text)
            width = {"width": "page"} if figure_name in _WIDE else {}
            shown.setdefault(name, []).append(saved | width)
    return shown


def _draw_counts(study: "NormativeStudy") -> Iterator[_Drawn]:
    from npsle_app.cohort.deviations.plots import list_ratios, tabulate_scores
    from npsle_app.figures.paper.estimates import Estimate
    from npsle_app.figures.paper.normative import draw_deviations, draw_ratios

    found = study.found
    if (table := tabulate_scores(found)) is not None:
        figure = draw_deviations(
            table.z,
            people=table.people,
            regions=table.regions,
            critical=table.critical,
            groups=table.groups,
        )
        cut = "|z| > 1.96" if found.tail == "both" else "z < −1.96"
        dots = f" a dot: critical ({cut});" if table.critical.any() else ""
        caption = (
            "Each person's regions at baseline, by group and number of deviations;"
            f"{dots} hatched: no score."
        )
        yield "deviation-scores", figure, caption
    ratios = [Estimate(**one) for one in list_ratios(_table(study, "deviation_comparisons"), found)]
    if ratios:
        caption = (
            "Incidence rate ratios of critical deviations with 95 % intervals; squares: p < "
            f"{found.study.alpha:g} by permutation."
        )
        yield "deviation-ratios", draw_ratios(ratios, label="Incidence rate ratio"), caption


def _draw_associations(study: "NormativeStudy") -> Iterator[_Drawn]:
    from npsle_app.cohort.deviations.plots import list_associations, list_regional
    from npsle_app.figures.paper.estimates import Estimate, draw_forest

    found, table = study.found, _table(study, "deviation_associations")
    label = "β, standard deviations of the score per standard deviation"
    if rows := [Estimate(**one) for one in list_associations(table, found)]:
        caption = (
            "Disability and the number of deviations, across people and over time; squares: "
            f"q < {found.study.alpha:g}."
        )
        yield "deviation-associations", draw_forest(rows, label=label), caption
    if rows := [Estimate(**one) for one in list_regional(table)]:
        caption = (
            "Disability and single regions' z, the associations with the smallest p-values; "
            f"squares: q < {found.study.alpha:g}. A negative β: smaller volume, higher score."
        )
        yield "deviation-regions", draw_forest(rows, label=label), caption


def _draw_events(study: "NormativeStudy") -> Iterator[_Drawn]:
    from npsle_app.cohort.deviations.events import tell_rule
    from npsle_app.cohort.deviations.plots import list_curves, longest_follow_up
    from npsle_app.figures.paper.survival import SurvivalCurve, draw_survival, time_ticks
    from npsle_app.formatting import equals_p

    found = study.found
    longest = longest_follow_up(found)
    if longest <= 0:
        return
    ticks = time_ticks(longest)
    curves = [SurvivalCurve(**one) for one in list_curves(found, ticks=ticks)]
    if not curves:
        return
    p = _table(study, "survival_tests")["p"].iloc[0]
    event = found.study.normative.event_label
    text = f"log-rank {equals_p(float(p))}"
    figure = draw_survival(curves, ticks=ticks, unit="years", event=event, text=text)
    caption = (
        f"Share of patients without {event}, by risk, with 95 % bands; strokes: end of follow-up. "
        f"High risk: {tell_rule(found)}."
    )
    yield "survival", figure, caption


def _table(study: "NormativeStudy", name: str) -> "DataFrame":
    return next(one.tables[name] for one in study.analyses if name in one.tables)
