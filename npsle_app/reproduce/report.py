"""The table of differences: on the terminal, as TSV and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pandas import DataFrame

from npsle_app.bids.output.writer import write_json, write_tsv
from npsle_app.engine.job import printable
from npsle_app.reproduce.difference import Difference, Outcome
from npsle_app.reproduce.surroundings import Change

_SHOWN = 40
_WIDEST = 60
_COLUMNS = [one.name for one in fields(Difference)]
_DICTIONARY = {
    "kind": "What differs: an input, a file that is missing or too many, or what a file holds",
    "file": "Path within the output folder; of an input its BIDS URI or its name",
    "part": "Row and column, key, or what of an image",
    "recorded": "What the recorded output holds",
    "reproduced": "What the one made again holds",
    "largest": "Largest difference, in the unit of the number; n/a where there is none",
    "n_different": "Voxels, pixels or cells that differ",
    "n_compared": "Voxels, pixels or cells of the part",
    "tolerance": "What was allowed; n/a where nothing may differ",
    "agrees": "Whether the difference lies within the tolerance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of a reproduction."""

    recorded: str
    reproduced: str
    surroundings: Sequence[Change]
    notes: Sequence[str]
    outcome: Outcome

    @property
    def verdict(self) -> str:
        """Counts, and whether all agrees, in one sentence."""
        found = self.outcome
        said = "all agrees" if found.agrees else "NOT all agrees"
        return (
            f"{found.identical} files identical, {found.within} within tolerance, "
            f"{found.differing} different, {found.not_compared} not compared: {said}"
        )


def write_report(report: Report, path: Path) -> None:
    """Write the table of differences to `path` (TSV), its dictionary and all else beside it.

    The JSON has the same name; its key `columns` describes the table.
    """
    rows = [_to_row(one) for one in report.outcome.differences]
    write_tsv(path, DataFrame(rows, columns=_COLUMNS, dtype=object))
    outcome = report.outcome
    counts = ("identical", "within", "differing", "not_compared")
    content: dict[str, Any] = {
        "agrees": outcome.agrees,
        "recorded": report.recorded,
        "reproduced": report.reproduced,
        "files": {name: getattr(outcome, name) for name in counts},
        "surroundings": [asdict(one) for one in report.surroundings],
        "notes": list(report.notes),
        "differences": [asdict(one) for one in outcome.differences],
        "columns": _DICTIONARY,
    }
    write_json(path.with_suffix(".json"), content)


def tell_report(report: Report, path: Path) -> Iterator[str]:
    """Say line by line what was found; the table in full lies in `path`."""
    found = report.outcome.differences
    # those that do not agree first, in the order of the files
    ordered = sorted(found, key=lambda one: one.agrees)
    if ordered:
        yield from _draw([_to_cells(one) for one in ordered[:_SHOWN]])
    if len(ordered) > _SHOWN:
        yield f"… and {len(ordered) - _SHOWN} more rows in {path}"
    yield f"Table of differences: {path}"
    yield report.verdict


def _to_row(one: Difference) -> dict[str, object]:
    row = asdict(one)
    return row | {
        "kind": str(one.kind),
        "agrees": "yes" if one.agrees else "no",
        **{key: None for key, value in row.items() if value == ""},
    }


_HEADINGS = ("file", "part", "recorded", "reproduced", "largest", "differ", "tolerance", "agrees")


def _to_cells(one: Difference) -> list[str]:
    largest = "" if one.largest is None else f"{one.largest:.3g}"
    count = f"{one.n_different} of {one.n_compared}"
    texts = [one.file, one.part, one.recorded, one.reproduced, largest, count, one.tolerance]
    return [*map(_shorten, texts), "yes" if one.agrees else "no"]


def _draw(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _shorten(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= _WIDEST else f"…{plain[1 - _WIDEST :]}"
