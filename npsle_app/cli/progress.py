"""How far the run is: a live table on a terminal, lines in the log everywhere."""

import logging
import sys
import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from npsle_app.cli.logs import LOGGER
from npsle_app.engine.job import Job
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Outcome, Status
from npsle_app.resources import read_table

_RUNNING = "running"
_WAITING = "·"
_COLOURS = {
    str(Status.DONE): "green",
    str(Status.REUSED): "cyan",
    str(Status.FAILED): "bold red",
    str(Status.BLOCKED): "yellow",
    str(Status.ABSENT): "dim",
    _RUNNING: "bold",
}
_MOST_ROWS = 20
_BAR_WIDTH = 40
_COMPUTED = (str(Status.DONE), str(Status.FAILED))
# What each stage takes for a synthetic head on one core, in s, rounded: only ratios count.
_COSTS = {row["stage"]: float(row["seconds"]) for row in read_table("stage_costs.tsv")}


def is_live() -> bool:
    """Say whether someone looks at a terminal."""
    return sys.stderr.isatty()


class Progress:
    """Follows the jobs of a run; a context manager, for the live table."""

    def __init__(self, jobs: dict[Key, Job], *, stages: Sequence[str], live: bool) -> None:
        self._names = {unit: jobs[unit, stage].out.id for unit, stage in jobs}
        self._stages = tuple(stages)
        self._states = dict.fromkeys(jobs, _WAITING)
        self._recent = list(self._names)
        self._show = live
        self._live: Live | None = None
        self._start = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._show:
            self._live = Live(
                get_renderable=self.view, console=Console(stderr=True), refresh_per_second=2
            )
            self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.refresh()
            self._live.__exit__(None, None, None)

    def tell(self, key: Key, outcome: Outcome | None) -> None:
        """Log a start (None) or an end, and show it."""
        unit, stage = key
        self._states[key] = str(outcome.status) if outcome else _RUNNING
        self._recent.remove(unit)
        self._recent.insert(0, unit)
        LOGGER.log(*_line(f"{self._names[unit]} {stage}", outcome))
        if self._live:
            self._live.refresh()

    def view(self) -> Group:
        """Return the table with a bar below it, and the time that is left."""
        done, left = self._work()
        bar = ProgressBar(total=done + left or 1.0, completed=done, width=_BAR_WIDTH)
        seconds = seconds_left(time.monotonic() - self._start, done=done, left=left)
        return Group(self.table(), bar, Text(tell_left(seconds)))

    def _work(self) -> tuple[float, float]:
        """Return what was computed and what is left, by what the stages usually cost.

        What is reused, absent or blocked costs nothing and tells nothing.
        """
        costs = {key: _COSTS.get(key[1], 1.0) for key in self._states}
        done = sum(costs[key] for key, state in self._states.items() if state in _COMPUTED)
        waiting = (_RUNNING, _WAITING)
        left = sum(costs[key] for key, state in self._states.items() if state in waiting)
        return done, left

    def table(self) -> Table:
        """Return participants × stages, those that moved last on top."""
        ended = sum(state not in (_RUNNING, _WAITING) for state in self._states.values())
        table = Table(caption=f"{ended} of {len(self._states)} stages ended")
        for column in ("session", *self._stages):
            table.add_column(column)
        for unit in self._recent[:_MOST_ROWS]:
            states = [self._states.get((unit, stage), "") for stage in self._stages]
            cells = [Text(state, style=_COLOURS.get(state, "")) for state in states]
            # Text, not str: a file name is no markup
            table.add_row(Text(self._names[unit]), *cells)
        return table


def seconds_left(elapsed: float, *, done: float, left: float) -> float | None:
    """Estimate the seconds that are left; None before anything was computed.

    Examples
    --------
    >>> seconds_left(60, done=20, left=40)
    120.0
    """
    return elapsed * left / done if done else None


def tell_left(seconds: float | None) -> str:
    """Say how long it will take.

    Examples
    --------
    >>> tell_left(125), tell_left(20), tell_left(None)
    ('about 2 min left', 'less than a minute left', 'time left: known after the first stage')
    """
    if seconds is None:
        return "time left: known after the first stage"
    if seconds < 60:
        return "less than a minute left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"about {f'{hours} h ' if hours else ''}{minutes} min left"


def _line(name: str, outcome: Outcome | None) -> tuple[int, str]:
    if outcome is None:
        return logging.INFO, f"{name}: started"
    cost = f" in {outcome.seconds:.1f} s, {outcome.peak_mb:.0f} MB" if outcome.seconds else ""
    reason = f" ({outcome.reason})" if outcome.reason else ""
    serious = outcome.status in (Status.FAILED, Status.BLOCKED)
    return (logging.WARNING if serious else logging.INFO), f"{name}: {outcome.status}{cost}{reason}"
