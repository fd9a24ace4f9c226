"""Measures compared between all groups at equal covariates, beside the tests of ranks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.cohort.estimators.adjusted_means import AdjustedGroups, compare_adjusted
from npsle_app.cohort.estimators.rank_tests import FEW
from npsle_app.cohort.statistics.group_tests import expand
from npsle_app.cohort.statistics.regressions import LN_FACTOR, transform_outcome
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import take_covariates
from npsle_app.cohort.study.populations import find_members, take
from npsle_app.cohort.study.study import Study
from npsle_app.formatting import ESTIMATED, NOT_ESTIMABLE
from npsle_app.measures import MEASURES

TIV = "tiv_ml"
_LEAST = 2  # people of a group
FEW_PEOPLE = f"fewer than {FEW} in a group: the test rests on its model, and says little"
_NAMED = ["measure", "label", "unit"]
TEST_COLUMNS = [
    *_NAMED,
    *("transform", "covariates", "n", "missing", "f", "df", "df_residual", "p", "f_hc3", "p_hc3"),
    *("partial_eta2", "status", "reason", "note"),
]
MEAN_COLUMNS = [
    *_NAMED,
    *("transform", "limits", "group", "group_label", "n", "adjusted_mean", "low", "high"),
]
PAIR_COLUMNS = [
    *_NAMED,
    *("transform", "limits", "against", "against_label", "group", "group_label", "difference"),
    *("low", "high", "ratio", "ratio_low", "ratio_high", "p", "p_holm", "p_tukey", "to_be_read"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedTables:
    """The tests, the adjusted means, and the pairs.

    Measures that enter as logarithms have geometric means, and ratios of pairs.
    """

    tests: pd.DataFrame
    means: pd.DataFrame
    pairs: pd.DataFrame


def list_covariates(study: Study, *, measure: str, cohort: Cohort) -> tuple[str, ...]:
    """List what a measure is adjusted for: of a volume the intracranial volume as well.

    A covariate that the study file does not ask for and no table has is passed over.
    """
    asked = study.adjusted.covariates
    there = [one for one in asked if one in study.typed or not cohort.find_absence(one)]
    of_head = measure != TIV and describe_column(measure).unit == "mL" and measure in MEASURES
    names = (*there, TIV) if of_head else there
    return tuple(dict.fromkeys(name for name in names if name != measure))


def compare_adjusted_groups(cohort: Cohort) -> AdjustedTables:
    """Compare each measure between the groups at equal covariates (analysis of covariance)."""
    tests: list[dict[str, object]] = []
    means: list[pd.DataFrame] = []
    pairs: list[pd.DataFrame] = []
    for measure in expand(cohort.study.adjusted.measures, cohort=cohort):
        column = describe_column(measure)
        named: dict[str, str] = {
            "measure": measure,
            "label": column.label,
            "unit": column.unit,
        }
        try:
            row, result, transform = _compare(cohort, measure)
        except ValueError as error:
            reason = f"{measure}: {error}"
            tests.append({**named, "status": NOT_ESTIMABLE, "reason": reason, "note": ""})
            continue
        tests.append(named | row)
        read = row["p_hc3" if _is_robust(cohort.study) else "p"]
        means.append(_lay_out_means(result, cohort.study, transform).assign(**named))
        laid = _lay_out_pairs(result, cohort.study, transform)
        to_be_read = "yes" if float(str(read)) < cohort.study.alpha else "no"
        pairs.append(laid.assign(**named, to_be_read=to_be_read))
    return AdjustedTables(
        tests=pd.DataFrame(tests, columns=TEST_COLUMNS),
        means=_join(means, MEAN_COLUMNS),
        pairs=_join(pairs, PAIR_COLUMNS),
    )


def _compare(cohort: Cohort, measure: str) -> tuple[dict[str, object], AdjustedGroups, str]:
    study = cohort.study
    names = list_covariates(study, measure=measure, cohort=cohort)
    inside = find_members(cohort)
    member = pd.Series(None, index=cohort.frame.index, dtype=object)
    for group in study.groups:
        member[inside[group]] = group
    rows = take(
        cohort.frame,
        inside=member.notna(),
        columns=(measure, *names, *study.adjusts_for),
    )
    taken = take_covariates(
        cohort,
        rows=rows,
        names=names,
        needed=(measure,),
        acquisition=study.adjusts_for,
        apart=member[rows.index],
    )
    counts = member[taken.rows].value_counts()
    order = [group for group in study.groups if counts.get(group, 0) >= _LEAST]
    kept = member[taken.rows].isin(order).to_numpy()
    people = taken.rows[kept]
    if len(order) < _LEAST:
        msg = "needs two groups of two with all covariates"
        raise ValueError(msg)
    outcome, transform, n_zero = transform_outcome(rows.loc[people, measure], study=study)
    result = compare_adjusted(
        outcome,
        groups=list(member[people]),
        covariates=taken.matrix[kept],
        order=order,
        robust=_is_robust(study),
    )
    notes = [f"constant and left out: {', '.join(taken.constant)}"] if taken.constant else []
    notes += taken.notes
    notes += [] if counts[order].min() >= FEW else [FEW_PEOPLE]
    notes += [f"{n_zero} zeros became {study.regressions.zero_becomes:g}"] if n_zero else []
    row: dict[str, object] = {
        "transform": transform,
        "covariates": ", ".join(taken.used),
        "n": result.n,
        "missing": len(rows) - result.n,
        "f": result.f,
        "df": result.df,
        "df_residual": result.df_residual,
        "p": result.p,
        "f_hc3": result.f_hc3,
        "p_hc3": result.p_hc3,
        "partial_eta2": result.partial_eta2,
        "status": ESTIMATED,
        "reason": "",
        "note": "; ".join(notes),
    }
    return row, result, transform


def _is_robust(study: Study) -> bool:
    return study.mode != "paper"


def _lay_out_means(result: AdjustedGroups, study: Study, transform: str) -> pd.DataFrame:
    means = result.means.rename(columns={"mean": "adjusted_mean"})
    if transform.startswith("ln"):
        for name in ("adjusted_mean", "low", "high"):
            means[name] = np.exp(means[name]) / LN_FACTOR
    return means.assign(
        transform=transform,
        limits=_name_limits(study),
        group_label=[study.label(name) for name in means["group"]],
    )


def _lay_out_pairs(result: AdjustedGroups, study: Study, transform: str) -> pd.DataFrame:
    logged = transform.startswith("ln")
    pairs = result.pairs
    ratios = np.exp(pairs[["difference", "low", "high"]].to_numpy()) if logged else np.nan
    pairs[["ratio", "ratio_low", "ratio_high"]] = ratios
    return pairs.assign(
        transform=transform,
        limits=_name_limits(study),
        group_label=[study.label(name) for name in pairs["group"]],
        against_label=[study.label(name) for name in pairs["against"]],
    )


def _name_limits(study: Study) -> str:
    return "HC3" if _is_robust(study) else "equal variances"


def _join(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]
