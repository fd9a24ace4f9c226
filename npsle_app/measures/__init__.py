"""Every number the app reports: name, unit, stage, definition, plausible range, reference.

What enters is `npsle_app/data/measures.tsv`, what leaves are definitions and the names of
regions and vessels. Nothing here knows how a number is computed, or of which image.
"""

from npsle_app.measures.definition import MeasureDefinition
from npsle_app.measures.table import define_measures, describe_artery
from npsle_app.resources import read_table

__all__ = ["MEASURES", "OF_ARTERY", "MeasureDefinition", "limits_of"]

_ROWS = read_table("measures.tsv")
MEASURES = define_measures(_ROWS)
OF_ARTERY = describe_artery(_ROWS)  # what is measured of every artery, by its short name
_UNITS = ("_mean_mm", "_mm2", "_mm", "_ml", "")


def limits_of(name: str) -> tuple[str, str] | None:
    """Return the measures that are the ends of a measure's 95 % interval; None without one.

    They are called as it is, with `low` and `high` before the unit or after the first word.

    Examples
    --------
    >>> limits_of("wmh_ml"), limits_of("alps_mean"), limits_of("gm_ml")
    (('wmh_low_ml', 'wmh_high_ml'), ('alps_low_mean', 'alps_high_mean'), None)
    """
    unit = next(unit for unit in _UNITS if name.endswith(unit))
    first, _, rest = name.partition("_")
    before_unit = f"{name.removesuffix(unit)}_{{}}{unit.removeprefix('_mean')}"
    for pattern in (before_unit, f"{first}_{{}}_{rest}"):
        low, high = pattern.format("low"), pattern.format("high")
        if low in MEASURES and high in MEASURES:
            return low, high
    return None
