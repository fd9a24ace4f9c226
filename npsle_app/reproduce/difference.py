"""What was found to differ, and what it all came to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

NOTHING = ""


class Kind(StrEnum):
    """What differs."""

    INPUT = "input"
    FILE = "file"  # one that is missing, or too many
    IMAGE = "image"
    TABLE = "table"
    JSON = "json"
    PICTURE = "picture"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row of the table of differences.

    Attributes
    ----------
    file, part
        Path within the output folder (a BIDS URI for an input); row and column, key, or what of
        an image.
    recorded, reproduced
        The two values as text, or what is to be said of them.
    largest
        Largest difference, in the unit of the number; None where it cannot be told.
    n_different, n_compared
        Voxels, cells or keys of the part.
    tolerance
        What was allowed, in words.
    agrees
        Whether it lies within the tolerance.
    """

    kind: Kind
    file: str
    part: str = NOTHING
    recorded: str = NOTHING
    reproduced: str = NOTHING
    largest: float | None = None
    n_different: int = 1
    n_compared: int = 1
    tolerance: str = NOTHING
    agrees: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a comparison came to: counts of files, and the differences in their order."""

    identical: int = 0
    within: int = 0
    differing: int = 0
    not_compared: int = 0
    differences: list[Difference] = field(default_factory=list)

    def take(self, differences: Iterable[Difference], *, identical: bool) -> None:
        """Count a file with what differs in it."""
        found = list(differences)
        self.differences += found
        if identical:
            self.identical += 1
        elif all(one.agrees for one in found):
            self.within += 1
        else:
            self.differing += 1

    @property
    def agrees(self) -> bool:
        """Whether all that was compared lies within the tolerances, and something was."""
        compared = self.identical + self.within + self.differing
        return compared > 0 and all(one.agrees for one in self.differences)
