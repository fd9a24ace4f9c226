"""TRIPOD+AI and CLAIM 2024 as a list: what the app can fill in, and what authors must write.

Topics are told in our own words. Item numbers of TRIPOD+AI (doi:10.1136/bmj-2023-078378) are
those of its checklist; of CLAIM 2024 (doi:10.1148/ryai.240300) the section is given alone.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from npsle_app.cohort.classifier.model import INTENDED_USE

if TYPE_CHECKING:
    from npsle_app.cohort.classifier.result import Result

AUTHORS = "to be written by the authors"
FILLED = "filled by the app"

_TRIPOD = (
    ("1", "Title: development or evaluation of a model, population, outcome", ""),
    ("2", "Structured abstract", ""),
    ("3a", "Health-care context, rationale, existing models", ""),
    ("3b", "Target population, place in the care pathway, users", "use"),
    ("3c", "Known health inequalities", ""),
    ("4", "Objectives; development, evaluation or both", "objective"),
    ("5a", "Sources of data and whether they represent the target population", ""),
    ("5b", "Dates of recruitment and follow-up", ""),
    ("6a", "Setting and centres", ""),
    ("6b", "Eligibility", ""),
    ("6c", "Treatments received", ""),
    ("7", "Preparation and quality checks of the data", "preparation"),
    ("8a", "Outcome and how it was assessed", ""),
    ("8b", "Qualification of those who assessed the outcome", ""),
    ("8c", "Whether they were blind to the predictors", "blinding"),
    ("9a", "How initial predictors were chosen", "chosen"),
    ("9b", "Definition of predictors and how they were measured", "predictors"),
    ("9c", "Qualification of those who assessed predictors", ""),
    ("10", "Sample size and its rationale", "size"),
    ("11", "Missing data", "missing"),
    ("12a", "How the data were used: partitions", "partitions"),
    ("12b", "Handling of predictors: transformation, scaling", "handling"),
    ("12c", "Type of model, its building, hyperparameters, internal validation", "model"),
    ("12d", "Heterogeneity between clusters or sites", ""),
    ("12e", "Measures of performance", "measures"),
    ("12f", "Model updating", "no_update"),
    ("12g", "How predictions are calculated", "equation"),
    ("13", "Class imbalance", "imbalance"),
    ("14", "Fairness: approaches and rationale", "fairness"),
    ("15", "Output of the model and thresholds", "output"),
    ("16", "Differences between development and evaluation data", "same_data"),
    ("17", "Ethical approval and consent", ""),
    ("18a", "Funding", ""),
    ("18b", "Conflicts of interest", ""),
    ("18c", "Protocol", ""),
    ("18d", "Registration", ""),
    ("18e", "Availability of data", ""),
    ("18f", "Availability of code", "code"),
    ("19", "Involvement of patients and public", ""),
    ("20a", "Flow of participants", "flow"),
    ("20b", "Characteristics of participants, missing values", "characteristics"),
    ("20c", "Comparison with the development data", "same_data"),
    ("21", "Numbers of participants and events in each analysis", "flow"),
    ("22", "The full model", "equation"),
    ("23a", "Performance with intervals, also in subgroups", "performance"),
    ("23b", "Heterogeneity of performance between clusters", ""),
    ("24", "Results of updating", "no_update"),
    ("25", "Interpretation, fairness among it", ""),
    ("26", "Limitations", "limitations"),
    ("27a", "How poor or missing input is handled at use", "at_use"),
    ("27b", "Interaction and expertise required of users", ""),
    ("27c", "Next steps of research", ""),
)
_CLAIM = (
    ("title, abstract", "AI named in the title; structured abstract", ""),
    ("introduction", "Background, intended use, aims and hypotheses", "use"),
    ("study design", "Prospective or retrospective; goal of the study", "objective"),
    ("data", "Sources, eligibility, selection of subsets, de-identification", ""),
    ("data", "Preprocessing of images", "images"),
    ("data", "Missing data", "missing"),
    ("data", "Acquisition protocol of images", "acquisition"),
    ("reference standard", "Definition, rationale, source, variability between readers", ""),
    ("data partitions", "How and at which level data are disjoint", "partitions"),
    ("data partitions", "Intended sample size", "size"),
    ("model", "Description: inputs, outputs, parameters", "equation"),
    ("model", "Software and versions", "code"),
    ("model", "Initialisation of parameters", "initial"),
    ("training", "Approach, hyperparameters, selection of the final model", "model"),
    ("evaluation", "Metrics, their uncertainty and significance", "measures"),
    ("evaluation", "Robustness and sensitivity analyses", "robustness"),
    ("evaluation", "Explanation of the model", "explanation"),
    ("evaluation", "Internal testing; external testing", "same_data"),
    ("evaluation", "Registration of a trial", ""),
    ("results", "Flow and characteristics of participants", "flow"),
    ("results", "Performance with precision", "performance"),
    ("results", "Failure analysis", "failures"),
    ("discussion", "Limitations, implications for practice", "limitations"),
    ("other", "Protocol, availability of software and model, funding", "code"),
)


def make_checklist(result: "Result") -> pd.DataFrame:
    """Return guideline, item, topic, status and text of every item."""
    texts = _texts(result)
    rows = [("TRIPOD+AI", *row) for row in _TRIPOD] + [("CLAIM 2024", *row) for row in _CLAIM]
    return pd.DataFrame(
        [
            {
                "guideline": guideline,
                "item": item,
                "topic": topic,
                "status": FILLED if key else AUTHORS,
                "text": texts[key] if key else None,
            }
            for guideline, item, topic, key in rows
        ]
    )


def _texts(result: "Result") -> dict[str, str]:
    return _of_design(result) | _of_model(result) | _of_findings(result)


def _of_design(result: "Result") -> dict[str, str]:
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


def _of_model(result: "Result") -> dict[str, str]:
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


def _of_findings(result: "Result") -> dict[str, str]:
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
        "performance": f"AUC apparent {apparent.value:.2f}, nested {nested.value:.2f} "
        f"({nested.low:.2f} to {nested.high:.2f}); subgroups in their table.",
        "limitations": leaks or "Internal validation alone.",
        "robustness": "Complete cases, without suspected columns, more predictors, lasso, forest.",
        "explanation": "Standardised coefficients with sign stability; contributions of each "
        "predictor to each participant's log odds.",
        "failures": f"In most repeats {missed} of {problem.positive} are missed and {mistaken} of "
        f"{problem.negative} called {problem.positive}; "
        "classifier_predictions.tsv lists everyone.",
    } | ({} if np.isfinite(nested.value) else {"performance": "not estimable"})
