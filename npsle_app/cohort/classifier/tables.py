"""The classifier's result as tidy tables."""

import numpy as np
import pandas as pd
from scipy.special import expit

from npsle_app.cohort.classifier.checklist import make_checklist
from npsle_app.cohort.classifier.performance import RATES
from npsle_app.cohort.classifier.result import Result
from npsle_app.cohort.estimators.calibration import (
    THRESHOLDS,
    benefit_of_treating_all,
    calibration_groups,
)
from npsle_app.cohort.estimators.discrimination import NOTHING, Estimate


def make_tables(result: Result) -> dict[str, pd.DataFrame]:
    """Return the tables by name."""
    return {
        "performance": _performance(result),
        "coefficients": _coefficients(result),
        "alternatives": _alternatives(result),
        "subgroups": _subgroups(result),
        "leaks": _leaks(result),
        "roc": _roc(result),
        "calibration": _calibration(result),
        "decision": _decision(result),
        "predictions": _predictions(result),
        "checklist": make_checklist(result),
    }


def _performance(result: Result) -> pd.DataFrame:
    aucs, fit, size = result.aucs, result.calibration, result.expected_size
    effort = result.effort
    boot = f"{effort.bootstrap_samples} bootstrap samples"
    cv = f"{effort.repeats} × 5-fold nested cross-validation"
    wide = "standard error of DeLong or of permutations, the larger"
    rows = [
        ("auc_apparent", aucs.apparent, "on the participants it was fitted to; DeLong"),
        ("auc_optimism_corrected", aucs.corrected, f"Harrell, {boot}; {wide}, from below .632+"),
        ("auc_632_plus", aucs.corrected_632, f".632+, {boot}; {wide}"),
        ("auc_nested", aucs.nested, f"{cv}, pairs left out together; {wide}"),
        ("auc_nested_pooled", _bare(aucs.nested_pooled), f"{cv}, folds of a repeat pooled"),
        ("optimism", _bare(aucs.optimism), f"Harrell, {boot}"),
        ("permutation_p", _bare(result.p), f"(b + 1)/(m + 1), m = {effort.permutations}"),
        ("sensitivity", result.sensitivity, f"{cv}, cut chosen in the inner folds; Wilson"),
        ("specificity", result.specificity, f"{cv}, cut chosen in the inner folds; Wilson"),
        ("calibration_intercept", fit.intercept, f"{cv}; 0 is right; bootstrap"),
        ("calibration_slope", fit.slope, f"{cv}; 1 is right; bootstrap"),
        ("brier", fit.brier, f"{cv}; bootstrap"),
        ("scaled_brier", fit.scaled_brier, f"{cv}; 0 is no better than the share; bootstrap"),
        *_added_rows(result),
        ("needed_n_shrinkage", _bare(size.shrinkage), _RILEY),
        ("needed_n_r2", _bare(size.r2_optimism), _RILEY),
        ("needed_n_risk", _bare(size.risk), _RILEY),
        ("affordable_parameters", _bare(result.affordable_parameters), _RILEY),
    ]
    return pd.DataFrame(
        [
            {
                "figure": name,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "method": method,
                "note": None if np.isfinite(one.value) else "not estimable",
            }
            for name, one, method in rows
        ]
    )


_RILEY = "Riley 2019, with an R² of 15 % of the largest"


def _bare(value: float) -> Estimate:
    return Estimate(value=float(value), low=np.nan, high=np.nan)


def _added_rows(result: Result) -> list[tuple[str, Estimate, str]]:
    added = result.added
    if added is None:
        why = "needs clinical and imaging predictors"
        return [("auc_added_by_imaging", NOTHING, why)]
    likelihood = f"likelihood ratio, {added.degrees_of_freedom} df, unpenalised, on all"
    return [
        ("auc_clinical_alone", _bare(added.clinical_auc), "nested cross-validation, same folds"),
        ("auc_added_by_imaging", added.auc_difference, "difference, same folds; DeLong"),
        ("auc_added_p", _bare(added.p), "DeLong on out-of-fold predictions; too small if anything"),
        ("brier_added_by_imaging", _bare(added.brier_difference), "below 0 is better"),
        ("likelihood_ratio", _bare(added.likelihood_ratio), likelihood),
        ("likelihood_ratio_p", _bare(added.likelihood_p), likelihood),
    ]


def _coefficients(result: Result) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "predictor": one.name,
                "block": one.block,
                "unit": one.unit,
                "coefficient": one.estimate.value,
                "low": one.estimate.low,
                "high": one.estimate.high,
                "per_unit": one.per_unit,
                "missing": one.missing,
                "sign_stability": one.sign_stability,
                "note": None,
            }
            for one in result.coefficients
        ]
        + [{"predictor": name, "note": reason} for name, reason in result.problem.left_out.items()]
    )


def _alternatives(result: Result) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": one.name,
                "description": one.description,
                "parameters": one.parameters,
                "participants": one.participants,
                "auc": one.auc.value,
                "low": one.auc.low,
                "high": one.auc.high,
                "note": one.note or None,
            }
            for one in result.alternatives
        ]
    )


def _subgroups(result: Result) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "column": one.column,
                "level": one.level,
                "positive": one.positive,
                "negative": one.negative,
                "auc": one.auc.value,
                "low": one.auc.low,
                "high": one.auc.high,
                "note": None if np.isfinite(one.auc.value) else "not estimable: too few",
            }
            for one in result.subgroups
        ],
        columns=["column", "level", "positive", "negative", "auc", "low", "high", "note"],
    )


def _leaks(result: Result) -> pd.DataFrame:
    rows = [
        (leak.column, leak.finding, "yes" if leak.is_predictor else "no") for leak in result.leaks
    ]
    return pd.DataFrame(rows, columns=["column", "finding", "is_predictor"])


def _roc(result: Result) -> pd.DataFrame:
    value, low, high = result.roc
    return pd.DataFrame(
        {"false_positive_rate": RATES, "true_positive_rate": value, "low": low, "high": high}
    )


def _calibration(result: Result) -> pd.DataFrame:
    groups = calibration_groups(result.out_of_fold.log_odds.mean(axis=0), result.problem.y)
    return pd.DataFrame(
        [
            {"predicted": at, "observed": one.value, "low": one.low, "high": one.high, "n": n}
            for at, one, n in groups
        ]
    )


def _decision(result: Result) -> pd.DataFrame:
    value, low, high = result.benefit
    return pd.DataFrame(
        {
            "threshold": THRESHOLDS,
            "net_benefit": value,
            "low": low,
            "high": high,
            "treat_all": benefit_of_treating_all(result.problem.y),
        }
    )


def _predictions(result: Result) -> pd.DataFrame:
    problem, out = result.problem, result.out_of_fold
    filled = np.where(np.isfinite(problem.x), problem.x, np.array(result.model.mean))
    table = pd.DataFrame(
        {
            "participant_id": problem.participants,
            "class": [problem.positive if ill else problem.negative for ill in problem.y],
            "probability": expit(out.log_odds).mean(axis=0),
            "called": (out.log_odds >= out.cuts).mean(axis=0),
        }
    )
    for name, values in zip(problem.names, result.model.contributions(filled).T, strict=True):
        table[f"contribution of {name}"] = values
    return table
