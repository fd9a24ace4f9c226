"""What was done and found by the classifier, in sentences with their numbers."""

import math
from collections.abc import Iterator

from npsle_app.cohort.classifier.performance import AddedValue
from npsle_app.cohort.classifier.result import Result
from npsle_app.cohort.estimators.discrimination import Estimate
from npsle_app.formatting import equals_p, format_how_many, format_interval, format_number

CITATIONS = (
    "harrell1996",
    "efron1997",
    "delong1988",
    "phipson2010",
    "vickers2006",
    "riley2019",
    "collins2024",
    "scikitlearn",
)


def list_citations(result: Result) -> list[str]:
    """List the works of what was done."""
    sites = any(one.name == "sites harmonised" and not one.note for one in result.alternatives)
    return [*CITATIONS, *(("johnson2007", "fortin2018") if sites else ())]


def tell_methods(result: Result) -> str:
    """Say how the classifier was made and judged."""
    problem, effort = result.problem, result.effort
    return (
        f"{problem.positive} (n = {int(problem.y.sum())}) was told from {problem.negative} "
        f"(n = {int((1 - problem.y).sum())}) by ridge logistic regression on "
        f"{len(problem.terms)} predictors named before ({', '.join(problem.names)}). Missing "
        "values were replaced by the mean and predictors standardised inside the folds; the "
        "penalty was chosen by log loss and the cut by Youden's index in five inner folds. "
        f"Performance is that of {effort.repeats} repeats of 5-fold cross-validation, stratified "
        "by class; AUCs compare participants left out by the same model. Beside it stand the "
        "apparent AUC, Harrell's correction and the .632+ estimate from "
        f"{effort.bootstrap_samples} bootstrap samples of the whole procedure. Intervals of "
        "corrected AUCs take the larger of DeLong's standard error and the spread of "
        f"{effort.permutations} permutations of the predictors, from which p = (b + 1)/(m + 1). "
        "Calibration, Brier score and net benefit are those of out-of-fold predictions."
    )


def tell_results(result: Result) -> tuple[str, ...]:
    """Say what was found."""
    aucs, fit, problem = result.aucs, result.calibration, result.problem
    told = [
        (
            f"AUC: apparent {_shown(aucs.apparent)}, optimism-corrected {_shown(aucs.corrected)}, "
            f".632+ {_shown(aucs.corrected_632)}, nested cross-validation {_shown(aucs.nested)}; "
            f"permutation {equals_p(result.p)}."
        ),
        (
            f"Sensitivity {_shown(result.sensitivity)}, specificity {_shown(result.specificity)} "
            "at cuts chosen in inner folds."
        ),
        (
            f"Calibration intercept {_shown(fit.intercept)}, slope {_shown(fit.slope)}; Brier "
            f"score {format_number(fit.brier.value, decimals=3)}, scaled "
            f"{_shown(fit.scaled_brier)}."
        ),
        (
            f"{result.expected_size.needed} participants are needed for "
            f"{format_how_many(len(problem.terms), 'parameter')} by the criteria of "
            f"Riley 2019 (R² 15 % of the largest); there are "
            f"{len(problem.y)}, which carry {result.affordable_parameters}."
        ),
        f"{result.model.equation}.",
    ]
    if result.added is not None:
        added = result.added
        told.insert(
            1,
            f"Imaging added {_shown(added.auc_difference)} to the AUC of clinical predictors "
            f"alone ({format_number(added.clinical_auc, decimals=2)}), {equals_p(added.p)} by "
            f"DeLong on out-of-fold predictions; {_tell_likelihood(added)}.",
        )
    return (*told, *_tell_sites(result))


def _tell_sites(result: Result) -> Iterator[str]:
    """Say what ComBat changed, or why it could not be done."""
    named = {one.name: one for one in result.alternatives}
    after = named.get("sites harmonised")
    if after is None:
        return
    if after.note:
        yield f"Sites could not be harmonised: {after.note.removeprefix('not estimable: ')}."
        return
    yield (
        f"With imaging predictors harmonised over sites (ComBat, fitted to the training people of "
        f"each fold) the AUC was {_shown(after.auc)}, without it "
        f"{_shown(named['sites as they are'].auc)} in the same people."
    )


def _tell_likelihood(added: AddedValue) -> str:
    if not math.isfinite(added.likelihood_ratio):
        return "no likelihood ratio, for predictors separate the classes"
    ratio = format_number(added.likelihood_ratio, decimals=1)
    return (
        f"likelihood ratio {ratio} on {added.degrees_of_freedom} df, {equals_p(added.likelihood_p)}"
    )


def list_warnings(result: Result) -> list[str]:
    """List what a reader must know first: suspected leaks, sample size, lost predictors."""
    told = [f"{leak.column}: {leak.finding}" for leak in result.leaks]
    told += [f"{name}: {why}" for name, why in result.problem.left_out.items()]
    if result.aucs.nested.value in (0.0, 1.0):
        told.append(
            "predictors tell the classes apart without error: an AUC of 1 has no interval, and "
            "one so high in so few people is more often a leak or a scanner than a disease"
        )
    if len(result.problem.terms) > max(result.affordable_parameters, 0):
        told.append(
            f"{format_how_many(len(result.problem.terms), 'parameter')}, while "
            f"{len(result.problem.y)} participants "
            f"carry {result.affordable_parameters} by the criterion of Riley 2019"
        )
    if not result.model.coefficients or result.model.inverse_penalty <= 1e-3:
        told.append("the largest penalty was chosen: hardly any predictor has an effect")
    return told


def _shown(one: Estimate) -> str:
    if not math.isfinite(one.value):
        return "not estimable"
    if not (math.isfinite(one.low) and math.isfinite(one.high)):
        return f"{format_number(one.value, decimals=2)} (no interval)"
    return format_interval(one.value, one.low, one.high, decimals=2)
