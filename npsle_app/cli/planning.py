"""What a run of the participant level is about to do.

Nothing here imports what computes or writes: a plan is told within a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from npsle_app.bids.input.scans import Session
from npsle_app.cli.jobs import build_jobs
from npsle_app.cli.options import Options, Request
from npsle_app.cli.sessions import check_links, choose_participants, find_all
from npsle_app.cli.version import get_version
from npsle_app.engine.job import Job
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Outcome
from npsle_app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a run of the participant level is about to do."""

    sessions: Mapping[str, Sequence[Session]]
    jobs: dict[Key, Job]
    unreadable: Mapping[str, Outcome]
    datasets: Mapping[str, Path]


def plan_work(request: Request, options: Options, settings: Settings) -> Work:
    """Find the sessions asked for and make their jobs; writes nothing."""
    participants = choose_participants(request, options)
    check_links(request.output_dir, participants)
    found = find_all(request, options, participants)
    datasets = {"raw": request.bids_dir, **options.datasets}
    jobs = build_jobs(
        [session for own in found.sessions.values() for session in own],
        earlier=found.earlier,
        output_dir=request.output_dir,
        datasets=datasets,
        settings=settings,
        version=get_version(),
    )
    return Work(sessions=found.sessions, jobs=jobs, unreadable=found.unreadable, datasets=datasets)
