"""The scans of one session, by kind, and why each was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Scan:
    """An image and what its sidecars say (inherited ones merged in)."""

    path: Path
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which scan of a kind is used; `scan` is None where there is none."""

    kind: str
    scan: Scan | None
    reason: str
    others: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One visit of one participant: the unit of work. Labels carry no `sub-` or `ses-`."""

    participant: str
    session: str | None
    choices: tuple[Choice, ...]

    @property
    def id(self) -> str:
        """`sub-01` or `sub-01_ses-1`."""
        return f"sub-{self.participant}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def scans(self) -> dict[str, Scan]:
        """The chosen scans; a kind that was not acquired has no key."""
        return {choice.kind: choice.scan for choice in self.choices if choice.scan}
