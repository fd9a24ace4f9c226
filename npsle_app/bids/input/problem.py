"""What preflight finds fault with."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """What is odd about an image and what to do; with `refused` it cannot be used."""

    found: str
    advice: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding about one file of a scan of this kind.

    `refused` scans are not used; the others are, and the report repeats the problem.
    """

    kind: str
    path: Path
    found: str
    advice: str
    refused: bool
