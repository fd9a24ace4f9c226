"""Groups compared in pairs of people who are alike, where a study asks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools
from npsle_app.cohort.estimators.matching import Pairs, match
from npsle_app.cohort.estimators.two_sample import standardised_difference
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import Sides, list_sides, take_sides
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import Covariates, take_covariates
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

_LEAST = 6  # pairs: fewer cannot have p < 0.05 by ranks
_CONTRAST = ["contrast", "contrast_label"]
PAIR_COLUMNS = [*_CONTRAST, "participant_id", "matched_with", "distance"]
BALANCE_COLUMNS = [
    *(*_CONTRAST, "variable", "n_group", "n_against", "pairs", "smd_before", "smd_after"),
    *("status", "reason"),
]
DIFFERENCE_COLUMNS = [
    *(*_CONTRAST, "measure", "label", "unit", "covariates", "pairs", "difference", "low", "high"),
    *("p", "p_wilcoxon", "status", "reason"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedTables:
    """Who was matched with whom, how alike the sides became, and how far measures differ."""

    pairs: pd.DataFrame
    balance: pd.DataFrame
    differences: pd.DataFrame


def compare_matched(cohort: Cohort) -> MatchedTables:
    """Match the sides of each contrast by propensity, and compare measures within pairs.

    `smd_before` and `smd_after` are standardised differences of the covariates: below 0.1 the
    sides are alike (Austin 2009). The difference is the mean of group minus matched person with
    limits by t, `p_wilcoxon` that of signed ranks. Without measures in the study file there are
    no rows.
    """
    asked = cohort.study.matching
    pairs: list[dict[str, object]] = []
    balance: list[dict[str, object]] = []
    differences: list[dict[str, object]] = []
    contrasts = asked.contrasts or tuple(one.name for one in cohort.study.contrasts)
    for sides in list_sides(cohort) if asked.measures else ():
        if sides.contrast.name not in contrasts:
            continue
        told: dict[str, object] = {
            "contrast": sides.contrast.name,
            "contrast_label": sides.contrast.label,
        }
        try:
            taken, group, rows = _take(cohort, sides)
            found = match(group, covariates=taken.matrix, caliper=asked.caliper)
        except ValueError as error:
            reason = f"{sides.contrast.label}: {error}"
            balance.append(told | {"status": NOT_ESTIMABLE, "reason": reason})
            continue
        pairs += [told | row for row in _list_pairs(found, rows)]
        balance += [told | row for row in _tell_balance(found, group, taken)]
        for measure in expand(asked.measures, cohort=cohort):
            told_more = told | {"covariates": ", ".join(taken.used)}
            differences.append(told_more | _compare(cohort, found, rows, measure, sides))
    return MatchedTables(
        pairs=pd.DataFrame(pairs, columns=PAIR_COLUMNS),
        balance=pd.DataFrame(balance, columns=BALANCE_COLUMNS),
        differences=pd.DataFrame(differences, columns=DIFFERENCE_COLUMNS),
    )


def _take(cohort: Cohort, sides: Sides) -> tuple[Covariates, Bools, pd.DataFrame]:
    names = cohort.study.matching.covariates
    side, rows = take_sides(cohort, sides=sides, columns=names)
    taken = take_covariates(cohort, rows=rows, names=names, needed=())
    return taken, side[taken.rows].to_numpy() == 1, rows.loc[taken.rows]


def _list_pairs(found: Pairs, rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    people = rows["participant_id"].to_numpy()
    for one, other, distance in zip(found.group, found.against, found.distance, strict=True):
        yield {
            "participant_id": people[one],
            "matched_with": people[other],
            "distance": float(distance),
        }


def _tell_balance(found: Pairs, group: Bools, taken: Covariates) -> Iterator[dict[str, object]]:
    for name, values in zip(taken.names, taken.matrix.T, strict=True):
        yield {
            "variable": name,
            "n_group": int(group.sum()),
            "n_against": int((~group).sum()),
            "pairs": len(found.group),
            "smd_before": standardised_difference(values[group], values[~group]),
            "smd_after": standardised_difference(values[found.group], values[found.against]),
            "status": ESTIMATED,
            "reason": "",
        }


def _compare(
    cohort: Cohort, found: Pairs, rows: pd.DataFrame, measure: str, sides: Sides
) -> dict[str, object]:
    from scipy import stats

    column = describe_column(measure)
    told: dict[str, object] = {"measure": measure, "label": column.label, "unit": column.unit}
    reason = cohort.find_absence(measure)
    steps = np.array([])
    if not reason:
        values = cohort.frame.loc[rows.index, measure].to_numpy(dtype=float)
        steps = values[found.group] - values[found.against]
        steps = steps[np.isfinite(steps)]
        if len(steps) < _LEAST:
            reason = f"{len(steps)} pairs with values; needed are {_LEAST}"
        elif np.ptp(steps) == 0:
            reason = f"the difference is the same in all pairs ({steps[0]:g})"
    if reason:
        text = f"{measure}, {sides.contrast.label}: {reason}"
        return told | {"pairs": len(steps), "status": NOT_ESTIMABLE, "reason": text}
    result = stats.ttest_1samp(steps, 0.0)
    low, high = result.confidence_interval(0.95)
    return told | {
        "pairs": len(steps),
        "difference": float(steps.mean()),
        "low": float(low),
        "high": float(high),
        "p": float(result.pvalue),
        "p_wilcoxon": float(stats.wilcoxon(steps).pvalue),
        "status": ESTIMATED,
        "reason": "",
    }
