"""What is said of every number the app reports."""

import math
from dataclasses import dataclass

from npsle_app.formatting import format_number

_DIGITS = 3  # more than three, no method here can tell apart


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureDefinition:
    """What one column of the measures table means.

    `plausible` bounds an adult's value; outside it the report raises a flag. It is no
    reference interval and says nothing of disease. `precision` is the smallest difference
    worth printing, in the measure's unit.
    """

    name: str
    unit: str
    stage: str
    description: str
    formula: str
    reference: str
    precision: float
    plausible: tuple[float, float] | None = None

    @property
    def shown_unit(self) -> str:
        """The unit as it stands behind a number: nothing for counts and ratios."""
        return "" if self.unit == "1" else self.unit

    @property
    def short(self) -> str:
        """The first clause of the description; what is measured of an artery names it first."""
        text, _, artery = self.description.partition(" — ")
        clause = text.split(": ")[0].split("; ")[0].split(" (")[0]
        return f"{artery}: {clause[:1].lower()}{clause[1:]}" if artery else clause

    def decimals(self, value: float) -> int:
        """Choose decimals for a value: three digits, never finer than the precision.

        Whole numbers keep all their digits. An interval is written with those of its value.

        Examples
        --------
        >>> volume = MeasureDefinition(
        ...     name="x_ml", unit="mL", stage="s", description="Volume", formula="sum",
        ...     reference="none", precision=0.01,
        ... )
        >>> [volume.decimals(value) for value in (6.85538, 34.21, 1434.2, 0.0312, 0)]
        [2, 1, 0, 2, 2]
        """
        finest = max(-math.floor(math.log10(self.precision)), 0)
        if value == 0 or not math.isfinite(value):
            return finest
        return min(max(_DIGITS - 1 - math.floor(math.log10(abs(value))), 0), finest)

    def write(self, value: float | None, *, like: float | None = None) -> str:
        """Write a value without its unit, `n/a` for None; with the decimals of `like` if given."""
        if value is None:
            return format_number(None, decimals=0)
        return format_number(value, decimals=self.decimals(value if like is None else like))
