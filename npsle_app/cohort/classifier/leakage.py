"""Predictors that may know the answer, and classes that may differ for another reason.

Nothing is taken away: each finding names the column and says why it may leak. The sensitivity
analysis shows the model without the columns that were named.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.classifier.problem import Problem
from npsle_app.cohort.estimators.discrimination import auc

_ASSOCIATED_P = 0.05
_ACQUISITION = ("scanner", "site", "flair_type", "manufacturer", "field_strength")
_NEUROLOGICAL = (
    "seizure|psychosis|organic_brain|visual_disturbance|cranial_nerve|lupus_headache|headache|cva"
    "|cerebrovascular|confusional|cognitive|mood|anxiety|myelopathy|neuropathy|chorea|meningitis"
)
_KNOWN = (
    (
        r"(?!.*non_?np).*sledai.*",
        (
            "SLEDAI-2K gives 56 of its 105 points to seven neurological items; take "
            "sledai_2k_non_np, the score without them"
        ),
    ),
    (
        r"(.*_)?(sdi|slicc_di|damage_index)(_.*)?",
        "the SLICC/ACR damage index has a neuropsychiatric domain",
    ),
    (
        r"(acr_np|np_|npsle|neuropsychiatric|diagnosis|attribution|group$).*",
        "it is part of the definition of the classes",
    ),
    (rf"(.*_)?({_NEUROLOGICAL})(_.*)?", "it is a neuropsychiatric event, hence part of the answer"),
    (
        (
            r"(.*_)?(prednisone|prednisolone|steroid|glucocorticoid|immunosuppress|cyclophosphamide"
            r"|rituximab|anticoagul|antiepileptic|antipsychotic|antidepress)\w*"
        ),
        "treatment may have been started because of a neuropsychiatric event",
    ),
    (
        r"wmh_status|fazekas.*",
        "a reader who knew the diagnosis may have scored it; the app's own is blind",
    ),
    (
        rf"({'|'.join(_ACQUISITION)}).*",
        "it tells how the scan was made; classes scanned otherwise are told apart by it",
    ),
    (r".*(participant|subject|session).*id|.*date.*|.*acq_time.*", "it identifies, not measures"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One suspicion; `is_predictor` says whether the column is in the model."""

    column: str
    finding: str
    is_predictor: bool = True


def find_leaks(problem: Problem, *, people: pd.DataFrame) -> list[Leak]:
    """Look at names and values of the predictors, and at how the classes were scanned.

    Parameters
    ----------
    people
        The participants of the problem, one row each, in its order.
    """
    leaks = [
        *_by_name(problem),
        *_by_value(problem),
        *_by_missingness(problem),
        *_by_acquisition(problem, people),
    ]
    if any(term.block == "imaging" for term in problem.terms):
        leaks.append(
            Leak(
                column="imaging predictors",
                finding="if MRI was seen when the diagnosis was made, the classes already hold "
                "what the images show (incorporation bias); the tables cannot tell",
                is_predictor=False,
            )
        )
    if "HC" in problem.negative or "control" in problem.negative.lower():
        leaks.append(
            Leak(
                column="classes",
                finding="healthy controls are the other class: whatever lupus changes tells them "
                "apart, so the AUC says little of neuropsychiatric lupus",
                is_predictor=False,
            )
        )
    return leaks


def _by_name(problem: Problem) -> Iterator[Leak]:
    for column in dict.fromkeys(term.column for term in problem.terms):
        for pattern, finding in _KNOWN:
            if re.fullmatch(pattern, column.lower()):
                yield Leak(column=column, finding=finding)
                break


def _by_value(problem: Problem) -> Iterator[Leak]:
    for term, values in zip(problem.terms, problem.x.T, strict=True):
        seen = np.isfinite(values)
        for value, label in ((1, problem.positive), (0, problem.negative)):
            inside = values[seen & (problem.y == value)]
            if len(inside) > 1 and np.ptp(inside) == 0:
                told = f"it is {inside[0]:g} in all participants in {label}"
                yield Leak(column=term.column, finding=f"constant in one class: {told}")
        if float(auc(values[seen], problem.y[seen])) in (0.0, 1.0):
            yield Leak(column=term.column, finding="it tells the classes apart without error")


def _by_missingness(problem: Problem) -> Iterator[Leak]:
    from scipy.stats import fisher_exact

    for term, values in zip(problem.terms, problem.x.T, strict=True):
        missing = ~np.isfinite(values)
        if not missing.any():
            continue
        table = [[int((missing & (problem.y == v)).sum()) for v in (1, 0)]]
        table.append([int((~missing & (problem.y == v)).sum()) for v in (1, 0)])
        p = float(fisher_exact(table)[1])
        if p < _ASSOCIATED_P:
            counts = f"{table[0][0]} in {problem.positive}, {table[0][1]} in {problem.negative}"
            yield Leak(
                column=term.column,
                finding=f"missing more often in one class ({counts}; Fisher p = {p:.2g}): that a "
                "value is missing tells the class",
            )


def _by_acquisition(problem: Problem, people: pd.DataFrame) -> Iterator[Leak]:
    from scipy.stats import chi2_contingency

    used = {term.column for term in problem.terms}
    for column in (name for name in _ACQUISITION if name in people):
        known = people[column].notna().to_numpy()
        table = pd.crosstab(people[column].to_numpy()[known], problem.y[known])
        if min(table.shape) < 2:
            continue
        p = float(chi2_contingency(table, correction=False)[1])
        if p < _ASSOCIATED_P:
            yield Leak(
                column=column,
                finding=f"the classes were not scanned alike (χ² p = {p:.2g}): imaging "
                "predictors may tell the scanner instead of the disease",
                is_predictor=column in used,
            )
