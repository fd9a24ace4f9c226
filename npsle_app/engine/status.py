"""Tables of how each stage ended: written by the run, read by people and reports."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path

from npsle_app.engine.files import write_text
from npsle_app.engine.job import one_line
from npsle_app.engine.stage import Outcome, Status

_MISSING = "n/a"

DICTIONARY = {
    "participant": {"Description": "Participant, as its folder is called."},
    "session": {"Description": "Session, as its folder is called; n/a where there is none."},
    "stage": {"Description": "Stage of the pipeline."},
    "status": {
        "Description": "How the stage ended.",
        "Levels": {
            "done": "computed in this run",
            "reused": "made by an earlier run; code, settings, inputs and files are unchanged",
            "failed": "began and did not finish, or its scan was refused",
            "blocked": "not begun: a stage that it needs did not finish, or the run was ended",
            "absent": "not applicable: a scan that it needs was not acquired, or there is no "
            "earlier session to compare with",
        },
    },
    "seconds": {"Description": "Wall-clock time of the stage when it was computed.", "Units": "s"},
    "cpu_seconds": {
        "Description": "Processor time of the process that ran the stage, all its threads; on a "
        "machine that others use too it says more than seconds.",
        "Units": "s",
    },
    "peak_mb": {
        "Description": "Largest resident memory of the process that ran the stage, while it ran "
        "(on Linux) or since the process was started (elsewhere); child processes are not in it.",
        "Units": "MiB",
    },
    "reason": {
        "Description": "Why the stage was not computed, why it was computed anew, or what went "
        "wrong."
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one stage of one unit ended, as text."""

    participant: str
    session: str = _MISSING
    stage: str
    status: str
    seconds: str = _MISSING
    cpu_seconds: str = _MISSING
    peak_mb: str = _MISSING
    reason: str = _MISSING

    @property
    def unit(self) -> tuple[str, str]:
        """The participant and the session."""
        return self.participant, self.session


def to_row(participant: str, session: str | None, *, stage: str, outcome: Outcome) -> Row:
    """Put an outcome into words and figures; `seconds` only where something was computed."""
    computed = outcome.seconds > 0
    return Row(
        participant=participant,
        session=session or _MISSING,
        stage=stage,
        status=str(outcome.status),
        seconds=f"{outcome.seconds:.1f}" if computed else _MISSING,
        cpu_seconds=f"{outcome.cpu_seconds:.1f}" if computed else _MISSING,
        peak_mb=f"{outcome.peak_mb:.0f}" if computed else _MISSING,
        reason=one_line(outcome.reason) or _MISSING,
    )


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a status table in one step."""
    names = [field.name for field in fields(Row)]
    lines = [names, *([one_line(text) for text in asdict(row).values()] for row in rows)]
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))


def read_rows(path: Path) -> list[Row]:
    """Read a status table; a missing or foreign one has no rows."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    names = {field.name for field in fields(Row)}
    lines = csv.DictReader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    if set(lines.fieldnames or ()) != names:
        return []
    return [Row(**line) for line in lines if None not in line and None not in line.values()]


def update_rows(path: Path, rows: Iterable[Row]) -> None:
    """Replace the rows of the units named in `rows`; other units keep theirs."""
    new = list(rows)
    units = {row.unit for row in new}
    kept = [row for row in read_rows(path) if row.unit not in units]
    write_rows(path, sorted([*kept, *new], key=lambda row: row.unit))


def merge_tables(path: Path, tables: Iterable[Path]) -> list[Row]:
    """Write all rows of several tables into one and return them."""
    rows = [row for table in sorted(tables) for row in read_rows(table)]
    write_rows(path, rows)
    return rows


def count(outcomes: Iterable[Outcome]) -> dict[Status, int]:
    """Count outcomes by status, all statuses in order.

    Examples
    --------
    >>> count([Outcome(Status.DONE)])[Status.DONE]
    1
    """
    counted = Counter(outcome.status for outcome in outcomes)
    return {status: counted[status] for status in Status}


def is_open(row: Row) -> bool:
    """Say whether a stage is still to be made: it failed or was blocked."""
    return row.status in (Status.FAILED, Status.BLOCKED)
