"""From the text of a table's column to numbers, yes or no, or levels."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from npsle_app.cohort.study.columns import Column, unit_factor
from npsle_app.cohort.study.study_lines import UNKNOWN, StudyLine
from npsle_app.vocabulary import VOCABULARY

_SHOWN = 3
_MOST_LINES = 20
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_YES_NO = "1 or 0, yes or no, true or false"


class UnusableError(ValueError):
    """A column whose values cannot be trusted; the message names it, a value and a person.

    `wrong` marks the rows whose values are at fault; None where it is the whole column. `lines`
    of a study file would put it right.
    """

    def __init__(
        self, message: str, *, wrong: pd.Series | None = None, lines: tuple[StudyLine, ...] = ()
    ) -> None:
        super().__init__(message)
        self.wrong = wrong
        self.lines = lines


def read_values(texts: pd.Series, *, column: Column, unit: str, people: pd.Series) -> pd.Series:
    """Convert the texts of a column.

    Parameters
    ----------
    texts
        As in the table; missing values as None, NaN or one of the vocabulary's words for them.
    unit
        What the dataset says the unit is; empty if it says nothing.
    people
        The participant of each row, for messages.

    Returns
    -------
    Series
        Floats for numbers (in the column's own unit) and for yes and no (1 and 0); texts for
        categories. A column of unknown kind is a number if all its values are.

    Raises
    ------
    UnusableError
        For a text among numbers, a value that cannot be, or a unit that is not known.
    """
    cleaned = each(texts, _clean)
    if column.kind == "category":
        return _read_levels(cleaned, column, people)
    if column.kind == "yes_no":
        return _read_words(cleaned, VOCABULARY.yes_no, column, people, _YES_NO).astype(float)
    numbers = pd.to_numeric(cleaned, errors="coerce")
    wrong = (numbers.isna() & cleaned.notna()) | numbers.isin([float("inf"), float("-inf")])
    if column.kind == "unknown" and wrong.any():
        return cleaned
    _refuse(wrong, cleaned, column, people, expected="a number (n/a if missing, . for decimals)")
    try:
        values = numbers.astype(float) * (unit_factor(column, given=unit) if unit else 1.0)
    except ValueError as error:
        raise UnusableError(str(error), lines=(ask_unit(column),)) from error
    _check_bounds(values, column, people, unit=unit)
    return values


def each(values: pd.Series, function: Callable[[Any], object]) -> pd.Series:
    """Apply a function to each value; missing ones come and stay as None, whatever the type."""
    made = [function(value) for value in values.astype(object).where(values.notna(), None)]
    return pd.Series(made, index=values.index, dtype=object)


def as_level(value: object) -> str | None:
    """Write a value as a study file names it: a whole number without decimals.

    Examples
    --------
    >>> as_level(1.0), as_level("NPSLE"), as_level(float("nan"))
    ('1', 'NPSLE', None)
    """
    if isinstance(value, float):
        return None if math.isnan(value) else f"{value:g}"
    return None if value is None else str(value)


def _clean(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.lower() in VOCABULARY.missing else text


def _read_levels(cleaned: pd.Series, column: Column, people: pd.Series) -> pd.Series:
    if column.name == "sex":
        return _read_words(cleaned, VOCABULARY.sex, column, people, "F, M or O")
    return each(cleaned, lambda text: re.sub(r"\s+", " ", text) if text else None)


def read_smoking(levels: pd.Series, *, people: pd.Series) -> pd.Series:
    """Say who smokes now (1) and who does not (0), from levels of smoking in words.

    Raises
    ------
    UnusableError
        For a word that could mean either.
    """
    column = Column(name="smoking", label="Smoking", kind="category")
    known = "current, former, never, or yes and no for smoking now"
    return _read_words(levels, VOCABULARY.smoking_now, column, people, known).astype(float)


def _read_words(
    cleaned: pd.Series,
    words: Mapping[str, Any],
    column: Column,
    people: pd.Series,
    expected: str,
) -> pd.Series:
    found = each(cleaned, lambda text: words.get(_whole(text)) if text else None)
    _refuse(found.isna() & cleaned.notna(), cleaned, column, people, expected=expected)
    return found


def _whole(text: str) -> str:
    """Write a word in lower case, and a whole number without decimals: 1.0 is 1."""
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", text.lower())


def _refuse(
    wrong: pd.Series, cleaned: pd.Series, column: Column, people: pd.Series, *, expected: str
) -> None:
    if wrong.any():
        remedy, lines = _find_remedy(column, cleaned[wrong], expected=expected)
        told = _tell(wrong, cleaned, people)
        msg = f"{column.name} should hold {expected}, and holds {told}; {remedy}"
        raise UnusableError(msg, wrong=wrong, lines=lines)


def _find_remedy(
    column: Column, texts: pd.Series, *, expected: str
) -> tuple[str, tuple[StudyLine, ...]]:
    """Say which lines of the study file would tell what odd texts mean."""
    odd = sorted(dict.fromkeys(map(str, texts)))
    if column.kind in ("category", "yes_no"):
        section = ("table", "levels", column.name)
        told = ", ".join(f"{text!r} = …" for text in odd[:_SHOWN])
        remedy = f"say what they mean under [{'.'.join(section)}] of the study file: {told}"
        return remedy, tuple(
            StudyLine(section=section, key=text, value=UNKNOWN, remark=expected)
            for text in odd[:_MOST_LINES]
        )
    if all(_DECIMAL_COMMA.fullmatch(text) for text in odd):
        line = StudyLine(section=("table",), key="decimal", value=",")
        return 'if the comma is a decimal point, write decimal = "," under [table]', (line,)
    told = ", ".join(f'"{text}"' for text in odd[:_SHOWN])
    remedy = (
        "if such texts stand for missing values, say so under [table.missing] of the study file: "
        f"{column.name} = [{told}]"
    )
    return remedy, (_as_missing(column, odd),)


def _as_missing(column: Column, texts: list[str]) -> StudyLine:
    return StudyLine(
        section=("table", "missing"), key=column.name, value=tuple(texts[:_MOST_LINES])
    )


def ask_unit(column: Column) -> StudyLine:
    """Ask for the unit of a column."""
    known = ", ".join([column.unit, *column.conversions])
    return StudyLine(
        section=("units",), key=column.name, value=UNKNOWN, remark=f"known are {known}"
    )


def _check_bounds(values: pd.Series, column: Column, people: pd.Series, *, unit: str) -> None:
    if column.bounds is None:
        return
    low, high = column.bounds
    wrong = (values < low) | (values > high)
    if wrong.any():
        in_unit = f" {column.unit}" if column.unit else ""
        told = f", read as {unit}" if unit else ""
        other = "; if it is in another unit, say so in [units]" if column.conversions else ""
        msg = (
            f"{column.name} must lie between {low:g} and {high:g}{in_unit}{told}, and holds "
            f"{_tell(wrong, values, people)}{other}"
        )
        raise UnusableError(msg, wrong=wrong, lines=(_bring_inside(values, column, unit, wrong),))


def _bring_inside(values: pd.Series, column: Column, unit: str, wrong: pd.Series) -> StudyLine:
    """Propose the unit that brings all values within bounds, else to take those outside away."""
    low, high = column.bounds or (-math.inf, math.inf)
    as_written = values / (unit_factor(column, given=unit) if unit else 1.0)
    if 2 * wrong.sum() < values.notna().sum():
        return _as_missing(column, [f"{one:g}" for one in sorted(set(as_written[wrong]))])
    for other, factor in column.conversions.items():  # most are outside: the unit is another
        if (as_written * factor).dropna().between(low, high).all():
            return StudyLine(section=("units",), key=column.name, value=other)
    return ask_unit(column)


def _tell(wrong: pd.Series, values: pd.Series, people: pd.Series) -> str:
    shown = [
        f"{value:g} ({person})" if isinstance(value, float) else f"{value!r} ({person})"
        for value, person in zip(values[wrong], people[wrong], strict=True)
    ]
    rest = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + rest
