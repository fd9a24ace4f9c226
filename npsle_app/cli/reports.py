"""From outcomes to what a participant's folder says of them: status table and page."""

import json
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from npsle_app import pipeline
from npsle_app.bids.input.scans import Session
from npsle_app.bids.output.proof import find_changes, is_outdated
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.tree import write_citation
from npsle_app.cli.jobs import SessionCheck, say_problem
from npsle_app.cli.logs import LOGGER
from npsle_app.engine.files import write_text
from npsle_app.engine.job import Job, describe, printable
from npsle_app.engine.scheduler import Key
from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import DICTIONARY, Row, merge_tables, read_rows, to_row, update_rows
from npsle_app.report.citations import methods_text
from npsle_app.report.page_notes import PageNotes, Run, load_notes, show
from npsle_app.report.participant import write_report

REPORT = "report"


@dataclass(slots=True, kw_only=True)
class Reporter:
    """Writes the status table and the page of each participant whose last job ended."""

    output_dir: Path
    sessions: Mapping[str, Sequence[Session]]
    datasets: Mapping[str, Path]
    jobs: Mapping[Key, Job]
    version: str
    command: str
    settings_text: str
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    failures: dict[str, Outcome] = field(default_factory=dict)

    def tell(self, key: Key, outcome: Outcome | None) -> None:
        """Take note of an outcome; at the participant's last one, write."""
        if outcome is None:
            return
        self.outcomes[key] = outcome
        participant = key[0][0]
        if all(mine in self.outcomes for mine in self._keys(participant)):
            self.write(participant)

    def write(self, participant: str) -> None:
        """Write the participant's status table and, unless nothing changed, the page."""
        before = read_rows(self._table(participant))
        rows = self.write_table(participant)
        if rows is None:
            return
        page = self.output_dir / f"sub-{participant}.html"
        changed = find_changes(self.output_dir, participant)
        if changed:
            LOGGER.warning(
                "sub-%s: %s changed since it was written: made anew from the stages' records",
                participant,
                printable(", ".join(changed)),
            )
        elif page.exists() and _say_the_same(rows, before) and not self._is_outdated(participant):
            return
        if failure := self.write_page(participant):
            self.failures[participant] = failure
            self._put(participant, [*rows, _report_row(rows, failure)])

    def write_table(self, participant: str) -> list[Row] | None:
        """Write how the stages ended so far; sessions of other runs keep their rows.

        None where it cannot be written: then the participant is marked as failed.
        """
        before = read_rows(self._table(participant))
        rows = [_with_cost(row, before) for row in self._rows(participant)]
        return rows if self._put(participant, rows) else None

    def _put(self, participant: str, rows: Sequence[Row]) -> bool:
        """Write rows; take a table away that cannot be renewed, for it says what is no more so."""
        path = self._table(participant)
        try:
            update_rows(path, rows)
        except OSError as error:
            LOGGER.error("sub-%s: its status table cannot be written: %s", participant, error)
            self.failures[participant] = Outcome(Status.FAILED, reason=describe(error))
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return False
        return True

    def write_page(self, participant: str) -> Outcome | None:
        """Write the page and the measures; a failure is told and returned."""
        try:
            write_report(
                self.output_dir,
                participant,
                datasets=self.datasets,
                notes=PageNotes(
                    choices={
                        s.session: [show(choice) for choice in s.choices]
                        for s in self.sessions[participant]
                    },
                    problems=self._problems(participant),
                    run=Run(
                        version=self.version,
                        command=self.command,
                        settings=self.settings_text,
                    ),
                ),
            )
        except Exception as error:  # noqa: BLE001 - one page's failure must not end the others
            LOGGER.error(
                "sub-%s report: %s", participant, "".join(traceback.format_exception(error))
            )
            return Outcome(Status.FAILED, reason=describe(error))
        return None

    def check_scans(self, participant: str) -> None:
        """Look at the participant's scans, so that the page can tell what is odd."""
        for key in self._keys(participant):
            self.jobs[key].refusals()

    def _is_outdated(self, participant: str) -> bool:
        """Say whether a run was killed between its stages and its page, or was of other code."""
        told = load_notes(self.output_dir, participant).run.version
        return told != self.version or is_outdated(self.output_dir, participant)

    def _keys(self, participant: str) -> list[Key]:
        units = {(participant, session.session) for session in self.sessions[participant]}
        return [key for key in self.jobs if key[0] in units]

    def _rows(self, participant: str) -> list[Row]:
        return [
            to_row(
                f"sub-{participant}",
                f"ses-{self.jobs[key].out.session}" if self.jobs[key].out.session else None,
                stage=key[1],
                outcome=self.outcomes[key],
            )
            for key in self._keys(participant)
            if key in self.outcomes
        ]

    def _problems(self, participant: str) -> dict[str | None, list[str]]:
        checks = {key[0]: self.jobs[key].refusals for key in self._keys(participant)}
        return {
            unit[1]: [*map(printable, check.session.notes), *map(say_problem, check.problems)]
            for unit, check in checks.items()
            if isinstance(check, SessionCheck)
        }

    def _table(self, participant: str) -> Path:
        return self.output_dir / f"sub-{participant}" / "log" / "status.tsv"


def merge_status(output_dir: Path) -> None:
    """Gather the participants' status tables in `logs/status.tsv`, with its dictionary."""
    tables = output_dir.glob("sub-*/log/status.tsv")
    merged = output_dir / "logs" / "status.tsv"
    text = json.dumps(DICTIONARY, indent=2, ensure_ascii=False) + "\n"
    try:
        merge_tables(merged, tables)
        write_text(merged.with_suffix(".json"), text)
    except OSError as error:
        LOGGER.error("%s cannot be written: %s", merged, error)
        with suppress(OSError):
            merged.unlink(missing_ok=True)  # better none than one of an earlier run


def write_methods(output_dir: Path, *, datasets: Mapping[str, Path]) -> Path:
    """Write the methods text of all stages that left a record, and its BibTeX file."""
    records = []
    for path in _find_records(output_dir):
        try:
            records.append(read_record(path, root=output_dir, datasets=datasets))
        except (OSError, ValueError) as error:
            LOGGER.warning("left out of the methods text: %s", describe(error))
    markdown, bibtex = methods_text(records)
    return write_citation(output_dir, text=markdown, bib=bibtex)[0]


def _find_records(output_dir: Path) -> list[Path]:

    found: list[Path] = []
    for stage in pipeline.PARTICIPANT:
        for folder in ("sub-*/log", "sub-*/ses-*/log"):
            found += output_dir.glob(f"{folder}/*_stage-{stage.name}.json")
    order = [stage.name for stage in pipeline.PARTICIPANT]
    return sorted(found, key=lambda path: (order.index(_stage_of(path)), path))


def _stage_of(path: Path) -> str:
    return path.stem.rpartition("_stage-")[2]


def _report_row(rows: Sequence[Row], failure: Outcome) -> Row:
    text = {"status": str(failure.status), "reason": failure.reason}
    return replace(rows[0], stage=REPORT, seconds="n/a", cpu_seconds="n/a", peak_mb="n/a", **text)


def _with_cost(row: Row, before: Iterable[Row]) -> Row:
    """Keep what a reused stage cost when it was computed."""
    if row.status != Status.REUSED:
        return row
    same = (old for old in before if (old.unit, old.stage) == (row.unit, row.stage))
    old = next(same, row)
    return replace(row, seconds=old.seconds, cpu_seconds=old.cpu_seconds, peak_mb=old.peak_mb)


def _say_the_same(rows: Sequence[Row], before: Sequence[Row]) -> bool:
    """Say whether nothing was computed, and nothing ended otherwise than the last time."""
    if any(row.status not in (Status.REUSED, Status.ABSENT) for row in rows):
        return False
    was = {(row.unit, row.stage): row.status.replace(Status.DONE, Status.REUSED) for row in before}
    failed = any(row.stage == REPORT for row in before)
    return not failed and all(was.get((row.unit, row.stage)) == row.status for row in rows)
