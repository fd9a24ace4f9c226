"""Normative modelling of a study, from its tables to scores, analyses and words."""

from dataclasses import dataclass

import pandas as pd

from npsle_app.cohort.deviations.associations import relate_scores
from npsle_app.cohort.deviations.deviations import (
    Deviations,
    StudyDeviations,
    collect_deviations,
)
from npsle_app.cohort.deviations.events import (
    compare_curves,
    describe_risk,
    estimate_curves,
    regress_hazards,
)
from npsle_app.cohort.deviations.groups import (
    compare_groups_by_count,
    compare_regions,
    describe_counts,
)
from npsle_app.cohort.deviations.statements import (
    list_warnings,
    tell_associations,
    tell_counts,
    tell_course,
    tell_events,
    tell_model,
    tell_prevalence,
)
from npsle_app.cohort.deviations.transitions import tabulate_transitions
from npsle_app.cohort.normative.model import Provenance, Tail
from npsle_app.cohort.normative.scores import COLUMNS
from npsle_app.cohort.normative.scoring import describe_reference, score_visits
from npsle_app.cohort.normative.sources import GivenReference, make_reference
from npsle_app.cohort.statistics.analyses import Analysis
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.visits import list_visits, none_if_blank


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many permutations of groups and bootstrap samples are made, from which seed."""

    permutations: int = 9999
    samples: int = 200
    seed: int = 20260101


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationStudy:
    """What deviations from one reference mean in a study.

    Attributes
    ----------
    scores
        One row per participant, session and region.
    analyses
        As those of the statistics: tables and words.
    warnings
        What a reader must know before any number.
    """

    found: Deviations
    scores: pd.DataFrame
    analyses: tuple[Analysis, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NormativeStudy(DeviationStudy):
    """The same from a reference that the study fitted or was given."""

    found: StudyDeviations


def model_study(
    cohort: Cohort,
    *,
    own: Provenance,
    given: GivenReference | None = None,
    tail: Tail = "lower",
    allow_foreign: bool = False,
    effort: Effort | None = None,
    visits: pd.DataFrame | None = None,
) -> NormativeStudy:
    """Score everyone by a reference, and say what deviations mean in the study.

    Parameters
    ----------
    own
        What measured the study's volumes.
    given
        A reference from elsewhere; else the study's own controls make it.
    visits
        As `list_visits` gives them, where their volumes are not those of the app's own atlas.

    Raises
    ------
    ValueError
        If there is no reference, or it does not fit the volumes. Every single analysis that
        cannot be done has a row that says why instead.
    """
    effort = effort or Effort()
    visits = list_visits(cohort) if visits is None else visits
    reference, notes = make_reference(
        visits,
        cohort=cohort,
        own=own,
        given=given,
        allow_foreign=allow_foreign,
        seed=effort.seed,
    )
    scores = score_visits(visits, study=cohort.study, reference=reference, tail=tail)
    found = collect_deviations(visits, scores, cohort=cohort, reference=reference, tail=tail)
    return NormativeStudy(
        found=found,
        scores=scores.assign(session_id=none_if_blank(scores["session_id"]))[COLUMNS],
        analyses=(_state_model(found), *analyse_deviations(found, effort=effort)),
        warnings=tuple(list_warnings(found, notes=notes)),
    )


def analyse_deviations(deviations: Deviations, *, effort: Effort) -> tuple[Analysis, ...]:
    """Do every analysis of deviations."""
    return (
        _compare_counts(deviations, effort),
        _compare_regions(deviations),
        _relate_scores(deviations, effort),
        _follow_states(deviations),
        _follow_events(deviations, effort),
    )


def _state_model(deviations: StudyDeviations) -> Analysis:
    return Analysis(
        name="normative_model",
        title="Normative model",
        tables={
            "normative_sexes": describe_reference(deviations.reference, tail=deviations.tail),
            "normative_outliers": deviations.reference.outliers,
        },
        statement=tell_model(deviations),
    )


def _compare_counts(deviations: Deviations, effort: Effort) -> Analysis:
    groups = describe_counts(deviations)
    comparisons = compare_groups_by_count(
        deviations, permutations=effort.permutations, seed=effort.seed
    )
    return Analysis(
        name="deviations",
        title="Deviations by group",
        tables={
            "deviation_groups": groups,
            "deviation_comparisons": comparisons,
            "deviation_counts": deviations.counts,
        },
        statement=tell_counts(groups, comparisons, deviations=deviations),
    )


def _compare_regions(deviations: Deviations) -> Analysis:
    table = compare_regions(deviations)
    return Analysis(
        name="deviation_prevalence",
        title="Which regions deviate",
        tables={"deviation_prevalence": table},
        statement=tell_prevalence(table, deviations=deviations),
    )


def _relate_scores(deviations: Deviations, effort: Effort) -> Analysis:
    table = relate_scores(deviations, samples=effort.samples, seed=effort.seed)
    return Analysis(
        name="deviation_associations",
        title="Deviations and disability",
        tables={"deviation_associations": table},
        statement=tell_associations(table, deviations=deviations),
    )


def _follow_states(deviations: Deviations) -> Analysis:
    table = tabulate_transitions(deviations)
    return Analysis(
        name="deviation_transitions",
        title="Deviations over visits",
        tables={"deviation_transitions": table},
        statement=tell_course(table),
    )


def _follow_events(deviations: Deviations, effort: Effort) -> Analysis:
    risk, tests = describe_risk(deviations), compare_curves(deviations)
    cox = regress_hazards(deviations, samples=effort.samples, seed=effort.seed)
    return Analysis(
        name="deviation_events",
        title="Risk and events",
        tables={
            "risk_groups": risk,
            "survival": estimate_curves(deviations),
            "survival_tests": tests,
            "cox": cox,
        },
        statement=tell_events(risk, tests, cox, deviations=deviations),
    )
