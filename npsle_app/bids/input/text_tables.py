"""Tables as hospitals write them: any separator, encoding or spreadsheet, to cells of text.

What can be told with certainty is put right and said in a note; what cannot is refused with the
file, what was found and what to do.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from npsle_app.vocabulary import VOCABULARY

ID = "participant_id"
_MISSING = ("", "n/a")
SPREADSHEETS = (".xlsx", ".xlsm")
_SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma", "|": "bar"}
_MAX_BYTES = 64 * 2**20
_MAX_COLUMNS = 5_000
_LINES_ABOVE = 10  # titles and merged headings stand above the names of the columns
_GB2312 = re.compile(rb"([\xa1-\xa9\xb0-\xf7][\xa1-\xfe])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableForm:
    """How a table is written, where it does not tell by itself; empty: found out.

    Attributes
    ----------
    separator, encoding
        Of a text file, such as ";" and "cp1252".
    sheet
        Name of a sheet of a spreadsheet; the first one if empty.
    """

    separator: str = ""
    encoding: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """Cells as text without blanks around them, missing ones None; and what was put right."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


def read_text_table(path: Path, *, form: TableForm | None = None) -> TextTable:
    """Read a table of text cells.

    Parameters
    ----------
    path
        TSV, CSV (comma, semicolon, bar; UTF-8, UTF-16, Windows-1252 or GB 18030) or `.xlsx`.

    Returns
    -------
    TextTable
        Empty rows and columns without name and value are gone. Columns have their names
        without line breaks; the first that is called as ids are is `participant_id`.

    Raises
    ------
    ValueError
        If it is no table, has a column twice, or rows longer than its header.
    """
    form = form or TableForm()
    if path.suffix.lower() in SPREADSHEETS:
        notes: list[str] = []
        rows = _read_sheet(path, sheet=form.sheet)
    else:
        text, notes = _decode(path, encoding=form.encoding)
        rows, told = _split(text, path, separator=form.separator)
        notes += told
    rows, told = _find_header(rows)
    return _tabulate(rows, path, notes=[*notes, *told])


def _decode(path: Path, *, encoding: str) -> tuple[str, list[str]]:
    if not path.is_file():
        msg = f"{path} is no regular file"
        raise ValueError(msg)
    if path.stat().st_size > _MAX_BYTES:
        size, most = path.stat().st_size >> 20, _MAX_BYTES >> 20
        msg = f"{path} has {size} MB; tables of up to {most} MB are read"
        raise ValueError(msg)
    content = path.read_bytes()
    name, text = _text_of(content, encoding, path)
    if "\0" in text:
        msg = f"{path} is no table of text: it holds NUL characters; export it again as UTF-8"
        raise ValueError(msg)
    note = [] if name in ("utf-8", encoding) else [f"{path.name} is not UTF-8: read as {name}"]
    return text, note


def _text_of(content: bytes, encoding: str, path: Path) -> tuple[str, str]:
    for name in _candidates(content, encoding):
        try:
            text = content.decode(name).removeprefix("\ufeff")
        except (UnicodeDecodeError, LookupError):
            continue
        if name != "gb18030" or _is_chinese(content):
            return name.removesuffix("-sig"), text
    msg = (
        f"{path} cannot be read as {encoding or 'UTF-8, UTF-16 or Windows-1252'}: save it as UTF-8"
    )
    raise ValueError(msg)


def _candidates(content: bytes, encoding: str) -> Iterator[str]:
    if encoding:
        yield encoding
        return
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    elif len(head := content[:400]) > 3 and not len(content) % 2:
        # text of mostly Latin letters has every second byte 0 in UTF-16
        even, odd = (head[start::2].count(0) / (len(head) / 2) for start in (0, 1))
        if odd > 0.4 > even:
            yield "utf-16-le"
        elif even > 0.4 > odd:
            yield "utf-16-be"
    yield from ("utf-8-sig", "gb18030", "cp1252", "latin-1")


def _is_chinese(content: bytes) -> bool:
    """Say whether all bytes beyond ASCII come in pairs of GB 2312: accents seldom do."""
    return all(_GB2312.fullmatch(run) for run in re.findall(rb"[\x80-\xff]+", content))


def _split(text: str, path: Path, *, separator: str) -> tuple[list[list[str]], list[str]]:
    lines = text.splitlines()
    chosen = separator or _find_separator(lines)
    quoted = chosen != "\t" or any(re.search(r'(^|\t)"[^"\t]*"(\t|$)', line) for line in lines)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=chosen,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    try:
        rows = [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        msg = f"{path} cannot be read as a table: {error}"
        raise ValueError(msg) from error
    odd = path.suffix.lower() == ".tsv" and chosen != "\t" and not separator
    note = f"{path.name} is separated by {_SEPARATORS.get(chosen, repr(chosen))}s, not by tabs"
    return rows, [note] if odd else []


def _find_separator(lines: Sequence[str]) -> str:
    """Take what splits the first lines into the most columns, evenly."""
    sample = [line for line in lines if line.strip()][:20]
    counts = {mark: [line.count(mark) for line in sample] for mark in _SEPARATORS}
    best = max(counts, key=lambda mark: (min(counts[mark], default=0), sum(counts[mark])))
    return best if any(counts[best]) else "\t"


def _read_sheet(path: Path, *, sheet: str) -> list[list[str]]:

    try:
        cells = pd.read_excel(path, sheet_name=sheet or 0, header=None, dtype=object)
    except Exception as error:  # zip, XML and openpyxl each raise errors of their own
        msg = f"{path} cannot be read as a spreadsheet: {error}"
        raise ValueError(msg) from error
    return [[_text_of_cell(cell) for cell in row] for row in cells.to_numpy(dtype=object)]


def _text_of_cell(cell: Any) -> str:
    """Write a spreadsheet's cell as a person reads it.

    Examples
    --------
    >>> _text_of_cell(3.0), _text_of_cell(datetime(2024, 5, 1)), _text_of_cell(" NPSLE ")
    ('3', '2024-05-01', 'NPSLE')
    """
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell).strip()


def _find_header(rows: list[list[str]]) -> tuple[list[list[str]], list[str]]:
    """Leave out titles above the row that names the ids, and empty rows."""
    filled = [row for row in rows if any(row)]
    for index, row in enumerate(filled[:_LINES_ABOVE]):
        if index and any(is_id(name) for name in row):
            above = " / ".join(cell for cell in filled[0] if cell)
            return filled[index:], [f"{index} lines above the header are not read ({above[:60]})"]
        if any(is_id(name) for name in row):
            break
    return filled, []


def is_id(name: str) -> bool:
    """Say whether a column is called as participants' ids are."""
    return re.sub(r"[\s_.-]+", "_", name.strip().lower()) in VOCABULARY.participant_id


def _tabulate(rows: list[list[str]], path: Path, *, notes: list[str]) -> TextTable:

    if not rows:
        msg = f"{path} is empty: it needs a header with {ID}"
        raise ValueError(msg)
    header, *body = rows
    width = max((len(header), *(_length(row) for row in body)))
    if width > _MAX_COLUMNS:
        msg = f"{path} has {width} columns; tables of up to {_MAX_COLUMNS} are read"
        raise ValueError(msg)
    if width > len(header):
        line = next(row for row in body if _length(row) > len(header))
        msg = (
            f"{path} has {len(header)} columns, but the row of {line[0]!r} has {_length(line)}: "
            "a text with the separator in it, or a separator too many"
        )
        raise ValueError(msg)
    names = [re.sub(r"\s+", " ", name) for name in header]
    names, told = _name_ids(names, path)
    cells = [
        [None if cell in _MISSING else cell for cell in [*row, *[""] * width][:width]]
        for row in body
    ]
    frame = pd.DataFrame(cells, columns=names, dtype=object)
    unnamed = [not name and frame.iloc[:, at].isna().all() for at, name in enumerate(names)]
    frame = frame.loc[:, [not gone for gone in unnamed]]
    _refuse_twice(list(frame.columns), path)
    return TextTable(frame=frame, notes=(*notes, *told))


def _length(row: Sequence[str]) -> int:
    """Count cells up to the last that holds something."""
    return max((at for at, cell in enumerate(row, start=1) if cell), default=0)


def _name_ids(names: list[str], path: Path) -> tuple[list[str], list[str]]:
    if ID in names:
        return names, []
    called = [name for name in names if is_id(name)]
    if not called:
        return names, []
    note = f"{path.name}: the ids are taken from the column {called[0]!r}"
    at = names.index(called[0])
    return [*names[:at], ID, *names[at + 1 :]], [note]


def _refuse_twice(names: list[str], path: Path) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            msg = f"{path} has two columns {name!r}: rename one"
            raise ValueError(msg)
        seen.add(name)
