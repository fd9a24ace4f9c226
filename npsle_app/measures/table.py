"""Definitions of measures from the rows of `npsle_app/data/measures.tsv`.

A row may stand for a family: `{artery.measure}_nwi` is one measure of each artery. Rows that
follow each other and name the same placeholders are one family, repeated as a whole, so that all
numbers of an artery stand together. Placeholders are

- `{artery.measure}` and `{artery.long_text}`: each vessel that is sought without landmarks;
- `{region.name}` and `{region.text}`: each region whose grey matter alone counts; the others
  have rows of their own, with their formulas and plausible ranges;
- `{structure.name}`, `{middle.name}`, `{sum.name}` and `{gyrus.name}`, with `.text`: what
  FreeSurfer measures on both sides, in the middle, as sums, and in the gyri of Desikan-Killiany;
- `{side}` and `{tract}`: both sides, and both fibre tracts of the DTI-ALPS index.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, product
from string import Formatter

from npsle_app.measures.definition import MeasureDefinition
from npsle_app.measures.names_of_freesurfer import DESIKAN, PAIRED, SINGLE, SUMS
from npsle_app.measures.names_of_regions import REGIONS, SIDES
from npsle_app.measures.names_of_vessels import STANDARD

Row = Mapping[str, str]

# The first varies slowest.
_FAMILIES: Mapping[str, Sequence[object]] = {
    "artery": STANDARD,
    "region": tuple(region for region in REGIONS if region.tissue == "grey matter"),
    "structure": PAIRED,
    "middle": SINGLE,
    "sum": SUMS,
    "gyrus": DESIKAN,
    "side": SIDES,
    "tract": ("projection", "association"),
}
_TEXTS = ("name", "unit", "stage", "description", "formula", "reference")
_ARTERY, _ITS_NAME = "{artery.measure}_", " — {artery.long_text}"


def define_measures(rows: Sequence[Row]) -> dict[str, MeasureDefinition]:
    """Return the definitions of all rows by name, families written out, in order.

    Raises
    ------
    ValueError
        If a row lacks a cell, has a placeholder or range that makes no sense, or two measures
        have one name.
    """
    measures: dict[str, MeasureDefinition] = {}
    for row, member in _write_out(rows):
        try:
            measure = _define(row, member)
        except (AttributeError, ValueError) as error:
            msg = f"measures.tsv: {row['name']}: {error}"
            raise ValueError(msg) from error
        if measure.name in measures:
            msg = f"measures.tsv: two measures are called {measure.name}"
            raise ValueError(msg)
        measures[measure.name] = measure
    return measures


def describe_artery(rows: Sequence[Row]) -> dict[str, str]:
    """Return what is measured of every artery: short name and description."""
    return {
        row["name"].removeprefix(_ARTERY): row["description"].removesuffix(_ITS_NAME)
        for row in rows
        if row["name"].startswith(_ARTERY)
    }


def _write_out(rows: Sequence[Row]) -> Iterator[tuple[Row, dict[str, object]]]:
    """Yield each row with what fills its placeholders."""
    for placeholders, group in groupby(rows, key=_placeholders):
        family = tuple(group)
        for values in product(*(_FAMILIES[name] for name in placeholders)):
            member = dict(zip(placeholders, values, strict=True))
            yield from ((row, member) for row in family)


def _placeholders(row: Row) -> tuple[str, ...]:
    named = _fields(row["name"]) & set(_FAMILIES)
    if stray := sorted(set().union(*(_fields(row[text]) for text in _TEXTS)) - named):
        msg = f"measures.tsv: {row['name']}: expected placeholders that its name has, of "
        msg += f"{', '.join(_FAMILIES)}; got {', '.join(stray)}"
        raise ValueError(msg)
    return tuple(name for name in _FAMILIES if name in named)


def _fields(text: str) -> set[str]:
    return {field.split(".")[0] for _, field, _, _ in Formatter().parse(text) if field}


def _define(row: Row, member: Mapping[str, object]) -> MeasureDefinition:
    texts = {name: row[name].format(**member) for name in _TEXTS}
    if lacking := [name for name, text in texts.items() if not text]:
        msg = f"lacks {', '.join(lacking)}"
        raise ValueError(msg)
    return MeasureDefinition(**texts, precision=_precision(row), plausible=_plausible(row))


def _precision(row: Row) -> float:
    precision = float(row["precision"])
    if not precision > 0:
        msg = f"expected a precision above 0, got {precision:g}"
        raise ValueError(msg)
    return precision


def _plausible(row: Row) -> tuple[float, float] | None:
    ends = row["plausible_low"], row["plausible_high"]
    if not any(ends):
        return None
    low, high = map(float, ends)
    if low >= high:
        msg = f"expected a plausible range from low to high, got {low:g} to {high:g}"
        raise ValueError(msg)
    return low, high
