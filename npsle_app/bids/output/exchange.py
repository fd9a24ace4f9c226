"""The table of a study for other programs: a spreadsheet (.xlsx) and SPSS (.sav), with labels.

The same table gives the same bytes: what the libraries write of the hour is taken out.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import escape
from pandas import DataFrame, Series, api

from npsle_app.bids.output.writer import replace

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can tell
_WRITTEN = slice(92, 109)  # date and time in the header of .sav: "01 Jan 80", "00:00:00"
_HOUR = b"01 Jan 8000:00:00"
_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_TEXT = 64, 255, 255
_RESERVED = ("ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH")
_LABELS = ["column", "label", "description", "unit", "levels"]
# what XML has no place for, escaped or not, and what moves the cursor
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def write_spreadsheet(
    path: Path, frame: DataFrame, *, dictionary: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a table with its labels on a second sheet.

    Texts stay texts: one that begins with "=" is no formula.

    Parameters
    ----------
    dictionary
        By column, as in the JSON beside the table: LongName, Description, Units, Levels.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    book.create_sheet("data")
    book.create_sheet("labels")
    empty = io.BytesIO()
    book.save(empty)
    labels = DataFrame(
        [_describe(name, dictionary.get(name, {})) for name in map(str, frame)], columns=_LABELS
    )
    sheets = {
        "xl/worksheets/sheet1.xml": _fill_rows(frame),
        "xl/worksheets/sheet2.xml": _fill_rows(labels),
    }
    content = _pack(empty.getvalue(), sheets=sheets)
    replace(path, lambda part: part.write_bytes(content))


def _describe(name: str, told: Mapping[str, Any]) -> list[str | None]:
    levels = "; ".join(f"{code} = {level}" for code, level in told.get("Levels", {}).items())
    texts = (told.get(key, "") for key in ("LongName", "Description", "Units"))
    return [str(text) or None for text in (name, *texts, levels)]


def _fill_rows(frame: DataFrame) -> Iterator[str]:
    """Write the rows of a sheet, that of the names first."""
    from openpyxl.utils import get_column_letter

    columns = [
        _fill_column(frame.iloc[:, place], letter=get_column_letter(place + 1))
        for place in range(frame.shape[1])
    ]
    for number, cells in enumerate(zip(*columns, strict=True), start=1):
        yield f'<row r="{number}">{"".join(cells)}</row>'


def _fill_column(values: Series, *, letter: str) -> Iterator[str]:
    """Write a column's name and cells: numbers as they are, all else as text, gaps as nothing."""
    written = cache(_write_text)  # a column of states has few
    yield f'<c r="{letter}1" {written(str(values.name))}</c>'
    known = values.notna() & ~values.isin([np.inf, -np.inf])
    for number, cell in enumerate(values.astype(object).where(known, None).tolist(), start=2):
        if cell is None:
            yield ""
        elif isinstance(cell, bool):
            yield f'<c r="{letter}{number}" t="b"><v>{cell:d}</v></c>'
        elif isinstance(cell, int | float):
            yield f'<c r="{letter}{number}"><v>{cell}</v></c>'
        else:
            yield f'<c r="{letter}{number}" {written(str(cell))}</c>'


def _write_text(text: str) -> str:
    return f't="inlineStr"><is><t xml:space="preserve">{escape(_safe(text))}</t></is>'


def _safe(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _pack(empty: bytes, *, sheets: Mapping[str, Iterable[str]]) -> bytes:
    """Pack a spreadsheet anew with the rows of its sheets, all dated alike.

    openpyxl makes the book, and would take six times as long for its cells.
    """
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(empty)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        hour = datetime(*_EPOCH).isoformat().encode() + b"Z"  # noqa: DTZ001 - of nowhere
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb">\d{4}-\d\d-\d\dT[\d:.]+Z?<", b">" + hour + b"<", part)
            if name in sheets:
                part = _fill_sheet(part, sheets[name])
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, part)
    return packed.getvalue()


def _fill_sheet(part: bytes, rows: Iterable[str]) -> bytes:
    before, after = re.split(rb"<sheetData\s*/>|<sheetData>\s*</sheetData>", part)
    data = "".join(rows).encode("utf-8", "replace")
    return b"".join([before, b"<sheetData>", data, b"</sheetData>", after])


def write_spss(
    path: Path, frame: DataFrame, *, dictionary: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a table for SPSS: numbers and texts, with labels of columns and of their levels.

    Names that SPSS does not allow are made so that it does; the label then holds the name.
    """
    from pyreadstat import write_sav

    names = _allowed_names(list(map(str, frame)))
    columns = {names[str(name)]: _as_written(frame[name]) for name in frame}
    labels: dict[str, str | None] = {}
    levels: dict[str, dict[float | int, str]] = {}
    for name, allowed in names.items():
        told = dictionary.get(name, {})
        label = str(told.get("LongName", "") or name)
        unit = f", {told['Units']}" if told.get("Units") else ""
        labels[allowed] = _cut(_safe(label + unit), _LONGEST_LABEL)
        coded = told.get("Levels", {})
        if coded and api.types.is_numeric_dtype(columns[allowed]):
            levels[allowed] = {float(code): str(level) for code, level in coded.items()}

    def write(part: Path) -> None:
        write_sav(DataFrame(columns), part, column_labels=labels, variable_value_labels=levels)
        content = bytearray(part.read_bytes())
        content[_WRITTEN] = _HOUR
        part.write_bytes(content)

    replace(path, write)


def _as_written(values: Series) -> Series:
    if api.types.is_numeric_dtype(values):
        return values.astype(float)
    texts = values.astype(object).where(values.notna(), "")
    return texts.map(lambda value: _cut(_safe(str(value)), _LONGEST_TEXT)).astype(object)


def _allowed_names(names: list[str]) -> dict[str, str]:
    """Make names that begin with a letter, hold no blanks, and differ without their case.

    Examples
    --------
    >>> _allowed_names(["age", "Age", "2nd visit", "by"])
    {'age': 'age', 'Age': 'Age_2', '2nd visit': 'v_2nd_visit', 'by': 'by_'}
    """
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"\W", "_", name).strip("_") or "v"
        plain = plain if plain[0].isalpha() else f"v_{plain}"
        plain = f"{plain}_" if plain.upper() in _RESERVED else plain
        chosen, number = _cut(plain, _LONGEST_NAME), 1
        while chosen.lower() in taken:
            number += 1
            chosen = f"{_cut(plain, _LONGEST_NAME - 6)}_{number}"
        taken.add(chosen.lower())
        made[name] = chosen
    return made


def _cut(text: str, most: int) -> str:
    """Shorten a text to so many bytes of UTF-8."""
    return text.encode()[:most].decode(errors="ignore")
