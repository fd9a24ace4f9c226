"""How well single measures tell the sides of a contrast apart: AUC, cut, and pairs of measures."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from npsle_app.arrays import Z95, Floats
from npsle_app.cohort.estimators.discrimination import (
    auc_interval,
    delong,
    wilson,
    youden_cut,
)
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import Sides, list_sides, take_sides
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE

_LEAST = 5  # on a side
_CONTRAST = ["contrast", "contrast_label"]
MARKER_COLUMNS = [
    *(*_CONTRAST, "measure", "label", "unit", "direction", "n_group", "n_against"),
    *("auc", "auc_low", "auc_high", "p", "cut", "sensitivity", "sensitivity_low"),
    *("sensitivity_high", "specificity", "specificity_low", "specificity_high"),
    *("status", "reason", "note"),
]
PAIR_COLUMNS = [
    *(*_CONTRAST, "measure", "label", "other", "other_label", "n_group", "n_against"),
    *("auc", "auc_other", "difference", "low", "high", "p", "status", "reason"),
]


def judge_markers(cohort: Cohort) -> pd.DataFrame:
    """Judge each measure in each contrast of the question.

    `direction` says whether the group has the higher or the lower values, as the AUC above one
    half does; limits of the AUC are DeLong's on the logit scale. The cut is Youden's, found in
    the same people: sensitivity and specificity there are too good, most so where few are seen.
    """
    rows = [
        _judge(cohort, sides, measure)
        for sides in _list_contrasts(cohort)
        for measure in expand(cohort.study.markers.measures, cohort=cohort)
    ]
    return pd.DataFrame(rows, columns=MARKER_COLUMNS)


def compare_markers(cohort: Cohort, *, judged: pd.DataFrame) -> pd.DataFrame:
    """Compare the AUCs of each two measures in the people who have both (DeLong 1988)."""
    rows = []
    for sides in _list_contrasts(cohort):
        own = judged[(judged["contrast"] == sides.contrast.name) & (judged["status"] == ESTIMATED)]
        directions = dict(zip(own["measure"], own["direction"], strict=True))
        rows += [_compare(cohort, sides, pair, directions) for pair in combinations(directions, 2)]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _list_contrasts(cohort: Cohort) -> Iterator[Sides]:
    asked = cohort.study.markers.contrasts
    return (one for one in list_sides(cohort) if not asked or one.contrast.name in asked)


def _take(cohort: Cohort, sides: Sides, *measures: str) -> tuple[Floats, Floats]:
    """Return (n,) sides and (n, k) values of those who have all measures.

    Raises
    ------
    ValueError
        If a measure is not there, holds levels, is the same in all, or fewer than five of a side
        have it.
    """
    side, rows = take_sides(cohort, sides=sides, columns=measures)
    for measure in measures:
        if absence := cohort.find_absence(measure):
            raise ValueError(absence)
        if not pd.api.types.is_numeric_dtype(rows[measure]):
            msg = f"{measure} holds levels, not numbers"
            raise ValueError(msg)
    complete = rows[list(measures)].dropna()
    y = side[complete.index].to_numpy(dtype=float)
    if min(y.sum(), (1 - y).sum()) < _LEAST:
        msg = f"{y.sum():.0f} and {(1 - y).sum():.0f} people; needed are {_LEAST} on each side"
        raise ValueError(msg)
    for measure in measures:
        if (complete[measure] == complete[measure].iloc[0]).all():
            msg = f"{measure} is the same in all ({complete[measure].iloc[0]:g})"
            raise ValueError(msg)
    return y, complete.to_numpy(dtype=float)


def _name(sides: Sides, measure: str) -> dict[str, object]:
    return {
        "contrast": sides.contrast.name,
        "contrast_label": sides.contrast.label,
        "measure": measure,
        "label": describe_column(measure).label,
    }


def _judge(cohort: Cohort, sides: Sides, measure: str) -> dict[str, object]:
    from scipy import stats

    told = _name(sides, measure) | {"unit": describe_column(measure).unit}
    try:
        y, values = _take(cohort, sides, measure)
    except ValueError as error:
        reason = f"{measure}, {sides.contrast.label}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason, "note": ""}
    areas, covariance = delong(values[:, 0], y=y)
    lower = float(areas[0]) < 0.5
    scores = -values[:, 0] if lower else values[:, 0]
    area = auc_interval(float(max(areas[0], 1 - areas[0])), float(covariance[0, 0]))
    cut = youden_cut(scores, y)
    called = scores >= cut
    n_group, n_against = int(y.sum()), int((1 - y).sum())
    sensitivity = wilson(float(called[y == 1].sum()), n_group)
    specificity = wilson(float((~called)[y == 0].sum()), n_against)
    p = stats.mannwhitneyu(scores[y == 1], scores[y == 0], use_continuity=False).pvalue
    apart = area.value == 1
    return told | {
        "direction": "lower" if lower else "higher",
        "n_group": n_group,
        "n_against": n_against,
        "auc": area.value,
        "auc_low": area.low,
        "auc_high": area.high,
        "p": float(p),
        "cut": -cut if lower else cut,
        "sensitivity": sensitivity.value,
        "sensitivity_low": sensitivity.low,
        "sensitivity_high": sensitivity.high,
        "specificity": specificity.value,
        "specificity_low": specificity.low,
        "specificity_high": specificity.high,
        "status": ESTIMATED,
        "reason": "",
        "note": "tells the sides apart without error: no limits" if apart else "",
    }


def _compare(
    cohort: Cohort, sides: Sides, pair: tuple[str, str], directions: dict[str, str]
) -> dict[str, object]:
    from scipy import stats

    told = _name(sides, pair[0]) | {
        "other": pair[1],
        "other_label": describe_column(pair[1]).label,
    }
    try:
        y, values = _take(cohort, sides, *pair)
        signs = np.array([-1.0 if directions[one] == "lower" else 1.0 for one in pair])
        areas, covariance = delong(*(values * signs).T, y=y)
        difference = float(areas[0] - areas[1])
        variance = float(np.array([1, -1]) @ covariance @ np.array([1, -1]))
        if variance <= 0:
            msg = "the two tell the same people apart: their difference has no standard error"
            raise ValueError(msg)  # noqa: TRY301 - told in the row, as all other reasons
    except ValueError as error:
        reason = f"{pair[0]} and {pair[1]}, {sides.contrast.label}: {error}"
        return told | {"status": NOT_ESTIMABLE, "reason": reason}
    se = float(np.sqrt(variance))
    return told | {
        "n_group": int(y.sum()),
        "n_against": int((1 - y).sum()),
        "auc": float(areas[0]),
        "auc_other": float(areas[1]),
        "difference": difference,
        "low": difference - Z95 * se,
        "high": difference + Z95 * se,
        "p": float(2 * stats.norm.sf(abs(difference) / se)),
        "status": ESTIMATED,
        "reason": "",
    }
