"""The plan of a run, told and not done: scans and stages, then who would enter which analysis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from npsle_app import pipeline
from npsle_app.bids.input.scans import Session
from npsle_app.cli.errors import RefusedError
from npsle_app.engine.job import Job, describe, one_line, printable
from npsle_app.engine.scheduler import Key, find_upstream, gather_upstream
from npsle_app.engine.stage import Outcome, Status
from npsle_app.settings import Settings
from npsle_app.stages.group import measures, normative, population, shared, statistics

_WILL_RUN = "will run"


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


def tell_group(
    output_dir: Path, settings: Settings, *, raw: Path, tables: Sequence[str] = ()
) -> Iterator[str]:
    """Say who would enter which analysis with what lies in the output folder now.

    `tables` is what was seen of the tables of people.

    Raises
    ------
    RefusedError
        If the tables or the study file make no sense.
    """
    there = len(list(output_dir.glob("sub-*/log/status.tsv")))
    yield f"group: will gather {there} participants processed so far"
    yield from (f"  {printable(line)}" for line in tables)
    if not there:
        return
    study_file = settings.statistics.study_file
    try:
        found = shared.read_tables(
            output_dir, study_file=study_file, raw=raw, measures=measures.gather(output_dir)
        )
        told = [
            *statistics.plan(found, settings=settings.statistics),
            *normative.plan(found, settings=settings.normative),
            *population.plan(found, settings=settings.population),
        ]
    except ValueError as error:
        raise RefusedError(str(error)) from error
    yield f"study: {study_file or 'no file given: the analyses of the lupus papers'}"
    yield from (f"  {printable(line)}" for line in told)


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
