"""Tell the classes of the study's question apart, or apply a model to new participants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsle_app.bids.output.names import GroupFile
from npsle_app.bids.output.tree import previous_version
from npsle_app.bids.output.writer import write_json
from npsle_app.documents import read_json
from npsle_app.engine.executors import open_executor
from npsle_app.settings import ClassifierSettings
from npsle_app.stages.group.classifier_figures import draw_figures
from npsle_app.stages.group.cohort import read_cohort
from npsle_app.stages.group.summary import clear, write_table

if TYPE_CHECKING:
    from npsle_app.cohort.classifier.result import Effort, Result
    from npsle_app.cohort.study.assembly import Cohort
    from npsle_app.cohort.study.study import Study


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
    study, cohort = read_cohort(output_dir, study_file=settings.study_file, raw=raw)
    version = previous_version(output_dir) or "unknown"
    if settings.model_file:
        return _apply(output_dir, cohort, path=Path(settings.model_file), version=version)
    return _fit(output_dir, study, cohort, settings=settings, version=version)


def _fit(
    output_dir: Path,
    study: "Study",
    cohort: "Cohort",
    *,
    settings: ClassifierSettings,
    version: str,
) -> ClassifierOutputs:
    from npsle_app.cohort.classifier.problem import NotEstimableError
    from npsle_app.cohort.classifier.question import ask

    try:
        question = ask(study, cohort)
    except NotEstimableError as reason:
        return _write_nothing(output_dir, study, str(reason))
    with open_executor(settings.processes) as (executor, _):
        result = question.assess(
            effort=_effort(settings, participants=len(question.problem.y)),
            executor=executor,
            app_version=version,
        )
    return _write(output_dir, study, result)


def _effort(settings: ClassifierSettings, *, participants: int) -> "Effort":
    from npsle_app.cohort.classifier.result import Effort

    effort = Effort(
        repeats=settings.repeats,
        bootstrap_samples=settings.bootstrap_samples,
        permutations=settings.permutations,
        permutation_repeats=settings.permutation_repeats,
        seed=settings.random_seed,
    )
    return effort.reduced() if participants >= settings.large_from else effort


def _apply(output_dir: Path, cohort: "Cohort", *, path: Path, version: str) -> ClassifierOutputs:
    from npsle_app.cohort.classifier.model import INTENDED_USE, apply_model, check_fit
    from npsle_app.cohort.classifier.question import units_of

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
    summary = output_dir / GroupFile.CLASSIFIER.path
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
    _write_summary(summary, analysis, status="applied", warnings=[INTENDED_USE])
    return ClassifierOutputs(summary=summary, tables=(written,))


def read_model(path: Path) -> Any:
    """Read a model file.

    Raises
    ------
    ValueError
        With the file and what is wrong with it.
    """
    from npsle_app.cohort.classifier.model import from_plain

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


def _write(output_dir: Path, study: "Study", result: "Result") -> ClassifierOutputs:
    from npsle_app.cohort.classifier.model import to_plain
    from npsle_app.cohort.classifier.statements import (
        CITATIONS,
        list_warnings,
        tell_methods,
        tell_results,
    )
    from npsle_app.cohort.classifier.tables import make_tables

    tables = make_tables(result)
    files = {name: GroupFile(f"classifier_{name}") for name in tables}
    paths = [write_table(output_dir, files[name], table) for name, table in tables.items()]
    model = output_dir / GroupFile.CLASSIFIER_MODEL.path
    write_json(model, to_plain(result.model))
    summary = output_dir / GroupFile.CLASSIFIER.path
    analysis = _describe(study) | {
        "tables": {name: file.path for name, file in files.items()},
        "model": GroupFile.CLASSIFIER_MODEL.path,
        "figures": draw_figures(output_dir, result=result, tables=tables),
        "methods": tell_methods(result),
        "results": list(tell_results(result)),
        "citations": list(CITATIONS),
    }
    _write_summary(summary, analysis, status="estimated", warnings=list_warnings(result))
    return ClassifierOutputs(summary=summary, tables=tuple(paths), model=model)


def _write_nothing(output_dir: Path, study: "Study", reason: str) -> ClassifierOutputs:
    summary = output_dir / GroupFile.CLASSIFIER.path
    analysis = _describe(study) | {
        "tables": {},
        "figures": [],
        "methods": "",
        "results": [reason],
        "citations": [],
    }
    _write_summary(summary, analysis, status="not estimable", warnings=[])
    return ClassifierOutputs(summary=summary)


def _write_summary(
    path: Path, analysis: Mapping[str, Any], *, status: str, warnings: Sequence[str]
) -> None:
    """Write what the page reads, in the shape that all group stages share."""
    content = {
        "title": analysis["title"],
        "status": status,
        "warnings": list(warnings),
        "analyses": [analysis],
    }
    write_json(path, content)


def _describe(study: "Study") -> dict[str, Any]:
    question = study.classifier
    label = study.contrast(question.contrast).label if question.contrast else ""
    return {
        "name": "classifier",
        "title": f"Classifier: {label}" if label else "Classifier",
        "clinical": list(question.clinical),
        "imaging": list(question.imaging),
    }
