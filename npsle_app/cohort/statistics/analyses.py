"""All statistics of a study, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.statistics.baseline_table import make_table1
from npsle_app.cohort.statistics.correlations import correlate
from npsle_app.cohort.statistics.group_tests import compare_groups, compare_pairs, describe_groups
from npsle_app.cohort.statistics.imputed_regressions import regress_imputed
from npsle_app.cohort.statistics.multiple_testing import add_families
from npsle_app.cohort.statistics.participant_flow import count_exclusions, tell_who_enters
from npsle_app.cohort.statistics.power_table import make_power_table
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
    return (
        _follow_participants(cohort),
        _make_table1(cohort),
        _compare_groups(cohort),
        _correlate(cohort),
        _regress(cohort, rng),
        _state_power(cohort),
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


def _correlate(cohort: Cohort) -> Analysis:
    study = cohort.study
    table = add_families(
        correlate(cohort),
        study=study,
        analysis="correlations",
        p_columns=("p",),
        apart=("method",),
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


def _state_power(cohort: Cohort) -> Analysis:
    table = make_power_table(cohort)
    return Analysis(
        name="power",
        title="Power",
        tables={"power": table},
        statement=tell_power(table, study=cohort.study),
    )
