"""The participant level: compute, report."""

from pathlib import Path

from npsle_app import pipeline
from npsle_app.cli.errors import RefusedError, TerminatedError
from npsle_app.cli.logs import LOGGER
from npsle_app.cli.options import Options, Request
from npsle_app.cli.planning import Work
from npsle_app.cli.progress import Progress
from npsle_app.cli.reports import Reporter, merge_status, write_methods
from npsle_app.cli.summary import INTERRUPTED, TERMINATED, Summary
from npsle_app.cli.version import get_version
from npsle_app.engine.cluster import Cluster, ClusterError
from npsle_app.engine.executors import open_executor
from npsle_app.engine.job import describe, printable
from npsle_app.engine.scheduler import Key, run_jobs
from npsle_app.engine.stage import Outcome, Status

_LITTLE_MB = 3000


def make_reporter(work: Work, request: Request, *, settings_text: str) -> Reporter:
    """Make the one who writes tables and pages."""
    return Reporter(
        output_dir=request.output_dir,
        sessions=work.sessions,
        datasets=work.datasets,
        jobs=work.jobs,
        version=get_version(),
        command=" ".join(request.command),
        settings_text=settings_text,
    )


def run_participants(
    work: Work, reporter: Reporter, *, options: Options, folder: Path, live: bool
) -> Summary:
    """Compute what is not current, and write tables and pages as participants are finished."""
    _warn_of_little_memory(options)
    _tell_choices(work)
    ended_by = None
    made = {stage for _, stage in work.jobs}
    stages = [stage.name for stage in pipeline.PARTICIPANT if stage.name in made]
    try:
        with Progress(work.jobs, stages=stages, live=live) as progress:
            _compute(work, reporter, progress=progress, options=options, folder=folder)
    except KeyboardInterrupt as signal:
        ended_by = TERMINATED if isinstance(signal, TerminatedError) else INTERRUPTED
        _note_the_rest(work, reporter)
    merge_status(reporter.output_dir)
    try:
        write_methods(reporter.output_dir, datasets=work.datasets)
    except OSError as error:
        LOGGER.error("the methods text cannot be written: %s", error)
        reporter.failures["methods"] = Outcome(Status.FAILED, reason=describe(error))
    return Summary(
        sessions=work.sessions,
        outcomes=reporter.outcomes,
        unreadable=work.unreadable,
        reports=reporter.failures,
        ended_by=ended_by,
    )


def write_reports(work: Work, reporter: Reporter) -> Summary:
    """Write the pages of all participants that were processed before."""
    made: dict[str, Outcome] = {}
    for participant in work.sessions:
        if not (reporter.output_dir / f"sub-{participant}" / "log" / "status.tsv").is_file():
            LOGGER.warning("sub-%s: no report, for it was not processed", participant)
            continue
        reporter.check_scans(participant)
        made[participant] = reporter.write_page(participant) or Outcome(Status.DONE)
        LOGGER.info("sub-%s report: %s", participant, made[participant].status)
    write_methods(reporter.output_dir, datasets=work.datasets)
    return Summary(
        sessions={name: work.sessions[name] for name in made},
        unreadable=work.unreadable,
        reports=made,
    )


def _compute(
    work: Work, reporter: Reporter, *, progress: Progress, options: Options, folder: Path
) -> None:
    def watch(key: Key, outcome: Outcome | None) -> None:
        progress.tell(key, outcome)
        reporter.tell(key, outcome)

    units = {unit for unit, _ in work.jobs}
    opening = open_executor(
        min(options.nprocs, max(len(units), 1)),  # the stages of a session wait for each other
        memory_mb=options.mem_mb,
        threads=options.omp_nthreads,
        folder=folder,
        cluster=find_cluster(work, reporter.output_dir, options),
    )
    with opening as (executor, at_once):
        run_jobs(
            work.jobs,
            executor,
            watch=watch,
            at_once=at_once,
            stop_on_failure=options.stop_on_first_crash,
        )


def find_cluster(work: Work, output_dir: Path, options: Options) -> Cluster | None:
    """Return the cluster to compute on; None where this machine computes."""
    if options.dask_scheduler is None:
        return None
    return Cluster(
        address=options.dask_scheduler,
        inputs=tuple(work.datasets.values()),
        output=output_dir,
        wait_s=options.dask_wait,
        say=LOGGER.warning,
    )


def check_cluster(work: Work, output_dir: Path, options: Options) -> None:
    """Refuse a cluster that cannot compute what is to be done.

    Raises
    ------
    RefusedError
        With what was found and what to do.
    """
    cluster = find_cluster(work, output_dir, options)
    if cluster is None or options.reports_only or options.boilerplate_only:
        return
    try:
        cluster.check(get_version)
    except ClusterError as error:
        raise RefusedError(str(error)) from error


def _note_the_rest(work: Work, reporter: Reporter) -> None:
    """Write down what an interrupted run did not finish."""
    rest = [key for key in work.jobs if key not in reporter.outcomes]
    LOGGER.warning("interrupted: %d stages were not finished", len(rest))
    unfinished = Outcome(Status.BLOCKED, reason="not finished: the run was interrupted")
    reporter.outcomes.update(dict.fromkeys(rest, unfinished))
    for participant in dict.fromkeys(unit[0] for unit, _ in rest):
        reporter.write_table(participant)  # pages wait for the next run


def _tell_choices(work: Work) -> None:
    for participant, outcome in work.unreadable.items():
        LOGGER.error("sub-%s %s", participant, outcome.reason)
    for session in (session for found in work.sessions.values() for session in found):
        for note in session.notes:
            LOGGER.warning("%s", printable(f"{session.id}: {note}"))
        for choice in session.choices:
            used = choice.scan.path.name if choice.scan else "none"
            told = printable(f"{session.id} {choice.kind}: {used} ({choice.reason})")
            LOGGER.info("%s", told)
            for one in choice.others:
                told = f"{session.id} {choice.kind}: not {one.path.name} ({one.reason})"
                LOGGER.info("%s", printable(told))


def _warn_of_little_memory(options: Options) -> None:
    if options.mem_mb and options.mem_mb / options.nprocs < _LITTLE_MB:
        LOGGER.warning(
            "--mem-mb %d for --nprocs %d leaves %.0f MB for each; a session needs up to %d MB",
            options.mem_mb,
            options.nprocs,
            options.mem_mb / options.nprocs,
            _LITTLE_MB,
        )
