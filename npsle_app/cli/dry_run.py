"""The plan of a run, told and not done."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from npsle_app import pipeline
from npsle_app.bids.scans import Session
from npsle_app.engine.job import Job, one_line
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Outcome, Status

_WILL_RUN = "will run"


def tell_plan(
    sessions: Sequence[Session], jobs: Mapping[Key, Job], *, bids_dir: Path
) -> Iterator[str]:
    """Say per session which scan is used and why, and what each stage would do."""
    for session in sessions:
        yield f"{session.id}"
        yield from _tell_scans(session, bids_dir=bids_dir)
        yield from _tell_stages(session, jobs)
    yield f"{len(sessions)} sessions; nothing was computed and nothing was written"


def _tell_scans(session: Session, *, bids_dir: Path) -> Iterator[str]:
    for choice in session.choices:
        used = _shorten(choice.scan.path, bids_dir) if choice.scan else "none"
        yield "  " + one_line(f"{choice.kind}: {used} ({choice.reason})")
        for path in choice.others:
            yield f"    not used: {one_line(_shorten(path, bids_dir))}"


def _tell_stages(session: Session, jobs: Mapping[Key, Job]) -> Iterator[str]:
    outcomes: dict[str, Outcome] = {}
    to_run: set[str] = set()
    for stage in pipeline.PARTICIPANT:
        job = jobs[(session.participant, session.session), stage.name]
        waits = to_run & set(stage.upstream)
        outcome = _foresee(job, outcomes, waits=waits)
        outcomes[stage.name] = outcome or Outcome(Status.DONE)
        if outcome is None:
            to_run.add(stage.name)
        after = f" after {', '.join(sorted(waits))}" if waits else ""
        yield f"  {stage.name}: {_say(outcome) if outcome else _WILL_RUN + after}"


def _foresee(job: Job, outcomes: Mapping[str, Outcome], *, waits: set[str]) -> Outcome | None:
    upstream = {name: outcomes[name] for name in job.stage.upstream}
    # what will be made is not there to be hashed: only that it will be made is known
    return job.foresee(upstream) if waits else job.settle(upstream)


def _say(outcome: Outcome) -> str:
    return f"{outcome.status}" + (f" ({outcome.reason})" if outcome.reason else "")


def _shorten(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
