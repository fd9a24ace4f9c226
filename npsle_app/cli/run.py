"""One call of the app, from request to exit code."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from npsle_app.bids.input.participants import linked_datasets
from npsle_app.bids.input.validation import format_issues, validate
from npsle_app.bids.output.tree import previous_version, write_dataset_files
from npsle_app.cli import group, logs
from npsle_app.cli.config import Configuration
from npsle_app.cli.environment import (
    LEAST_OUTPUT_MB,
    LEAST_WORK_MB,
    check_space,
    ended_cleanly,
    work_folder,
)
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.logs import LOGGER
from npsle_app.cli.options import Options, Request
from npsle_app.cli.participants import (
    check_cluster,
    make_reporter,
    run_participants,
    write_reports,
)
from npsle_app.cli.planning import Work, plan_work
from npsle_app.cli.progress import is_live
from npsle_app.cli.record import begin_record, end_record
from npsle_app.cli.reports import write_methods
from npsle_app.cli.sessions import check_folders
from npsle_app.cli.summary import Summary
from npsle_app.cli.version import get_version
from npsle_app.cli.versions import check_group_versions, check_versions
from npsle_app.engine.job import printable


def run(request: Request, configuration: Configuration) -> int:
    """Do what was asked for; the last line on stdout says what came of it.

    Raises
    ------
    RefusedError
        If it cannot be begun: nothing was computed then.
    """
    options, settings = configuration
    check_folders(request, options)
    check_versions(request, options)
    tables = group.look_at(request, settings) if "group" in request.levels else []
    if "participant" not in request.levels:
        group.check_ready(request.output_dir)
    with ended_cleanly(), work_folder(options.work_dir) as folder:
        work = _plan(request, configuration)
        if work and "group" in request.levels and not options.allow_other_version:
            check_group_versions(request.output_dir, to_come=work.sessions)
        check_space(request.output_dir, least_mb=LEAST_OUTPUT_MB, what="OUTPUT_DIR")
        check_space(folder, least_mb=LEAST_WORK_MB, what="the folder for temporary files")
        if work:
            check_cluster(work, request.output_dir, options)
        with _logged(request, configuration) as (logs_folder, text):
            for line in tables:
                LOGGER.info("tables: %s", printable(line))
            with _recorded(logs_folder, request, configuration, work=work) as note_end:
                summary = _do(request, configuration, work=work, folder=folder, text=text)
                note_end(summary.code)
            LOGGER.info(summary.line)
        if options.clean_workdir and summary.code == 0:
            shutil.rmtree(folder, ignore_errors=True)
    _say_failures(summary)
    print(summary.line, flush=True)  # noqa: T201 - the last line is for the user
    return summary.code


def _plan(request: Request, configuration: Configuration) -> Work | None:
    return plan_work(request, *configuration) if "participant" in request.levels else None


@contextmanager
def _recorded(
    folder: Path, request: Request, configuration: Configuration, *, work: Work | None
) -> Iterator[Callable[[int], None]]:
    """Keep the record of a run that computes; hands out what takes its exit code."""
    options = configuration.options
    if options.reports_only or options.boilerplate_only:
        yield lambda _: None
        return
    sessions = work.sessions if work else {}
    datasets = {**_find_derivatives(request, options), "raw": request.bids_dir}
    record = begin_record(folder, request, configuration, sessions=sessions, datasets=datasets)
    yield lambda code: end_record(
        folder,
        record,
        request.output_dir,
        sessions=sessions,
        datasets=datasets,
        exit_code=code,
    )


def _do(
    request: Request,
    configuration: Configuration,
    *,
    work: Work | None,
    folder: Path,
    text: str,
) -> Summary:
    options, settings = configuration
    derivatives = _find_derivatives(request, options)
    datasets = {**derivatives, "raw": request.bids_dir}
    if options.boilerplate_only:
        LOGGER.info("methods text: %s", write_methods(request.output_dir, datasets=datasets))
        return Summary()
    _write_dataset_files(request, derivatives)
    summary = Summary()
    if work:
        reporter = make_reporter(work, request, settings_text=text)
        if options.reports_only:
            summary = write_reports(work, reporter)
        else:
            _validate(request, options, work)
            summary = run_participants(
                work, reporter, options=options, folder=folder, live=is_live()
            )
    if "group" in request.levels and summary.ended_by is None:
        summary.group = group.run_group(request.output_dir, settings, datasets=datasets)
    return summary


@contextmanager
def _logged(request: Request, configuration: Configuration) -> Iterator[tuple[Path, str]]:
    options, settings = configuration
    folder = request.output_dir / "logs" / logs.make_run_id()
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        msg = f"cannot write to OUTPUT_DIR {request.output_dir}: {error}"
        raise RefusedError(msg) from error
    with logs.opened(folder, verbose=options.verbose, to_stderr=not is_live()):
        LOGGER.info("npsle_app %s: %s", get_version(), " ".join(request.command))
        LOGGER.info("%d processes with %d threads each", options.nprocs, options.omp_nthreads)
        if options.omp_nthreads > 1:
            LOGGER.warning("with several threads, results may differ in the last digits")
        try:
            text = logs.write_settings(folder, request, options=options, settings=settings)
            yield folder, text
        except Exception:
            LOGGER.exception("the app itself failed")
            raise


def _find_derivatives(request: Request, options: Options) -> dict[str, Path]:
    """Return the datasets by name; the group level alone goes on with those of the run before.

    What participants were measured from lies there: their pages name it.
    """
    if "participant" in request.levels:
        return options.datasets
    return {**linked_datasets(request.output_dir), **options.datasets}


def _write_dataset_files(request: Request, derivatives: Mapping[str, Path]) -> None:
    before, own = previous_version(request.output_dir), get_version()
    measured = "participant" in request.levels
    if measured and before not in (None, own):
        LOGGER.warning("earlier outputs are of version %s: they are made anew", before)
    write_dataset_files(
        request.output_dir,
        bids_dir=request.bids_dir,
        # the group level alone makes no image: these stay those of the version that made them
        version=own if measured or before is None else before,
        derivatives={name: path for name, path in derivatives.items() if name != "raw"},
    )


def _validate(request: Request, options: Options, work: Work) -> None:
    """Tell what is wrong with the dataset; participants processed before were told of then."""
    new = [
        participant
        for participant in work.sessions
        if not (request.output_dir / f"sub-{participant}" / "log" / "status.tsv").is_file()
    ]
    if options.skip_bids_validation or not new:
        return

    issues = validate(request.bids_dir, participants=new)
    if issues:
        LOGGER.warning("the BIDS validator says:\n%s", format_issues(issues))
    else:
        LOGGER.info("the BIDS validator found no error")


def _say_failures(summary: Summary) -> None:
    """Repeat at the end, beneath a live table, what went wrong."""
    if not is_live():
        return
    for (unit, stage), outcome in summary.outcomes.items():
        if outcome.status == "failed":
            print(f"{unit} {stage}: {outcome.reason}", file=sys.stderr)  # noqa: T201
