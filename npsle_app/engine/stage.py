"""What the engine knows of a stage."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pkgutil import resolve_name
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Stage:
    """One step, the scans it takes and the stages it waits for.

    `function` names what does the work, "package.module:function": it is imported when it is
    first asked for, so that a plan can be read without all that its stages rest on. It is
    called with keywords alone: each of `scans`, of `needs` and of `uses` under its own name,
    then `settings` and `out`. It returns a frozen dataclass of paths, and of limits that others
    must know.
    A scan of `uses_scans` that was not acquired is handed over as None; a stage that has no
    other scans needs one of them.
    One of `given` is handed over alike and never needed: what another program made, in the
    place of what the stage would.
    A stage in `uses` that is absent, blocked or failed is handed over as None.
    A stage may look back: each of `earlier_scans` and of the stages `earlier`, which it
    needs, comes from the unit before under its name with `earlier_` before it. Where there
    is no unit before, the stage is absent. What it takes of a unit before only where there is
    one stands in `earlier_uses`, handed over as None where there is none or it went wrong; a
    unit before that is not part of the run must have left it.
    A stage that makes do without a scan names it in `without`: a unit that has the scan has no
    such stage. `section` names the settings that it shares with the stage in whose place it
    stands.
    """

    name: str
    function: str
    scans: tuple[str, ...] = ()
    uses_scans: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    earlier_scans: tuple[str, ...] = ()
    earlier_uses: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    section: str = ""

    @property
    def settings(self) -> str:
        """Name of the section of settings that it is handed."""
        return self.section or self.name

    def is_of(self, scans: Collection[str]) -> bool:
        """Whether a unit with these scans has the stage."""
        return not set(self.without) & set(scans)

    @property
    def before(self) -> tuple[str, ...]:
        """The stages of the unit before that are waited for: needed, or used if there."""
        return self.earlier + self.earlier_uses

    @property
    def looks_back(self) -> bool:
        """Whether it needs anything of the unit before."""
        return bool(self.earlier or self.earlier_scans)

    @property
    def may_look_back(self) -> bool:
        """Whether it takes anything of the unit before, if there is one."""
        return bool(self.before or self.earlier_scans)

    @property
    def upstream(self) -> tuple[str, ...]:
        """The stages of its own unit that are waited for: needed, or used if there."""
        return self.needs + self.uses

    @property
    def run(self) -> Callable[..., Any]:
        """The function that does the work."""
        function: Callable[..., Any] = resolve_name(self.function)
        return function

    @property
    def outputs(self) -> type:
        """The dataclass that `run` returns."""
        outputs: type = get_type_hints(self.run)["return"]
        return outputs


class Status(StrEnum):
    """How a stage ended."""

    DONE = "done"
    REUSED = "reused"
    FAILED = "failed"
    BLOCKED = "blocked"  # a stage that it needs did not finish
    ABSENT = "absent"  # a scan or an earlier unit that it needs was not acquired


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended, what it left, why, and what it cost.

    `unproven` marks one that the run does not make and that left no current output.
    """

    status: Status
    outputs: Any = None
    reason: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    unproven: bool = False

    @property
    def ok(self) -> bool:
        """Whether the stage's outputs are there."""
        return self.status in (Status.DONE, Status.REUSED)
