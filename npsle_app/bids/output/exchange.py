"""The table of a study for other programs: a spreadsheet (.xlsx) and SPSS (.sav), with labels.

The same table gives the same bytes: what the libraries write of the hour is taken out.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pandas import DataFrame, Series, api

from npsle_app.bids.output.writer import replace

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can tell
_WRITTEN = slice(92, 109)  # date and time in the header of .sav: "01 Jan 80", "00:00:00"
_HOUR = b"01 Jan 8000:00:00"
_LONGEST_NAME, _LONGEST_LABEL, _LONGEST_TEXT = 64, 255, 255
_RESERVED = ("ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


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
    data = book.create_sheet("data")
    data.append(list(map(_safe, map(str, frame))))
    for row in frame.astype(object).where(frame.notna(), None).to_numpy():
        data.append([_cell(value, data) for value in row])
    labels = book.create_sheet("labels")
    labels.append(["column", "label", "description", "unit", "levels"])
    for name in map(str, frame):
        told = dictionary.get(name, {})
        levels = "; ".join(f"{code} = {level}" for code, level in told.get("Levels", {}).items())
        texts = (told.get(key, "") for key in ("LongName", "Description", "Units"))
        labels.append([_cell(text, labels) for text in (name, *texts, levels)])
    written = io.BytesIO()
    book.save(written)
    replace(path, lambda part: part.write_bytes(_without_hour(written.getvalue())))


def _cell(value: object, sheet: Any) -> object:
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return value
    if not (text := _safe(value)).startswith("="):
        return text
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def _safe(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _without_hour(content: bytes) -> bytes:
    """Pack a spreadsheet anew, its parts and properties dated alike."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        hour = datetime(*_EPOCH).isoformat().encode() + b"Z"  # noqa: DTZ001 - of nowhere
        for name in old.namelist():
            part = old.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb">\d{4}-\d\d-\d\dT[\d:.]+Z?<", b">" + hour + b"<", part)
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, part)
    return packed.getvalue()


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
