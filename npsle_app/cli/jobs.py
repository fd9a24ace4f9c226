"""Sessions and the plan to jobs of the engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from npsle_app import pipeline
from npsle_app.bids.input.preflight import Problem, check_session
from npsle_app.bids.input.scans import Scan, Session, Visit
from npsle_app.bids.output.writer import Writer
from npsle_app.cli.logs import LOGGER
from npsle_app.cli.version import get_version
from npsle_app.engine.job import EARLIER, Earlier, Job, describe, printable
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Stage, with_upstream
from npsle_app.settings import Settings

Unit: TypeAlias = tuple[str, str | None]


class SessionCheck:
    """Looks at the scans of a session once, when first asked; then remembers."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._problems: tuple[Problem, ...] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found; nothing where nobody has asked yet."""
        return self._problems or ()

    def __call__(self) -> Mapping[str, str]:
        """Return the reason for each kind of scan that cannot be used."""
        if self._problems is None:
            self._problems = self._check()
            for problem in self._problems:
                LOGGER.warning("%s preflight: %s", self.session.id, say_problem(problem))
        refused: dict[str, list[str]] = {}
        for problem in self._problems:
            if problem.refused:
                refused.setdefault(problem.kind, []).append(say_problem(problem))
        return {kind: "; ".join(texts) for kind, texts in refused.items()}

    def _check(self) -> tuple[Problem, ...]:
        try:
            return tuple(check_session(self.session))
        except Exception as error:  # noqa: BLE001 - one session's scans must not end the others
            found = f"the scans of this session cannot be checked ({describe(error)})"
            advice = "look at their headers, or leave them out with --bids-filter-file"
            return tuple(
                Problem(kind, scan.path, found, advice, refused=True)
                for kind, scan in self.session.scans.items()
            )


def say_problem(problem: Problem) -> str:
    """Put a finding into one sentence: which file, what is wrong, what to do."""
    return printable(f"{problem.path.name}: {problem.found}; {problem.advice}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMaker:
    """Makes the jobs of a session."""

    output_dir: Path
    datasets: Mapping[str, Path]
    settings: Settings
    version: str
    earlier: Mapping[Unit, Session]

    def make(self, session: Session, plan: Iterable[Stage]) -> dict[str, Job]:
        """Make one job per stage that the session has; some are given the session before."""
        before = self.earlier.get((session.participant, session.session))
        out = Writer(self.output_dir, session.participant, session.session, self.datasets)
        check = SessionCheck(session)
        return {
            stage.name: Job(
                stage=stage,
                scans=_scans(session),
                missing=_missing(session),
                refusals=check,
                settings=getattr(self.settings, stage.settings),
                out=out,
                root=self.output_dir,
                receipt=out.folder / "log" / f"{out.id}_receipt-{stage.name}.json",
                crash=out.folder / "log" / f"{out.id}_stage-{stage.name}_crash.txt",
                version=self.version,
                running_version=get_version,
                earlier=self._look_back(before, stage) if before and stage.may_look_back else None,
            )
            for stage in plan
            if stage.is_of(session.scans)
        }

    def _look_back(self, before: Session, stage: Stage) -> Earlier:
        return Earlier(
            unit=(before.participant, before.session),
            name=f"ses-{before.session}",
            scans=_scans(before),
            missing=_missing(before),
            jobs=self.make(before, with_upstream(pipeline.PARTICIPANT, stage.before)),
        )


def build_jobs(
    sessions: Iterable[Session],
    *,
    earlier: Mapping[Unit, Session] | None = None,
    output_dir: Path,
    datasets: Mapping[str, Path],
    settings: Settings,
    version: str,
) -> dict[Key, Job]:
    """Make one job per session and stage of the plan, in the order of both.

    `earlier` holds the session before, for those of `sessions` that have one.
    """
    maker = JobMaker(
        output_dir=output_dir,
        datasets=datasets,
        settings=settings,
        version=version,
        earlier=earlier or {},
    )
    jobs: dict[Key, Job] = {}
    for session in sessions:
        unit = session.participant, session.session
        made = maker.make(session, pipeline.PARTICIPANT)
        jobs |= {(unit, name): job for name, job in made.items()}
    return jobs


def _scans(session: Session) -> dict[str, Scan | Visit]:
    """Return what a stage may take of a session: its scans, and which visit it is."""
    return {"visit": session.visit, **session.scans}


def _missing(session: Session) -> dict[str, str]:
    reasons = {c.kind: c.reason for c in session.choices if not c.scan}
    first = "no earlier session" if session.order.known else session.order.note
    return {EARLIER: first, **reasons}
