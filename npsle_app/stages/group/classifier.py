"""Tell the classes of the study's question apart, or apply a model to new participants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pandas import DataFrame

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.bids.output.writer import write_json
from npsle_app.cohort.classifier.model import (
    INTENDED_USE,
    Model,
    apply_model,
    check_fit,
    from_plain,
    to_plain,
)
from npsle_app.cohort.classifier.performance import RATES
from npsle_app.cohort.classifier.problem import NotEstimableError
from npsle_app.cohort.classifier.question import ask, units_of
from npsle_app.cohort.classifier.result import Coefficient, Effort, Result
from npsle_app.cohort.classifier.statements import (
    list_citations,
    list_warnings,
    tell_methods,
    tell_results,
)
from npsle_app.cohort.classifier.tables import make_tables
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.study import Study
from npsle_app.documents import read_json
from npsle_app.engine.executors import open_executor
from npsle_app.figures.paper.classifier import draw_calibration, draw_decision, draw_roc
from npsle_app.figures.paper.estimates import Estimate, draw_forest
from npsle_app.figures.paper.paper import PaperFigure
from npsle_app.formatting import format_interval
from npsle_app.settings import ClassifierSettings
from npsle_app.stages.group.shared import (
    clear,
    read_cohort,
    save_figures,
    write_summary,
    write_table,
)

_STABLE = 0.95  # share of bootstrap samples with the same sign


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierOutputs:
    """The summary that the page reads, the tables it names, and the model if one was fitted."""

    summary: Path
    tables: tuple[Path, ...] = ()
    model: Path | None = None


def run(
    *, output_dir: Path, settings: ClassifierSettings, raw: Path | None = None
) -> ClassifierOutputs:
    """Fit and judge the classifier of the study file; with a model file, apply that instead.

    Where the data do not allow it, the summary says "not estimable" and why, and there are no
    tables. What an earlier run left is taken away first.

    Raises
    ------
    ValueError
        If the model file cannot be read or does not fit the participants.
    """
    clear(output_dir, "classifier")
    cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    version = previous_version(output_dir) or "unknown"
    if settings.model_file:
        return _apply(output_dir, cohort, path=Path(settings.model_file), version=version)
    return _fit(output_dir, cohort, settings=settings, version=version)


def read_model(path: Path) -> Model:
    """Read a model file.

    Raises
    ------
    ValueError
        With the file and what is wrong with it.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        msg = f"cannot read the model {path}: {error}"
        raise ValueError(msg) from error
    try:
        return from_plain(content)
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def _fit(
    output_dir: Path, cohort: Cohort, *, settings: ClassifierSettings, version: str
) -> ClassifierOutputs:
    try:
        question = ask(cohort)
    except NotEstimableError as reason:
        return _write_nothing(output_dir, cohort.study, str(reason))
    with open_executor(settings.processes) as (executor, _):
        result = question.assess(
            effort=_choose_effort(settings, participants=len(question.problem.y)),
            executor=executor,
            app_version=version,
        )
    return _write(output_dir, cohort.study, result)


def _choose_effort(settings: ClassifierSettings, *, participants: int) -> Effort:
    effort = Effort(
        repeats=settings.repeats,
        bootstrap_samples=settings.bootstrap_samples,
        permutations=settings.permutations,
        permutation_repeats=settings.permutation_repeats,
        seed=settings.random_seed,
    )
    return effort.reduced() if participants >= settings.large_from else effort


def _apply(output_dir: Path, cohort: Cohort, *, path: Path, version: str) -> ClassifierOutputs:
    model = read_model(path)
    try:
        check_fit(
            model, cohort.included, units=units_of(cohort.included.columns), app_version=version
        )
        table = apply_model(model, cohort.included)
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error
    written = write_table(output_dir, GroupFile.CLASSIFIER_APPLIED, table)
    unknown = int((table["qc"] != "pass").sum())
    analysis = {
        "name": "classifier",
        "title": f"Model for {model.positive} v {model.negative}, applied",
        "tables": {"applied": GroupFile.CLASSIFIER_APPLIED.path},
        "figures": [],
        "methods": f"A model fitted to {model.participants} participants by npsle_app "
        f"{model.app_version} was applied: {model.equation}.",
        "results": [
            f"{len(table) - unknown} participants have a prediction, {unknown} lack a predictor."
        ],
        "citations": [],
    }
    summary = _summarise(output_dir, analysis, status="applied", warnings=[INTENDED_USE])
    return ClassifierOutputs(summary=summary, tables=(written,))


def _write(output_dir: Path, study: Study, result: Result) -> ClassifierOutputs:
    tables = make_tables(result)
    files = {name: GroupFile(f"classifier_{name}") for name in tables}
    paths = [write_table(output_dir, files[name], table) for name, table in tables.items()]
    model = output_dir / GroupFile.CLASSIFIER_MODEL.path
    write_json(model, to_plain(result.model))
    analysis = _describe(study) | {
        "tables": {name: file.path for name, file in files.items()},
        "model": GroupFile.CLASSIFIER_MODEL.path,
        "figures": save_figures(output_dir, _draw(result, tables), stage="classifier"),
        "methods": tell_methods(result),
        "results": list(tell_results(result)),
        "citations": list_citations(result),
    }
    summary = _summarise(output_dir, analysis, status="estimated", warnings=list_warnings(result))
    return ClassifierOutputs(summary=summary, tables=tuple(paths), model=model)


def _write_nothing(output_dir: Path, study: Study, reason: str) -> ClassifierOutputs:
    analysis = _describe(study) | {
        "tables": {},
        "figures": [],
        "methods": "",
        "results": [reason],
        "citations": [],
    }
    summary = _summarise(output_dir, analysis, status="not estimable", warnings=[])
    return ClassifierOutputs(summary=summary)


def _describe(study: Study) -> dict[str, Any]:
    question = study.classifier
    label = study.contrast(question.contrast).label if question.contrast else ""
    return {
        "name": "classifier",
        "title": f"Classifier: {label}" if label else "Classifier",
        "clinical": list(question.clinical),
        "imaging": list(question.imaging),
    }


def _summarise(
    output_dir: Path, analysis: Mapping[str, Any], *, status: str, warnings: list[str]
) -> Path:
    """Write the summary of the only analysis."""
    content = {"title": analysis["title"], "status": status, "warnings": warnings}
    return write_summary(output_dir, GroupFile.CLASSIFIER, content, analyses=[analysis])


def _draw(result: Result, tables: Mapping[str, DataFrame]) -> Iterator[PaperFigure]:
    yield _draw_roc(result)
    yield _draw_calibration(result, tables["calibration"])
    yield _draw_decision(result, tables["decision"])
    yield PaperFigure(
        name="classifier-coefficients",
        drawing=draw_forest(
            [_make_estimate(one) for one in result.coefficients],
            label="Log odds per standard deviation",
        ),
        caption="Standardised coefficients of the model fitted to all, with the middle 95 % of "
        "bootstrap samples and the share of samples with the same sign. Penalised: shrunk "
        "towards 0, hence no confidence intervals.",
    )


def _draw_roc(result: Result) -> PaperFigure:
    aucs = {
        "apparent": result.aucs.apparent,
        "optimism-corrected": result.aucs.corrected,
        "nested": result.aucs.nested,
    }
    lines = [f"{name} {one.value:.2f} ({one.low:.2f}–{one.high:.2f})" for name, one in aucs.items()]
    point = (1 - result.specificity.value, result.sensitivity.value)
    return PaperFigure(
        name="classifier-roc",
        drawing=draw_roc(RATES, result.roc, point=point, text="\n".join(["AUC", *lines])),
        caption=f"ROC curve of out-of-fold predictions, mean of {result.effort.repeats} repeats, "
        "with the point-by-point 95 % band of bootstrap samples; square: sensitivity and "
        "specificity at cuts chosen in inner folds.",
    )


def _draw_calibration(result: Result, groups: DataFrame) -> PaperFigure:
    fit = result.calibration
    intercept, slope = result.recalibration
    text = (
        f"intercept {fit.intercept.value:.2f} ({fit.intercept.low:.2f} to "
        f"{fit.intercept.high:.2f})\nslope {fit.slope.value:.2f} ({fit.slope.low:.2f} to "
        f"{fit.slope.high:.2f})\nBrier {fit.brier.value:.3f}"
    ).replace("-", "−")
    columns = ("predicted", "observed", "low", "high")
    return PaperFigure(
        name="classifier-calibration",
        drawing=draw_calibration(
            list(zip(*(groups[name] for name in columns), strict=True)),
            probabilities=result.probabilities,
            is_positive=result.problem.y == 1,
            intercept=intercept,
            slope=slope,
            text=text,
        ),
        caption="Calibration of out-of-fold predictions: squares are fifths of the participants "
        "with Wilson intervals, the line is the logistic recalibration, ticks are participants "
        f"(above {result.problem.positive}, below {result.problem.negative}).",
    )


def _draw_decision(result: Result, table: DataFrame) -> PaperFigure:
    return PaperFigure(
        name="classifier-decision",
        drawing=draw_decision(
            table["threshold"].to_numpy(float),
            result.benefit,
            treat_all=table["treat_all"].to_numpy(float),
            prevalence=float(result.problem.y.mean()),
        ),
        caption="Decision curve of out-of-fold predictions with the 95 % band of bootstrap "
        "samples; grey upright line: share of the class. Illustration, no advice to act.",
    )


def _make_estimate(coefficient: Coefficient) -> Estimate:
    value, low, high = (getattr(coefficient.estimate, name) for name in ("value", "low", "high"))
    shown = format_interval(value, low, high, decimals=2)
    return Estimate(
        name=coefficient.name,
        value=value,
        low=low,
        high=high,
        shown=f"{shown}, same sign {100 * coefficient.sign_stability:.0f} %",
        emphasised=coefficient.sign_stability >= _STABLE,
    )
