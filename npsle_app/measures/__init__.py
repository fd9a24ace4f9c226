"""Every number the app reports: name, unit, stage, definition, plausible range, reference.

What enters is `npsle_app/data/measures.tsv`, what leaves are definitions and the names of
regions and vessels. Nothing here knows how a number is computed, or of which image.
"""

from npsle_app.measures.definition import MeasureDefinition
from npsle_app.measures.table import define_measures, describe_artery
from npsle_app.resources import read_table

__all__ = ["MEASURES", "OF_ARTERY", "MeasureDefinition"]

_ROWS = read_table("measures.tsv")
MEASURES = define_measures(_ROWS)
OF_ARTERY = describe_artery(_ROWS)  # what is measured of every artery, by its short name
