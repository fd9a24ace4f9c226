"""All statistics of a study, one after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.statistics.adjusted_groups import compare_adjusted_groups
from npsle_app.cohort.statistics.agreement import assess_readings
from npsle_app.cohort.statistics.baseline_table import make_table1
from npsle_app.cohort.statistics.change import compare_changes
from npsle_app.cohort.statistics.correlations import correlate
from npsle_app.cohort.statistics.further_statements import (
    tell_adjusted,
    tell_agreement,
    tell_change,
    tell_harmonised,
    tell_markers,
    tell_matched,
    tell_mediation,
    tell_outcomes,
    tell_readers,
)
from npsle_app.cohort.statistics.group_tests import compare_groups, compare_pairs, describe_groups
from npsle_app.cohort.statistics.harmonised import harmonise_sites
from npsle_app.cohort.statistics.imputed_regressions import regress_imputed
from npsle_app.cohort.statistics.markers import compare_markers, judge_markers
from npsle_app.cohort.statistics.matched import compare_matched
from npsle_app.cohort.statistics.mediation import mediate
from npsle_app.cohort.statistics.multiple_testing import add_families
from npsle_app.cohort.statistics.next_study import plan_next_study
from npsle_app.cohort.statistics.outcomes import regress_outcomes
from npsle_app.cohort.statistics.participant_flow import count_exclusions, tell_who_enters
from npsle_app.cohort.statistics.power_table import make_power_table
from npsle_app.cohort.statistics.readers import (
    compare_judgements,
    compare_volumes,
    count_thresholds,
    has_readers,
)
from npsle_app.cohort.statistics.regressions import COLUMNS as REGRESSION_COLUMNS
from npsle_app.cohort.statistics.regressions import regress
from npsle_app.cohort.statistics.statements import (
    Statement,
    tell_cohort,
    tell_correlations,
    tell_group_tests,
    tell_power,
    tell_regressions,
    tell_table1,
)
from npsle_app.cohort.study.assembly import Cohort


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One analysis: its tables by name, and what is said of it."""

    name: str
    title: str
    tables: Mapping[str, pd.DataFrame]
    statement: Statement


def analyse(cohort: Cohort, *, rng: np.random.Generator) -> tuple[Analysis, ...]:
    """Do every analysis that the study asks for.

    What cannot be estimated stands in the tables with its reason; it ends nothing.
    `rng` serves imputation alone.
    """
    regressions = _regress(cohort, rng)
    return (
        _follow_participants(cohort),
        _make_table1(cohort),
        _compare_groups(cohort),
        _adjust_groups(cohort),
        _correlate(cohort),
        regressions,
        _regress_outcomes(cohort),
        _judge_markers(cohort),
        _compare_changes(cohort),
        *_asked_alone(cohort),
        *_compare_readers(cohort),
        _state_power(cohort, regressions.tables["regressions"]),
    )


def _follow_participants(cohort: Cohort) -> Analysis:
    return Analysis(
        name="participants",
        title="Participants",
        tables={
            "analysis_frame": cohort.frame,
            "exclusions": count_exclusions(cohort),
            "entering": tell_who_enters(cohort),
        },
        statement=tell_cohort(cohort),
    )


def _make_table1(cohort: Cohort) -> Analysis:
    cells, tests = make_table1(cohort)
    return Analysis(
        name="table1",
        title="Characteristics",
        tables={"table1": cells, "table1_tests": tests},
        statement=tell_table1(tests, study=cohort.study),
    )


def _compare_groups(cohort: Cohort) -> Analysis:
    study = cohort.study
    overall = add_families(
        compare_groups(cohort),
        study=study,
        analysis="group_tests",
        p_columns=("p",),
    )
    pairs = compare_pairs(cohort, overall=overall)
    return Analysis(
        name="group_tests",
        title="Measures by group",
        tables={
            "group_description": describe_groups(cohort),
            "kruskal_wallis": overall,
            "dunn": pairs,
        },
        statement=tell_group_tests(overall, pairs, study=study),
    )


def _adjust_groups(cohort: Cohort) -> Analysis:
    study = cohort.study
    found = compare_adjusted_groups(cohort)
    tests = add_families(found.tests, study=study, analysis="adjusted", p_columns=("p", "p_hc3"))
    return Analysis(
        name="adjusted",
        title="Measures by group, adjusted",
        tables={"ancova": tests, "adjusted_means": found.means, "adjusted_pairs": found.pairs},
        statement=tell_adjusted(tests, found.pairs, study=study),
    )


def _regress_outcomes(cohort: Cohort) -> Analysis:
    table = regress_outcomes(cohort)
    return Analysis(
        name="outcomes",
        title="Yes or no, and numbers",
        tables={"outcomes": table},
        statement=tell_outcomes(table, study=cohort.study),
    )


def _judge_markers(cohort: Cohort) -> Analysis:
    table = judge_markers(cohort)
    pairs = compare_markers(cohort, judged=table)
    return Analysis(
        name="markers",
        title="Single markers",
        tables={"markers": table, "marker_pairs": pairs},
        statement=tell_markers(table, pairs, study=cohort.study),
    )


def _compare_changes(cohort: Cohort) -> Analysis:
    table = compare_changes(cohort)
    return Analysis(
        name="change",
        title="Change over visits",
        tables={"change": table},
        statement=tell_change(table, study=cohort.study),
    )


def _asked_alone(cohort: Cohort) -> Iterator[Analysis]:
    """Do what a study file must ask for."""
    if cohort.study.mediation.mediators:
        table = mediate(cohort)
        yield Analysis(
            name="mediation",
            title="Mediation",
            tables={"mediation": table},
            statement=tell_mediation(table, study=cohort.study),
        )
    if cohort.study.matching.measures:
        matched = compare_matched(cohort)
        yield Analysis(
            name="matched",
            title="Matched pairs",
            tables={
                "matched_differences": matched.differences,
                "matched_balance": matched.balance,
                "matched_pairs": matched.pairs,
            },
            statement=tell_matched(matched.differences, matched.balance, study=cohort.study),
        )
    if cohort.study.combat.site:
        harmonised = harmonise_sites(cohort)
        yield Analysis(
            name="combat",
            title="Sites harmonised (ComBat)",
            tables={
                "combat": harmonised.sites,
                "combat_contrasts": harmonised.contrasts,
                "combat_values": harmonised.people,
            },
            statement=tell_harmonised(harmonised.sites, harmonised.contrasts),
        )
    if cohort.study.agreement.file:
        table = assess_readings(cohort)
        yield Analysis(
            name="agreement",
            title="Agreement",
            tables={"agreement": table},
            statement=tell_agreement(table),
        )


def _compare_readers(cohort: Cohort) -> Iterator[Analysis]:
    """Compare the readers of the reading room, if there were any."""
    readers = cohort.tables.readers
    if has_readers(readers):
        judgements, volumes = compare_judgements(readers), compare_volumes(readers)
        thresholds = count_thresholds(readers)
        yield Analysis(
            name="readers",
            title="Readers",
            tables={
                "reader_judgements": judgements,
                "reader_volumes": volumes,
                "reader_thresholds": thresholds,
            },
            statement=tell_readers(judgements, volumes, thresholds),
        )


def _correlate(cohort: Cohort) -> Analysis:
    study = cohort.study
    table = add_families(
        correlate(cohort),
        study=study,
        analysis="correlations",
        p_columns=("p",),
        apart=("quoted",),
    )
    return Analysis(
        name="correlations",
        title="Partial correlations",
        tables={"correlations": table},
        statement=tell_correlations(table, study=study),
    )


def _regress(cohort: Cohort, rng: np.random.Generator) -> Analysis:
    study = cohort.study
    tables = [regress(cohort), regress_imputed(cohort, rng=rng)]
    joined = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    table = add_families(
        joined[REGRESSION_COLUMNS],
        study=study,
        analysis="regressions",
        p_columns=("p", "p_hc3"),
        apart=("model",),
    )
    return Analysis(
        name="regressions",
        title="Linear regressions",
        tables={"regressions": table},
        statement=tell_regressions(table, study=study),
    )


def _state_power(cohort: Cohort, regressions: pd.DataFrame) -> Analysis:
    table = make_power_table(cohort)
    return Analysis(
        name="power",
        title="Power",
        tables={
            "power": table,
            "next_study": plan_next_study(regressions, study=cohort.study),
        },
        statement=tell_power(table, study=cohort.study),
    )
