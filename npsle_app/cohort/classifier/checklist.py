"""TRIPOD+AI and CLAIM 2024 as a list: what the app can fill in, and what authors must write."""

import numpy as np
import pandas as pd

from npsle_app.checklists import CHECKLISTS
from npsle_app.cohort.classifier.model import INTENDED_USE
from npsle_app.cohort.classifier.result import Result
from npsle_app.formatting import format_interval, format_number

AUTHORS = "to be written by the authors"
FILLED = "filled by the app"


def make_checklist(result: Result) -> pd.DataFrame:
    """Return guideline, item, topic, status and text of every item."""
    texts = _texts(result)
    return pd.DataFrame(
        [
            {
                "guideline": one.guideline,
                "item": one.item,
                "topic": one.topic,
                "status": FILLED if one.answer else AUTHORS,
                "text": texts[one.answer] if one.answer else None,
            }
            for one in CHECKLISTS
        ]
    )


def _texts(result: Result) -> dict[str, str]:
    return _of_design(result) | _of_model(result) | _of_findings(result)


def _of_design(result: Result) -> dict[str, str]:
    problem, effort, size = result.problem, result.effort, result.expected_size
    lost = "; ".join(f"{name}: {why}" for name, why in problem.left_out.items()) or "none"
    missing = ", ".join(f"{one.name} {one.missing}" for one in result.coefficients if one.missing)
    return {
        "use": INTENDED_USE,
        "objective": f"Exploratory development of a model that tells {problem.positive} from "
        f"{problem.negative}, with internal validation.",
        "preparation": f"Measures with a failed check are missing. Predictors left out: {lost}.",
        "blinding": "Imaging measures are automatic and blind to the class; whether the diagnosis "
        "was made without MRI the tables cannot tell.",
        "chosen": "Named before the analysis, in the study file or by default; none was selected "
        "by its association with the outcome.",
        "predictors": f"{', '.join(problem.names)}; definitions of measures in docs/measures.md.",
        "size": f"{len(problem.y)} participants, {int(problem.y.sum())} events, "
        f"{len(problem.terms)} parameters; {size.needed} needed by Riley 2019 for an R² of 15 % "
        f"of the largest, which carries {result.affordable_parameters} parameters at this size.",
        "missing": f"Missing values ({missing or 'none'}) were replaced by the mean of the "
        "training set, inside the folds; complete cases in the sensitivity analysis.",
        "partitions": f"{effort.repeats} × 5 outer and 5 inner folds, stratified by class, "
        "disjoint by participant; one row per participant.",
        "images": "See the methods text of the participant level.",
        "acquisition": "See the sidecars of the images; confounding by scanner was looked for.",
    }


def _of_model(result: Result) -> dict[str, str]:
    problem, model = result.problem, result.model
    version = model.app_version or "unknown"
    return {
        "handling": "Mean imputation and standardisation inside the folds; volumes of lesions by "
        "their natural logarithm, linear otherwise.",
        "model": "Ridge logistic regression; penalty by the log loss of five inner folds; "
        f"repeated nested cross-validation and {result.effort.bootstrap_samples} bootstrap "
        "samples of the whole procedure.",
        "measures": "AUC (apparent, optimism-corrected, .632+, nested), permutation p, calibration "
        "intercept and slope, Brier score, net benefit, sensitivity and specificity.",
        "no_update": "None.",
        "equation": model.equation,
        "imbalance": f"Share of {problem.positive}: {problem.y.mean():.2f}; no resampling and no "
        "class weights, which would spoil calibration.",
        "fairness": "Discrimination inside the sexes and below and above the median age.",
        "output": f"Probability of {problem.positive}; called from log odds {model.cut:.3g} on, "
        "chosen in inner folds.",
        "same_data": "Internal validation alone: no external data.",
        "code": f"npsle_app {version}, GPL-3.0-or-later; the model is classifier_model.json.",
        "initial": "None: the penalised likelihood has one maximum.",
        "at_use": "Participants with a missing predictor get no prediction; other units or "
        "versions of the app are refused.",
    }


def _of_findings(result: Result) -> dict[str, str]:
    problem, nested, apparent = result.problem, result.aucs.nested, result.aucs.apparent
    leaks = "; ".join(f"{leak.column}: {leak.finding}" for leak in result.leaks)
    called = (result.out_of_fold.log_odds >= result.out_of_fold.cuts).mean(axis=0) >= 0.5
    missed, mistaken = (
        int((called != (problem.y == 1))[problem.y == side].sum()) for side in (1, 0)
    )
    return {
        "flow": f"{len(problem.y)} participants: {int(problem.y.sum())} {problem.positive}, "
        f"{int((1 - problem.y).sum())} {problem.negative}; others in the study's flow.",
        "characteristics": "Table 1 of the study.",
        "performance": f"AUC apparent {format_number(apparent.value, decimals=2)}, nested "
        f"{format_interval(nested.value, nested.low, nested.high, decimals=2)}; subgroups in "
        "their table.",
        "limitations": leaks or "Internal validation alone.",
        "robustness": "Complete cases, without suspected columns, more predictors, lasso, forest.",
        "explanation": "Standardised coefficients with sign stability; contributions of each "
        "predictor to each participant's log odds.",
        "failures": f"In most repeats {missed} of {problem.positive} are missed and {mistaken} of "
        f"{problem.negative} called {problem.positive}; "
        "classifier_predictions.tsv lists everyone.",
    } | ({} if np.isfinite(nested.value) else {"performance": "not estimable"})
