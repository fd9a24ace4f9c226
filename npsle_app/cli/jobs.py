"""Sessions and the plan to jobs of the engine."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from npsle_app import pipeline
from npsle_app.bids.scans import Session
from npsle_app.bids.writer import Writer
from npsle_app.cli.logs import LOGGER
from npsle_app.engine.job import Job, printable
from npsle_app.engine.scheduler import Key
from npsle_app.settings import Settings

if TYPE_CHECKING:
    from npsle_app.bids.preflight import Problem

Unit: TypeAlias = tuple[str, str | None]


class SessionCheck:
    """Looks at the scans of a session once, when first asked; then remembers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._problems: tuple[Problem, ...] | None = None

    @property
    def problems(self) -> "tuple[Problem, ...]":
        """What was found; nothing where nobody has asked yet."""
        return self._problems or ()

    def __call__(self) -> Mapping[str, str]:
        """Return the reason for each kind of scan that cannot be used."""
        if self._problems is None:
            from npsle_app.bids.preflight import check_session

            self._problems = tuple(check_session(self._session))
            for problem in self._problems:
                LOGGER.warning("%s preflight: %s", self._session.id, say_problem(problem))
        refused: dict[str, list[str]] = {}
        for problem in self._problems:
            if problem.refused:
                refused.setdefault(problem.kind, []).append(say_problem(problem))
        return {kind: "; ".join(texts) for kind, texts in refused.items()}


def say_problem(problem: "Problem") -> str:
    """Put a finding into one sentence: which file, what is wrong, what to do."""
    return printable(f"{problem.path.name}: {problem.found}; {problem.advice}")


def build_jobs(
    sessions: Iterable[Session],
    *,
    output_dir: Path,
    datasets: Mapping[str, Path],
    settings: Settings,
    version: str,
) -> dict[Key, Job]:
    """Make one job per session and stage of the plan, in the order of both."""
    jobs: dict[Key, Job] = {}
    for session in sessions:
        out = Writer(output_dir, session.participant, session.session, datasets)
        check = SessionCheck(session)
        for stage in pipeline.PARTICIPANT:
            jobs[(session.participant, session.session), stage.name] = Job(
                stage=stage,
                scans=session.scans,
                missing={c.kind: c.reason for c in session.choices if not c.scan},
                refusals=check,
                settings=getattr(settings, stage.name),
                out=out,
                root=output_dir,
                receipt=out.folder / "log" / f"{out.id}_receipt-{stage.name}.json",
                crash=out.folder / "log" / f"{out.id}_stage-{stage.name}_crash.txt",
                version=version,
            )
    return jobs
