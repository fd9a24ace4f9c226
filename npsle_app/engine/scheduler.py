"""Runs jobs as soon as what they need is there."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

from npsle_app.engine.executors import explain
from npsle_app.engine.job import Job, describe, earlier_name
from npsle_app.engine.stage import Outcome, Status

STOPPED = "not started: --stop-on-first-crash"

Key: TypeAlias = tuple[Any, str]  # unit of work (hashable), stage
Watch: TypeAlias = Callable[[Key, Outcome | None], None]


def find_upstream(key: Key, jobs: Mapping[Key, Job]) -> dict[str, Key]:
    """Name the jobs of this run that a job waits for, as its `upstream` calls them.

    Stages of the unit before that are not among `jobs` are left out.
    """
    unit, job = key[0], jobs[key]
    own = {name: (unit, name) for name in job.stage.upstream}
    if job.earlier is None:
        return own
    before = {earlier_name(name): (job.earlier.unit, name) for name in job.stage.before}
    return own | {name: found for name, found in before.items() if found in jobs}


def gather_upstream(
    key: Key, jobs: Mapping[Key, Job], *, outcomes: Mapping[Key, Outcome]
) -> dict[str, Outcome]:
    """Return the outcomes that a job is handed.

    A stage of the unit before that is not among `jobs` counts as reused if its receipt
    proves what an earlier run left.
    """
    found = {name: outcomes[above] for name, above in find_upstream(key, jobs).items()}
    if (earlier := jobs[key].earlier) is not None:
        for name in jobs[key].stage.before:
            if earlier_name(name) not in found:
                found[earlier_name(name)] = earlier.prove(name)
    return found


def run_jobs(
    jobs: Mapping[Key, Job],
    executor: Executor,
    *,
    watch: Watch | None = None,
    at_once: int = 1,
    stop_on_failure: bool = False,
) -> dict[Key, Outcome]:
    """Run every job on any `concurrent.futures` executor.

    Parameters
    ----------
    jobs : mapping
        Jobs by (unit, stage). Of several that are ready, the first in this order goes
        first, so that a unit is finished before the next is begun.
    executor : Executor
        Where jobs are computed. What needs no computing is settled here.
    watch : callable, optional
        Told of each start (with None) and of each end (with the outcome).
    at_once : int
        How many jobs the executor is given at a time; no more than it has workers, so that
        the end of a worker ends one job.
    stop_on_failure : bool
        Whether to begin nothing more after the first failure.

    Raises
    ------
    graphlib.CycleError
        If stages wait for one another.
    """
    run = _Run(jobs, executor, watch or _watch_nothing, stop_on_failure)
    running: dict[Future[Outcome], Key] = {}
    while run.waiting or running:
        while run.waiting and len(running) < at_once:
            key = run.waiting.pop(0)
            if (future := run.begin(key)) is not None:
                running[future] = key
        for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
            run.end(running.pop(future), _result(future))
    return run.outcomes


@dataclass(slots=True)
class _Run:
    jobs: Mapping[Key, Job]
    executor: Executor
    watch: Watch
    stop_on_failure: bool
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    waiting: list[Key] = field(init=False)
    _order: TopologicalSorter[Key] = field(init=False)
    _rank: dict[Key, int] = field(init=False)
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._rank = {key: rank for rank, key in enumerate(self.jobs)}
        self._order = TopologicalSorter(
            {key: list(find_upstream(key, self.jobs).values()) for key in self.jobs}
        )
        self._order.prepare()
        self.waiting = []
        self._refill()

    def begin(self, key: Key) -> Future[Outcome] | None:
        """Start a job; None if it was settled without computing."""
        try:
            upstream = gather_upstream(key, self.jobs, outcomes=self.outcomes)
            outcome = self.jobs[key].settle(upstream)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
            self.end(key, Outcome(Status.FAILED, reason=describe(error)))
            return None
        if outcome is None and self._stopped:
            outcome = Outcome(Status.BLOCKED, reason=STOPPED)
        if outcome is not None:
            self.end(key, outcome)
            return None
        self.watch(key, None)
        return self.executor.submit(self.jobs[key].compute, upstream)

    def end(self, key: Key, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self._stopped |= self.stop_on_failure and outcome.status is Status.FAILED
        self.watch(key, outcome)
        self._order.done(key)
        self._refill()

    def _refill(self) -> None:
        self.waiting = sorted([*self.waiting, *self._order.get_ready()], key=self._rank.__getitem__)


def _watch_nothing(_key: Key, _outcome: Outcome | None) -> None:
    pass


def _result(future: Future[Outcome]) -> Outcome:
    error = future.exception()
    return Outcome(Status.FAILED, reason=explain(error)) if error else future.result()
