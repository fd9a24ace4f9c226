"""From the study's question and its participants to a problem that can be learned from."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.classifier.alternatives import OverSites
from npsle_app.cohort.classifier.assessment import assess_classifier
from npsle_app.cohort.classifier.problem import NotEstimableError, Problem, pose
from npsle_app.cohort.classifier.result import Effort, Result
from npsle_app.cohort.estimators.combat import Harmoniser
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.populations import contrast_sides, explain_empty
from npsle_app.cohort.study.sites import take_sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A problem, the same with further predictors, or others, and the people in it.

    `replaced` has, by what it is called, the problem with one predictor in place of another,
    `over_sites` what ComBat needs where the study asks for it.
    """

    problem: Problem
    wider: Problem
    replaced: Mapping[str, Problem]
    people: pd.DataFrame
    over_sites: OverSites | None = None

    def assess(self, *, effort: Effort, executor: Executor, app_version: str) -> Result:
        """Answer it."""
        return assess_classifier(
            self.problem,
            people=self.people,
            wider=self.wider,
            replaced=self.replaced,
            over_sites=self.over_sites,
            effort=effort,
            executor=executor,
            app_version=app_version,
        )


def ask(cohort: Cohort) -> Question:
    """Pose the study's question.

    Columns that the study takes the logarithm of in regressions (`ln_outcomes`) enter as their
    logarithm here too.

    Raises
    ------
    NotEstimableError
        If there is no question, no one in a class, too few, or no usable predictor.
    """
    study = cohort.study
    asked = study.classifier
    if not asked.contrast:
        msg = "not estimable: the study asks for no classifier"
        raise NotEstimableError(msg)
    contrast = study.contrast(asked.contrast)
    group, against = contrast_sides(cohort.frame, study=study, contrast=contrast)
    for name, members in ((contrast.group, group), (contrast.against, against)):
        if not members.any():
            reason = explain_empty(cohort, population=study.populations[name])
            msg = f"not estimable: {reason}"
            raise NotEstimableError(msg)
    blocks = {"clinical": asked.clinical, "imaging": asked.imaging}
    further = [name for name in asked.sensitivity if name not in asked.predictors]

    def put_in_place(ours: str, other: str) -> dict[str, tuple[str, ...]]:
        return {
            block: tuple(dict.fromkeys(other if name == ours else name for name in names))
            for block, names in blocks.items()
        }

    def pose_with(columns: dict[str, tuple[str, ...]]) -> Problem:
        return pose(
            cohort.frame,
            group=group,
            against=against,
            blocks=columns,
            labels=(study.label(contrast.group), study.label(contrast.against)),
            units=units_of(name for names in columns.values() for name in names),
            ln_columns=dict.fromkeys(study.regressions.ln_outcomes, study.regressions.zero_becomes),
        )

    problem = pose_with(blocks)
    return Question(
        problem=problem,
        wider=pose_with({**blocks, "further": tuple(further)}),
        replaced={
            f"{other} for {ours}": pose_with(put_in_place(ours, other))
            for ours, other in asked.instead.items()
            if other in cohort.frame and ours in problem.columns
        },
        people=cohort.frame.iloc[list(problem.rows)],
        over_sites=_find_sites(cohort, problem) if study.combat.site else None,
    )


def _find_sites(cohort: Cohort, problem: Problem) -> OverSites:
    """Take the sites of the problem's people; no covariate that the classes are made of."""
    study = cohort.study
    people = cohort.frame.iloc[list(problem.rows)]
    contrast = study.contrast(study.classifier.contrast)
    telling = {
        column
        for name in (contrast.group, contrast.against)
        for column in study.populations[name].where
    }
    imaging = np.array([term.block == "imaging" and term.level is None for term in problem.terms])
    try:
        if not imaging.any():
            msg = "no imaging predictor is a number"
            raise ValueError(msg)  # noqa: TRY301 - told in the row, as all other reasons
        groups = pd.Series(problem.y, index=people.index)
        sites = take_sites(cohort, people=people, groups=groups, without=frozenset(telling))
    except ValueError as error:
        return OverSites(problem=problem, harmoniser=None, told=str(error))
    harmoniser = Harmoniser(sites=sites.numbers, covariates=sites.covariates, columns=imaging)
    at = people.index.get_indexer(sites.rows)
    told = f"ComBat over {', '.join(sites.names)}, keeping {', '.join(sites.used) or 'nothing'}"
    return OverSites(problem=problem.take(at), harmoniser=harmoniser, told=told)


def units_of(columns: Iterable[str]) -> dict[str, str]:
    """Return the unit of each column in the analysis frame; 1 where it has none."""
    return {str(name): describe_column(str(name)).unit or "1" for name in columns}
