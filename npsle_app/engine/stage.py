"""What the engine knows of a stage."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Stage:
    """One step, the scans it takes and the stages it waits for.

    `run` is called with keywords alone: each of `scans`, of `needs` and of `uses` under
    its own name, then `settings` and `out`. It returns a frozen dataclass of paths.
    A stage in `uses` that is absent, blocked or failed is handed over as None.
    """

    name: str
    run: Callable[..., Any]
    scans: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        """The stages that are waited for: those needed and those used if there."""
        return self.needs + self.uses

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
    ABSENT = "absent"  # a scan that it needs was not acquired


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended, what it left, why, and what it cost."""

    status: Status
    outputs: Any = None
    reason: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the stage's outputs are there."""
        return self.status in (Status.DONE, Status.REUSED)
