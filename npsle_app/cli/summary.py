"""The last line and the exit code, from the same outcomes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from npsle_app.bids.input.scans import Session
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import count

OK, SOME_FAILED, REFUSED, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a run came to.

    `unreadable` (folders of participants), `reports` and `group` hold outcomes by participant
    and by group stage; `ended_by` is the exit code of what ended the run early.
    """

    sessions: Mapping[str, Sequence[Session]] = field(default_factory=dict)
    outcomes: Mapping[Key, Outcome] = field(default_factory=dict)
    unreadable: Mapping[str, Outcome] = field(default_factory=dict)
    reports: Mapping[str, Outcome] = field(default_factory=dict)
    group: Mapping[str, Outcome] = field(default_factory=dict)
    ended_by: int | None = None

    @property
    def code(self) -> int:
        """0 if nothing failed or was blocked, 1 otherwise, unless something ended the run."""
        if self.ended_by is not None:
            return self.ended_by
        parts = (self.outcomes, self.unreadable, self.reports, self.group)
        every = (outcome for part in parts for outcome in part.values())
        bad = (Status.FAILED, Status.BLOCKED)
        return SOME_FAILED if any(outcome.status in bad for outcome in every) else OK

    @property
    def line(self) -> str:
        """Counts of everything by status, and the exit code."""
        parts = []
        if self.sessions or not self.group:
            sessions = sum(len(found) for found in self.sessions.values())
            people = _number(len(self.sessions), "participant")
            counts = _counts(self.outcomes.values())
            parts.append(f"{people}, {_number(sessions, 'session')}: {counts}")
        if self.unreadable:
            parts.append(f"{_number(len(self.unreadable), 'participant')} could not be read")
        if failed := sum(not outcome.ok for outcome in self.reports.values()):
            parts.append(f"{_number(failed, 'report')} failed")
        if self.group:
            parts.append(f"group: {_counts(self.group.values())}")
        return f"npsle_app: {'; '.join(parts)}: exit {self.code}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _counts(outcomes: Iterable[Outcome]) -> str:
    first, *others = count(outcomes).items()
    rest = "".join(f", {number} {status}" for status, number in others)
    return f"{_number(first[1], 'stage')} {first[0]}{rest}"
