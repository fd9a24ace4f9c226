"""How well two classes can be told apart, and how much of that is the fit.

The primary model is ridge logistic regression on few predictors that were named before.
Imputation, scaling, the choice of the penalty and of the cut are all done inside the folds.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.classifier.alternatives import OverSites, assess_alternatives
from npsle_app.cohort.classifier.aucs import Aucs, assess_aucs, permutation_p
from npsle_app.cohort.classifier.leakage import find_leaks
from npsle_app.cohort.classifier.model import Model, make_model
from npsle_app.cohort.classifier.performance import (
    AddedValue,
    added_value,
    mean_roc,
    sensitivity_specificity,
    subgroup_auc,
)
from npsle_app.cohort.classifier.problem import Problem
from npsle_app.cohort.classifier.result import Coefficient, Effort, Result, Subgroup
from npsle_app.cohort.estimators.calibration import assess_calibration, net_benefit
from npsle_app.cohort.estimators.cross_validation import (
    Bootstrap,
    OutOfFold,
    bootstrap,
    compare_pairs,
    cross_validate,
    fit_all,
    pair_auc,
    permute,
)
from npsle_app.cohort.estimators.discrimination import Estimate, youden_cut
from npsle_app.cohort.estimators.power import (
    SampleSize,
    affordable_parameters,
    largest_r2,
    needed_participants,
)
from npsle_app.cohort.estimators.resampling import plain_bootstrap_counts

_BAND_SAMPLES = 200
_EXPECTED_SHARE_OF_R2 = 0.15  # of the largest R², where nothing is known before (Riley 2020)


def assess_classifier(
    problem: Problem,
    *,
    people: pd.DataFrame,
    wider: Problem,
    replaced: Mapping[str, Problem],
    effort: Effort,
    executor: Executor,
    over_sites: OverSites | None = None,
    app_version: str = "",
) -> Result:
    """Fit, validate, permute and explain.

    Parameters
    ----------
    problem
        From `npsle_app.cohort.classifier.problem.pose`.
    people
        The participants of the problem, one row each, in its order; `sex` and `age` make the
        subgroups, `scanner`, `site` and `flair_type` are looked at for confounding.
    wider
        The same question with further predictors, for the sensitivity analysis.
    replaced
        The same question with one predictor in place of another, by what that is called.
    over_sites
        What ComBat needs, for the models before and after it.
    executor
        Where the pieces run; the result does not depend on it.
    """
    x, y, seed = problem.x, problem.y, effort.seed
    fits = fit_all(x, y, seed=seed)
    cut = youden_cut(fits.inner_log_odds[0], y)
    model = make_model(problem, fits, cut=cut, app_version=app_version)
    out = cross_validate(x, y, repeats=effort.repeats, seed=seed, executor=executor)
    samples = bootstrap(x, y, samples=effort.bootstrap_samples, seed=seed, executor=executor)
    permuted, p = _permute(problem, out, effort=effort, executor=executor)
    aucs = assess_aucs(
        y, apparent=fits.predict(x)[0], out_of_fold=out, samples=samples, permuted=permuted
    )
    # not stratified: calibration and net benefit depend on the share of a class, which varies
    rng = np.random.default_rng([seed, 5])
    counts = plain_bootstrap_counts(len(y), samples=_BAND_SAMPLES, rng=rng)
    sensitivity, specificity = sensitivity_specificity(out, y)
    leaks = find_leaks(problem, people=people)
    return Result(
        problem=problem,
        model=replace(model, performance=_performance(aucs, p)),
        effort=effort,
        aucs=aucs,
        p=p,
        sensitivity=sensitivity,
        specificity=specificity,
        calibration=assess_calibration(out.log_odds, y, counts=counts),
        roc=mean_roc(out, y, counts=counts),
        benefit=_benefit(out, y, counts=counts),
        out_of_fold=out,
        coefficients=_coefficients(problem, model, samples),
        added=_added(problem, out, effort=effort, executor=executor),
        alternatives=tuple(
            assess_alternatives(
                problem,
                wider=wider,
                replaced=replaced,
                over_sites=over_sites,
                suspected=[leak.column for leak in leaks if leak.is_predictor],
                repeats=effort.alternative_repeats,
                seed=seed,
                executor=executor,
            )
        ),
        subgroups=tuple(_subgroups(out, y, people)),
        leaks=tuple(leaks),
        expected_size=_size(problem),
        affordable_parameters=affordable_parameters(
            participants=len(y), cox_snell_r2=_expected_r2(y)
        ),
    )


def _permute(
    problem: Problem, out: OutOfFold, *, effort: Effort, executor: Executor
) -> tuple[Floats, float]:
    """Permute, and compare with the same number of repeats of the real order."""
    repeats = min(effort.permutation_repeats, effort.repeats)
    permuted = permute(
        problem.x,
        problem.y,
        permutations=effort.permutations,
        repeats=repeats,
        seed=effort.seed,
        executor=executor,
    )
    first = OutOfFold(
        log_odds=out.log_odds[:repeats], folds=out.folds[:repeats], cuts=out.cuts[:repeats]
    )
    return permuted, permutation_p(pair_auc(*compare_pairs(first, problem.y))[0], permuted)


def _benefit(out: OutOfFold, y: Floats, *, counts: Floats) -> Floats:
    weights = np.concatenate([np.ones((1, len(y))), counts])
    found = net_benefit(out.log_odds, y, weights=weights)
    return np.stack([found[0], *np.percentile(found[1:], [2.5, 97.5], axis=0)])


def _coefficients(problem: Problem, model: Model, samples: Bootstrap) -> tuple[Coefficient, ...]:
    low, high = np.percentile(samples.coefficients, [2.5, 97.5], axis=0)
    same = np.sign(samples.coefficients) == np.sign(model.coefficients)
    rows = zip(problem.terms, model.coefficients, low, high, model.slopes, strict=True)
    return tuple(
        Coefficient(
            name=term.name,
            block=term.block,
            estimate=Estimate(value=value, low=float(below), high=float(above)),
            per_unit=slope,
            unit=term.unit,
            missing=int((~np.isfinite(problem.x[:, number])).sum()),
            sign_stability=float(same[:, number].mean()) if value else 0.0,
        )
        for number, (term, value, below, above, slope) in enumerate(rows)
    )


def _added(
    problem: Problem, out: OutOfFold, *, effort: Effort, executor: Executor
) -> AddedValue | None:
    clinical, imaging = problem.of_blocks("clinical"), problem.of_blocks("imaging")
    if not clinical.terms or not imaging.terms:
        return None
    without = cross_validate(
        clinical.x, clinical.y, repeats=effort.repeats, seed=effort.seed, executor=executor
    )
    is_imaging = np.array([float(term.block == "imaging") for term in problem.terms])
    return added_value(problem.x, problem.y, is_imaging=is_imaging, both=out, clinical=without)


def _subgroups(out: OutOfFold, y: Floats, people: pd.DataFrame) -> list[Subgroup]:
    found = []
    for column, level, member in _members(people):
        estimate, positive, negative = subgroup_auc(out, y, member=member)
        found.append(
            Subgroup(column=column, level=level, positive=positive, negative=negative, auc=estimate)
        )
    return found


def _members(people: pd.DataFrame) -> Sequence[tuple[str, str, Floats]]:
    found: list[tuple[str, str, Floats]] = []
    if "sex" in people:
        levels = sorted(set(people["sex"].dropna().map(str)))
        found += [
            ("sex", one, np.asarray(people["sex"] == one, dtype=np.float64)) for one in levels
        ]
    if "age" in people and people["age"].notna().any():
        age = people["age"].to_numpy(float)
        middle = float(np.nanmedian(age))
        found.append(("age", f"below {middle:g} years", (age < middle).astype(float)))
        found.append(("age", f"from {middle:g} years", (age >= middle).astype(float)))
    return found


def _expected_r2(y: Floats) -> float:
    return _EXPECTED_SHARE_OF_R2 * largest_r2(float(y.mean()))


def _size(problem: Problem) -> SampleSize:
    return needed_participants(
        parameters=len(problem.terms),
        share=float(problem.y.mean()),
        cox_snell_r2=_expected_r2(problem.y),
    )


def _performance(aucs: Aucs, p: float) -> dict[str, float]:
    return {
        "auc_apparent": aucs.apparent.value,
        "auc_corrected": aucs.corrected.value,
        "auc_nested": aucs.nested.value,
        "auc_nested_low": aucs.nested.low,
        "auc_nested_high": aucs.nested.high,
        "permutation_p": p,
    }
