"""Other models for the same question, to see how much hangs on the choice: none is primary."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import logit

from npsle_app.arrays import Floats
from npsle_app.cohort.classifier.problem import Problem
from npsle_app.cohort.estimators.combat import Harmoniser
from npsle_app.cohort.estimators.cross_validation import (
    FOLDS,
    OutOfFold,
    compare_pairs,
    cross_validate,
    pair_auc,
    run_all,
)
from npsle_app.cohort.estimators.discrimination import NOTHING, Estimate, auc_interval
from npsle_app.cohort.estimators.resampling import stratified_folds
from npsle_app.cohort.estimators.tuned_ridge import INVERSE_PENALTIES

_LEAST_PER_CLASS = 10
_TREES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A model and its cross-validated AUC; the interval is that of fixed scores, too narrow."""

    name: str
    description: str
    parameters: int
    participants: int
    auc: Estimate
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSites:
    """Those who have a site, and what ComBat needs to know of them; or why it cannot be done."""

    problem: Problem
    harmoniser: Harmoniser | None
    told: str


def assess_alternatives(
    problem: Problem,
    *,
    wider: Problem,
    replaced: Mapping[str, Problem],
    suspected: Sequence[str],
    repeats: int,
    seed: int,
    executor: Executor,
    over_sites: OverSites | None = None,
) -> list[Alternative]:
    """Cross-validate other models on the folds of the first repeats of the primary one.

    Parameters
    ----------
    wider
        The same participants with the further predictors of the sensitivity analysis.
    replaced
        The same participants with one predictor in place of another, by what that is called.
    suspected
        Columns that the leakage guard named.
    over_sites
        Whom ComBat harmonises: imaging predictors before it, and after it inside each fold.
    """
    clean = problem.keep([term.column not in suspected for term in problem.terms])
    ridges = [
        ("complete cases", "ridge, participants without a missing value", problem.complete()),
        ("without suspects", "ridge, without the columns that may leak", clean),
        ("more predictors", "ridge, with the further predictors of the study", wider),
        ("clinical alone", "ridge, clinical predictors", problem.of_blocks("clinical")),
        ("imaging alone", "ridge, imaging predictors", problem.of_blocks("imaging")),
    ]
    ridges += [(name, f"ridge, {name}", other) for name, other in replaced.items()]
    validate = partial(cross_validate, repeats=repeats, seed=seed, executor=executor)
    found = [_ridge(*row, validate=validate, primary=problem) for row in ridges]
    if over_sites is not None:
        found += _compare_over_sites(over_sites, validate=validate)
    others = [
        ("lasso", "L1-penalised logistic regression, C chosen in five inner folds", fit_lasso),
        ("random forest", f"{_TREES} trees, at least 5 participants in a leaf", fit_forest),
    ]
    calls = [
        partial(_out_of_fold, problem.x, problem.y, make=make, repeats=repeats, seed=seed)
        for _, _, make in others
    ]
    for (name, description, _), result in zip(others, run_all(executor, calls), strict=True):
        found.append(_tell(name, description, problem, result))
    return found


def _compare_over_sites(
    asked: OverSites, *, validate: Callable[..., OutOfFold]
) -> list[Alternative]:
    """Validate the same people on the same folds before ComBat, and with it inside the folds."""
    problem = asked.problem
    description = f"ridge, imaging predictors after {asked.told}, fitted to training people"
    counts = [int((problem.y == value).sum()) for value in (1, 0)]
    if asked.harmoniser is None or min(counts) < _LEAST_PER_CLASS:
        few = f"{counts[0]} and {counts[1]} participants have a site and all covariates"
        reason = few if asked.harmoniser is not None else asked.told
        return [
            _nothing(
                "sites harmonised",
                "ridge, imaging predictors after ComBat",
                problem,
                note=f"not estimable: {reason}",
            )
        ]
    before = validate(problem.x, problem.y)
    after = validate(problem.x, problem.y, harmoniser=asked.harmoniser)
    return [
        _tell("sites as they are", "ridge, the same people before ComBat", problem, before),
        _tell("sites harmonised", description, problem, after),
    ]


def fit_lasso(seed: int) -> Any:
    """Return a lasso pipeline of scikit-learn: impute, scale, choose C, all inside its folds."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(l1_ratio=1.0, solver="liblinear", random_state=seed)
    steps = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), model)
    return GridSearchCV(
        steps,
        {"logisticregression__C": INVERSE_PENALTIES[INVERSE_PENALTIES > 0.02]},
        scoring="neg_log_loss",
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed),
    )


def fit_forest(seed: int) -> Any:
    """Return a random forest of scikit-learn that imputes inside its folds."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    forest = RandomForestClassifier(n_estimators=_TREES, min_samples_leaf=5, random_state=seed)
    return make_pipeline(SimpleImputer(keep_empty_features=True), forest)


def _out_of_fold(
    x: Floats, y: Floats, *, make: Callable[[int], Any], repeats: int, seed: int
) -> OutOfFold:
    log_odds = np.zeros((repeats, len(y)))
    folds = np.stack(
        [
            stratified_folds(y, folds=FOLDS, rng=np.random.default_rng([seed, 1, number]))
            for number in range(repeats)
        ]
    )
    for number, dealt in enumerate(folds):
        for fold in range(FOLDS):
            train, test = dealt != fold, dealt == fold
            model = make(seed % 2**31).fit(x[train], y[train])
            chance = np.clip(model.predict_proba(x[test])[:, 1], 1e-6, 1 - 1e-6)
            log_odds[number, test] = logit(chance)
    return OutOfFold(log_odds=log_odds, folds=folds, cuts=np.zeros_like(log_odds))


def _ridge(
    name: str,
    description: str,
    problem: Problem,
    *,
    validate: Callable[..., OutOfFold],
    primary: Problem,
) -> Alternative:
    if problem.x.shape == primary.x.shape and problem.terms == primary.terms:
        return _nothing(name, description, problem, note="the same as the primary model")
    counts = [int((problem.y == value).sum()) for value in (1, 0)]
    if not problem.terms:
        return _nothing(name, description, problem, note="not estimable: no predictor is left")
    if min(counts) < _LEAST_PER_CLASS:
        told = f"not estimable: {counts[0]} and {counts[1]} participants are left"
        return _nothing(name, description, problem, note=told)
    return _tell(name, description, problem, validate(problem.x, problem.y))


def _tell(name: str, description: str, problem: Problem, result: OutOfFold) -> Alternative:
    value, variance = pair_auc(*compare_pairs(result, problem.y))
    return Alternative(
        name=name,
        description=description,
        parameters=len(problem.terms),
        participants=len(problem.y),
        auc=auc_interval(value, variance),
    )


def _nothing(name: str, description: str, problem: Problem, *, note: str) -> Alternative:
    return Alternative(
        name=name,
        description=description,
        parameters=len(problem.terms),
        participants=len(problem.y),
        auc=NOTHING,
        note=note,
    )
