"""A tiny plan that the engine runs in milliseconds, and the study it runs on."""

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from npsle_app.engine.job import Earlier, Job
from npsle_app.engine.scheduler import Key, run_jobs
from npsle_app.engine.stage import Outcome, Stage


@dataclass(frozen=True, kw_only=True)
class Section:
    factor: int = 1


@dataclass(frozen=True)
class FakeScan:
    path: Path
    metadata: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Made:
    table: Path
    figures: tuple[Path, ...] = ()
    extra: Path | None = None


@dataclass(frozen=True)
class Door:
    """Writes `<stage>.tsv` with a sidecar."""

    folder: Path

    def write(self, name: str, text: str) -> Made:
        figure = self.folder / f"{name}.webp"
        table = self.folder / f"{name}.tsv"
        for path, content in ((table, text), (figure, "a figure"), (_sidecar(table), "{}")):
            path.unlink(missing_ok=True)
            path.write_text(content)
        return Made(table=table, figures=(figure,))


def _sidecar(table: Path) -> Path:
    return table.with_suffix(".json")


def anat(*, t1w: FakeScan, settings: Section, out: Door) -> Made:
    text = t1w.path.read_text()
    if text == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return out.write("anat", str(int(text) * settings.factor))


def wmh(*, flair: FakeScan, anat: Made, settings: Section, out: Door) -> Made:
    return out.write("wmh", flair.path.read_text() + anat.table.read_text() * settings.factor)


def either(*, t1w: FakeScan | None, flair: FakeScan | None, settings: Section, out: Door) -> Made:
    del settings
    return out.write(
        "either", " ".join(scan.path.read_text() if scan else "none" for scan in (t1w, flair))
    )


def tissue(*, anat: Made, wmh: Made | None, settings: Section, out: Door) -> Made:
    del settings
    with_lesions = wmh.table.read_text() if wmh else "no lesions"
    return out.write("tissue", f"{anat.table.read_text()} {with_lesions}")


def change(
    *, t1w: FakeScan, wmh: Made, earlier_t1w: FakeScan, earlier_wmh: Made, settings: Section,
    out: Door,
) -> Made:  # fmt: skip
    del settings
    dates = f"{earlier_t1w.path.read_text()}-{t1w.path.read_text()}"
    return out.write("change", f"{dates}: {earlier_wmh.table.read_text()}, {wmh.table.read_text()}")


def follow(
    *, anat: Made, earlier_follow: Made | None, settings: Section, out: Door
) -> Made:  # fmt: skip
    del settings
    path = f"{earlier_follow.table.read_text()}, " if earlier_follow else ""
    return out.write("follow", path + anat.table.read_text())


PLAN = (
    Stage("anat", "tests.engine.plan:anat", scans=("t1w",)),
    Stage("wmh", "tests.engine.plan:wmh", scans=("flair",), needs=("anat",)),
    Stage("tissue", "tests.engine.plan:tissue", needs=("anat",), uses=("wmh",)),
)
EITHER = Stage("either", "tests.engine.plan:either", uses_scans=("t1w", "flair"))
GIVEN = Stage("either", "tests.engine.plan:either", given=("t1w", "flair"))
FOLLOW = Stage("follow", "tests.engine.plan:follow", needs=("anat",), earlier_uses=("follow",))
CHANGE = Stage(
    "change",
    "tests.engine.plan:change",
    scans=("t1w",),
    needs=("wmh",),
    earlier=("wmh",),
    earlier_scans=("t1w",),
)


@dataclass
class Study:
    """A folder of scans and a folder of outputs; `run` runs the plan on it."""

    folder: Path
    settings: dict[str, Section] = field(default_factory=dict)
    version: str = "1"
    refused: dict[str, str] = field(default_factory=dict)
    started: list[Key] = field(default_factory=list)

    def add(self, unit: str, **scans: str) -> None:
        for kind, text in scans.items():
            path = self.folder / "raw" / unit / kind
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_text(text)

    @property
    def root(self) -> Path:
        return self.folder / "out"

    def jobs(self, plan: tuple[Stage, ...] = PLAN) -> dict[Key, Job]:
        """Jobs of all units; where the plan looks back, each unit follows the one before."""
        made: dict[Key, Job] = {}
        before = None
        for unit in sorted(path.name for path in (self.folder / "raw").iterdir()):
            scans = {path.name: FakeScan(path) for path in (self.folder / "raw" / unit).iterdir()}
            (self.root / unit).mkdir(parents=True, exist_ok=True)
            mine = {stage.name: self._job(unit, stage, scans, before) for stage in plan}
            made |= {(unit, name): job for name, job in mine.items()}
            before = Earlier(unit=unit, name=unit, scans=scans, missing={}, jobs=mine)
        return made

    def _job(self, unit: str, stage: Stage, scans: dict, before: Earlier | None) -> Job:
        return Job(
            stage=stage,
            scans=scans,
            missing={"flair": "no FLAIR", "t1w": "no T1w", "earlier": f"{unit} is the first"},
            refusals=Refusals(self.refused),
            settings=self.settings.get(stage.name, Section()),
            out=Door(self.root / unit),
            root=self.root,
            log=self.root / unit,
            version=self.version,
            earlier=before if stage.may_look_back else None,
        )

    def run(self, executor, *, plan=PLAN, units=None, **options) -> dict[Key, Outcome]:
        self.started.clear()
        jobs = {key: job for key, job in self.jobs(plan).items() if units in (None, key[0])}
        return run_jobs(jobs, executor, watch=self._watch, **options)

    def _watch(self, key: Key, outcome: Outcome | None) -> None:
        if outcome is None:
            self.started.append(key)


@dataclass(frozen=True)
class Refusals:
    reasons: dict[str, str]

    def __call__(self) -> dict[str, str]:
        return self.reasons


def with_upstream(plan: Iterable[Stage], names: Iterable[str]) -> tuple[Stage, ...]:
    """Return the stages named and all that they wait for, in the order of the plan.

    The plan lists a stage after those that it waits for.
    """
    stages, wanted = tuple(plan), set(names)
    for stage in reversed(stages):
        wanted |= set(stage.upstream) if stage.name in wanted else set()
    return tuple(stage for stage in stages if stage.name in wanted)
