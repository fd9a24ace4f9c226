"""The plan of a run, told and not done: scans and stages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from npsle_app import pipeline
from npsle_app.bids.input.scans import Session
from npsle_app.cli.config import Configuration
from npsle_app.cli.options import Request
from npsle_app.cli.planning import plan_work
from npsle_app.cli.sessions import check_folders
from npsle_app.cli.versions import check_versions
from npsle_app.engine.job import Job, describe, one_line
from npsle_app.engine.scheduler import Key, find_upstream, gather_upstream
from npsle_app.engine.stage import Outcome, Status

_WILL_RUN = "will run"


def tell(request: Request, configuration: Configuration) -> int:
    """Say what a run would do; write nothing. Returns the exit code.

    Raises
    ------
    RefusedError
        If the run could not be begun.
    """
    options, settings = configuration
    check_folders(request, options)
    check_versions(request, options)
    lines: list[str] = []
    if "group" in request.levels:
        # pandas and all statistics: what a participant's plan need not wait for
        from npsle_app.cli.group import tell as tell_group

        lines = list(tell_group(request, settings))
    if "participant" in request.levels:
        work = plan_work(request, options, settings)
        sessions = [session for found in work.sessions.values() for session in found]
        for line in tell_plan(sessions, work.jobs, bids_dir=request.bids_dir):
            print(line)  # noqa: T201 - what a dry run is for
    for line in lines:
        print(line)  # noqa: T201
    return 0


def tell_plan(
    sessions: Sequence[Session], jobs: Mapping[Key, Job], *, bids_dir: Path
) -> Iterator[str]:
    """Say per session which scan is used and why, and what each stage would do."""
    foreseen = _foresee_all(jobs)
    for session in sessions:
        yield f"{session.id}"
        yield from (f"  note: {one_line(note)}" for note in session.notes)
        yield from _tell_scans(session, bids_dir=bids_dir)
        for stage in pipeline.PARTICIPANT:
            told = foreseen.get(((session.participant, session.session), stage.name))
            if told is not None:  # a session with T1w has no stage that makes do without it
                yield f"  {stage.name}: {told}"
    yield f"{len(sessions)} sessions; nothing was computed and nothing was written"


def _tell_scans(session: Session, *, bids_dir: Path) -> Iterator[str]:
    for choice in session.choices:
        used = _shorten(choice.scan.path, bids_dir) if choice.scan else "none"
        yield "  " + one_line(f"{choice.kind}: {used} ({choice.reason})")
        for one in choice.others:
            yield "    " + one_line(f"not used: {_shorten(one.path, bids_dir)} ({one.reason})")


def _foresee_all(jobs: Mapping[Key, Job]) -> dict[Key, str]:
    """Say what each job would do; a session may wait for the one before it."""
    outcomes: dict[Key, Outcome] = {}
    to_run: set[Key] = set()
    told: dict[Key, str] = {}
    order = TopologicalSorter({key: find_upstream(key, jobs).values() for key in jobs})
    for key in order.static_order():
        waits = [above for above in find_upstream(key, jobs).values() if above in to_run]
        outcome = _foresee(key, jobs, outcomes, waits=bool(waits))
        outcomes[key] = outcome or Outcome(Status.DONE)
        if outcome is None:
            to_run.add(key)
        told[key] = _say(outcome) if outcome else _WILL_RUN + _say_after(key, waits)
    return told


def _foresee(
    key: Key, jobs: Mapping[Key, Job], outcomes: Mapping[Key, Outcome], *, waits: bool
) -> Outcome | None:
    try:
        upstream = gather_upstream(key, jobs, outcomes=outcomes)
        # what will be made is not there to be hashed: only that it will be made is known
        return jobs[key].foresee(upstream) if waits else jobs[key].settle(upstream)
    except Exception as error:  # noqa: BLE001 - the run would go on, and so does its plan
        return Outcome(Status.FAILED, reason=describe(error))


def _say_after(key: Key, waits: Iterable[Key]) -> str:
    own = sorted(stage for unit, stage in waits if unit == key[0])
    before = sorted(f"{stage} of ses-{unit[1]}" for unit, stage in waits if unit != key[0])
    return f" after {', '.join([*own, *before])}" if own or before else ""


def _say(outcome: Outcome) -> str:
    return f"{outcome.status}" + (f" ({outcome.reason})" if outcome.reason else "")


def _shorten(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
