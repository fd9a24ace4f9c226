"""What is said of every number the app reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureDefinition:
    """What one column of the measures table means.

    `plausible` bounds an adult's value; outside it the report raises a flag. It is no
    reference interval and says nothing of disease.
    """

    name: str
    unit: str
    stage: str
    description: str
    formula: str
    reference: str
    plausible: tuple[float, float] | None = None
