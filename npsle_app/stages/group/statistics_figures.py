"""Draw the figures of the statistics: SVG whose dots are links, and PDF."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.stages.group.summary import save_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from npsle_app.cohort.statistics.analyses import Analysis
    from npsle_app.cohort.statistics.plots import Effect
    from npsle_app.cohort.study.assembly import Cohort
    from npsle_app.cohort.study.study import Study
    from npsle_app.figures.paper.estimates import Estimate
    from npsle_app.figures.paper.groups import Cloud

_MOST_PAIRS = 6
_MOST_GROUPS = 12  # of the lowest p; the tables have all
_MOST_ROWS = 40
_Drawn = tuple[str, "Figure", str]  # name, figure, caption


def draw_figures(
    output_dir: Path, *, study: "Study", cohort: "Cohort", analyses: "tuple[Analysis, ...]"
) -> dict[str, list[dict[str, str]]]:
    """Draw and save what each analysis shows.

    Returns
    -------
    dict
        By the analysis' name: `path` of the SVG from the output's root and `caption` of each.
    """
    found = {analysis.name: analysis for analysis in analyses}
    drawn = {
        "participants": _draw_flow(found["participants"], study=study, cohort=cohort),
        "group_tests": _draw_groups(found["group_tests"], study=study, cohort=cohort),
        "correlations": _draw_correlations(found["correlations"], study=study, cohort=cohort),
        "regressions": _draw_regressions(found["regressions"], study=study),
    }
    return {
        name: [
            save_figure(output_dir, figure_name, figure, stage="statistics", caption=caption)
            for figure_name, figure, caption in each
        ]
        for name, each in drawn.items()
    }


def _draw_flow(analysis: "Analysis", *, study: "Study", cohort: "Cohort") -> Iterator[_Drawn]:
    from npsle_app.cohort.study.populations import members
    from npsle_app.figures.paper.flow import draw_flow

    sizes = {
        study.label(name): int(members(cohort.frame, population=study.populations[name]).sum())
        for name in study.groups
    }
    left_out = analysis.tables["exclusions"]
    pairs = zip(left_out["reason"], left_out["n"], strict=True)
    figure = draw_flow(
        first=f"Participants\nn = {len(cohort.frame)}",
        left_out=[f"{reason}: {n}" for reason, n in pairs],
        second=f"Enter\nn = {len(cohort.included)}",
        groups=[f"{label}\nn = {n}" for label, n in sizes.items()],
    )
    yield "flow", figure, "Who entered. Each analysis says how many of them had all it takes."


def _draw_groups(analysis: "Analysis", *, study: "Study", cohort: "Cohort") -> Iterator[_Drawn]:
    from npsle_app.cohort.statistics.plots import keep_lowest, list_values
    from npsle_app.cohort.study.columns import describe_column
    from npsle_app.figures.paper.groups import draw_raincloud
    from npsle_app.formatting import equals_p

    rows = _estimated(analysis, "kruskal_wallis")
    for row in keep_lowest(rows, p_of=lambda row: float(row["p"]), most=_MOST_GROUPS):
        values = list_values(cohort, measure=row["measure"], study=study)
        clouds = [
            _cloud(number, name, list(each.index), each)
            for number, (name, each) in enumerate(values.items())
            if len(each)
        ]
        heading = describe_column(row["measure"]).heading
        caption = (
            f"{row['label']} by group: dots are participants{_tell_thinned(clouds)}, thick lines "
            f"quartiles, open circles medians, shapes densities. Kruskal–Wallis "
            f"{equals_p(row['p'])}, {equals_p(row['q'], name='q')}."
            f"{_tell_rest(_MOST_GROUPS, len(rows), what='measures')}"
        )
        yield f"groups_{row['measure']}", draw_raincloud(clouds, label=heading), caption


def _draw_correlations(
    analysis: "Analysis", *, study: "Study", cohort: "Cohort"
) -> Iterator[_Drawn]:
    from npsle_app.cohort.statistics.plots import tabulate_correlations
    from npsle_app.figures.paper.estimates import draw_correlations

    rows = [row for row in _estimated(analysis, "correlations") if row["method"] == "pearson"]
    if not rows:
        return
    table = analysis.tables["correlations"]
    found = tabulate_correlations(table, alpha=study.alpha, most=_MOST_ROWS)
    figure = draw_correlations(
        found.r, rows=found.measures, columns=found.clinical, notable=found.notable
    )
    caption = (
        f"Partial correlations (Pearson) in {study.label(study.correlations.population)}; "
        f"a star: q < {study.alpha:g}."
        f"{_tell_rest(_MOST_ROWS, len({row['measure'] for row in rows}), what='measures')}"
    )
    yield "correlations", figure, caption
    for row in sorted(rows, key=lambda row: row["p"])[:_MOST_PAIRS]:
        if row["p"] < study.alpha:
            yield _draw_pair(row, study=study, cohort=cohort)


def _draw_pair(row: dict[str, Any], *, study: "Study", cohort: "Cohort") -> _Drawn:
    from npsle_app.cohort.statistics.plots import OTHERS, adjust_pair, split
    from npsle_app.cohort.study.columns import describe_column
    from npsle_app.figures.paper.estimates import draw_adjusted
    from npsle_app.formatting import equals_p, format_number

    pair = adjust_pair(cohort, measure=row["measure"], clinical=row["clinical"], study=study)
    x, y = (f"{describe_column(row[name]).heading}, adjusted" for name in ("clinical", "measure"))
    text = f"r = {format_number(row['r'], decimals=3)}, n = {row['n']:.0f}, {equals_p(row['p'])}"
    names = [*(study.label(name) for name in study.groups), OTHERS]
    groups = [
        (_cloud(number, names[number], part.participant_id, part.x), part.y)
        for number, part in enumerate(split(pair, names=names))
        if part.group
    ]
    caption = (
        f"{row['label']} against {row['clinical_label']}, both less what {row['covariates']} "
        f"explain; {text}, {equals_p(row['q'], name='q')}. Dots are participants"
        f"{_tell_thinned([cloud for cloud, _ in groups])}."
    )
    figure = draw_adjusted(groups, x=x, y=y, text=text)
    return f"adjusted_{row['measure']}_{row['clinical']}", figure, caption


def _draw_regressions(analysis: "Analysis", *, study: "Study") -> Iterator[_Drawn]:
    from npsle_app.cohort.statistics.plots import keep_lowest, list_effects
    from npsle_app.figures.paper.estimates import draw_forest

    robust = study.mode != "paper"
    kind = "robust to unequal variances (HC3)" if robust else "of equal variances"
    for contrast in study.contrasts:
        table = analysis.tables["regressions"]
        effects = list_effects(table, contrast=contrast.name, robust=robust)
        if effects:
            lowest = keep_lowest(effects, p_of=lambda effect: effect.p, most=_MOST_ROWS)
            rows = [_estimate(effect, alpha=study.alpha) for effect in lowest]
            figure = draw_forest(rows, label="B / SD of the residuals")
            caption = (
                f"{contrast.label}: difference at equal covariates in standard deviations of "
                f"the residuals, intervals {kind}; squares: p < {study.alpha:g}, not corrected."
                f"{_tell_rest(_MOST_ROWS, len(effects), what='models')}"
            )
            yield f"regressions_{contrast.name}", figure, caption


def _estimate(effect: "Effect", *, alpha: float) -> "Estimate":
    from npsle_app.figures.paper.estimates import Estimate
    from npsle_app.formatting import equals_p, format_interval

    shown = format_interval(effect.value, effect.low, effect.high, decimals=2)
    return Estimate(
        name=effect.label,
        value=effect.value,
        low=effect.low,
        high=effect.high,
        shown=f"{shown}, {equals_p(effect.p)}, n = {effect.n}",
        emphasised=effect.p < alpha,
    )


def _tell_rest(most: int, there: int, *, what: str) -> str:
    """Say that a figure stands for a choice; nothing if it does not."""
    return f" The {most} of {there} {what} with the lowest p are drawn." if there > most else ""


def _tell_thinned(clouds: "Sequence[Cloud]") -> str:
    from npsle_app.figures.paper.paper import MOST_DOTS

    if max(len(cloud.values) for cloud in clouds) <= MOST_DOTS:
        return ""
    return f" ({MOST_DOTS} of a larger group, evenly spaced by rank)"


def _estimated(analysis: "Analysis", table: str) -> list[dict[str, Any]]:
    from npsle_app.formatting import ESTIMATED

    rows = analysis.tables[table]
    done = rows[rows["status"] == ESTIMATED].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in done]


def _cloud(number: int, name: str, people: "Sequence[str]", values: "ArrayLike") -> "Cloud":
    import numpy as np

    from npsle_app.figures.paper.groups import Cloud

    links = tuple(f"{person}.html" for person in people)
    return Cloud(name=name, number=number, values=np.asarray(values, dtype=float), links=links)
