"""Sessions and the plan to jobs of the engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    """Makes the jobs of sessions, each once."""

    output_dir: Path
    datasets: Mapping[str, Path]
    settings: Settings
    version: str
    earlier: Mapping[Unit, Session]
    made: dict[Unit, dict[str, Job]] = field(default_factory=dict)

    def make(self, session: Session) -> dict[str, Job]:
        """Make one job per stage that the session has; some are given the session before."""
        unit = session.participant, session.session
        if unit not in self.made:
            self.made[unit] = self._make(session)
        return self.made[unit]

    def _make(self, session: Session) -> dict[str, Job]:
        # what the jobs of a session have in common they share: there may be 300,000
        out = Writer(self.output_dir, session.participant, session.session, self.datasets)
        scans, missing, check = _scans(session), _missing(session), SessionCheck(session)
        earlier, log, prefix = self._look_back(session), out.folder / "log", f"{out.id}_"
        return {
            stage.name: Job(
                stage=stage,
                scans=scans,
                missing=missing,
                refusals=check,
                settings=getattr(self.settings, stage.settings),
                out=out,
                root=self.output_dir,
                log=log,
                prefix=prefix,
                version=self.version,
                running_version=get_version,
                earlier=earlier if stage.may_look_back else None,
            )
            for stage in pipeline.PARTICIPANT
            if stage.is_of(scans)
        }

    def _look_back(self, session: Session) -> Earlier | None:
        before = self.earlier.get((session.participant, session.session))
        if before is None:
            return None
        return Earlier(
            unit=(before.participant, before.session),
            name=f"ses-{before.session}",
            scans=_scans(before),
            missing=_missing(before),
            jobs=self.make(before),
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
        jobs |= {(unit, name): job for name, job in maker.make(session).items()}
    return jobs


def _scans(session: Session) -> dict[str, Scan | Visit]:
    """Return what a stage may take of a session: its scans, and which visit it is."""
    return {"visit": session.visit, **session.scans}


def _missing(session: Session) -> dict[str, str]:
    reasons = {c.kind: c.reason for c in session.choices if not c.scan}
    first = "no earlier session" if session.order.known else session.order.note
    return {EARLIER: first, **reasons}
