"""Centile curves of the population: the study's people, and one person's volumes."""

from collections.abc import Iterator

from pandas import DataFrame

from npsle_app.cohort.deviations.population_plots import list_person_curves, list_study_curves
from npsle_app.cohort.deviations.population_study import PopulationStudy
from npsle_app.cohort.normative.population import Population
from npsle_app.figures.paper.centiles import CentilePanel, Visit, draw_centile_panels
from npsle_app.figures.paper.paper import PaperFigure
from npsle_app.figures.paper.population import CurvePanel, Group, draw_study_curves
from npsle_app.measures import MEASURES


def draw_study(modelled: PopulationStudy) -> Iterator[PaperFigure]:
    """Draw the study's people among the curves; nothing where nobody of a group has a score."""
    panels = [
        CurvePanel(**one | {"groups": [Group(**group) for group in one["groups"]]})
        for one in list_study_curves(modelled)
    ]
    if not any(len(group.ages_years) for panel in panels for group in panel.groups):
        return
    yield PaperFigure(
        name="population-curves",
        drawing=draw_study_curves(panels, unit="mL"),
        caption=f"Volumes by age and sex among the centiles 2.5 (dashed), 25, 50, 75 and 97.5 "
        f"(dashed) of {modelled.population.name}, for a head of middling size at a middling "
        "site. Each baseline scan stands at its own centile given head size and site; a line "
        "from limit to limit: z beyond the cut, with what is not known of the scanner.",
        wide=True,
    )


def draw_person(traced: DataFrame, *, population: Population, session_id: str) -> str | None:
    """Draw a session's volumes as SVG among the curves of this head and site.

    None without a score.
    """
    panels = []
    for one in list_person_curves(traced, population=population, session_id=session_id):
        region, z = one.pop("region"), one.pop("z")
        name = MEASURES[region].description.removeprefix("Volume of the ").split(", as ")[0]
        visits = [Visit(**visit) for visit in one.pop("visits")]
        title = f"{name}: z {z:+.1f}".replace("-", "−")
        panels.append(CentilePanel(title=title, visits=visits, **one))
    if not panels:
        return None
    return draw_centile_panels(
        panels, text="curves for this sex, head size and site; bars: 95 % limits of z", unit="mL"
    )
