"""What the page of one participant says, gathered from the files that lie there."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from npsle_app.bids.input.dataset import read_session_dates
from npsle_app.bids.output.reader import read_record
from npsle_app.bids.output.writer import Writer
from npsle_app.documents import read_json
from npsle_app.engine.stage import Status
from npsle_app.engine.status import Row, read_rows
from npsle_app.measures import MEASURES, MeasureDefinition
from npsle_app.records import Check, Measure, Qc, Record, worst
from npsle_app.report.deviations import ShownDeviations, read_deviations
from npsle_app.report.page_notes import PageNotes, ShownChoice
from npsle_app.report.population import ShownPopulation, read_population
from npsle_app.session_order import order_sessions

_RECORD = re.compile(r"sub-[^_]+(?:_ses-(?P<session>[^_]+))?_stage-(?P<stage>.+)\.json")
# Written by the group level, so no row of the status table names them.
DEVIATIONS, POPULATION = "deviations", "population"
_COMPUTED = (Status.DONE, Status.REUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContent:
    """One session: how its stages ended and what they say of their work.

    `unreadable` says which records could not be read and why.
    """

    writer: Writer
    outcomes: tuple[Row, ...] = ()
    records: tuple[Record, ...] = ()
    choices: tuple[ShownChoice, ...] = ()
    problems: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    deviations: ShownDeviations | None = None
    population: ShownPopulation | None = None

    @property
    def id(self) -> str:
        """`sub-01` or `sub-01_ses-1`."""
        return self.writer.id

    @property
    def measures(self) -> tuple["Line", ...]:
        """All numbers of the session in the order of its stages."""
        return tuple(
            Line(
                record.stage,
                measure,
                MEASURES[measure.name],
                tuple(self._uris(measure)),
                record.software,
                record.reader_of(measure.name),
                record.given_to(measure.name),
            )
            for record in self.records
            for measure in record.measures
        )

    @property
    def checks(self) -> tuple[tuple[str, Check], ...]:
        """Stage and check, in the order of the stages."""
        return tuple((record.stage, check) for record in self.records for check in record.checks)

    @property
    def qc(self) -> Qc:
        """The most severe state of all checks."""
        return worst([check.state for _, check in self.checks])

    @property
    def errors(self) -> tuple[Row, ...]:
        """The stages that failed or were blocked."""
        return tuple(row for row in self.outcomes if row.status in (Status.FAILED, Status.BLOCKED))

    @property
    def templates(self) -> dict[str, str]:
        """SHA-256 digests by name of the templates that the sidecars of the images name."""
        named: dict[str, str] = {}
        for sidecar in sorted(self.writer.folder.glob("*/*.json")):
            named |= _templates(sidecar)
        return dict(sorted(named.items()))

    def _uris(self, measure: Measure) -> list[str]:
        return self.writer.uris(measure.sources)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table of measures.

    `read_by` says who read what it rests on, and when; `given_by` what others made of that.
    """

    stage: str
    measure: Measure
    definition: MeasureDefinition
    sources: tuple[str, ...] = field(default=())
    software: str = ""
    read_by: str = ""
    given_by: str = ""

    @property
    def exact(self) -> str:
        """The value with at most six digits, for tables; `n/a` where it is not known."""
        return "n/a" if self.measure.value is None else f"{self.measure.value:.6g}"

    @property
    def shown(self) -> str:
        """The value as people read it, by the precision of its measure."""
        return self.definition.write(self.measure.value)

    @property
    def inside(self) -> bool | None:
        """Whether the value lies in the plausible range; None where that cannot be said."""
        if self.measure.value is None or self.definition.plausible is None:
            return None
        low, high = self.definition.plausible
        return low <= self.measure.value <= high


def gather(
    output_dir: Path,
    participant: str,
    *,
    datasets: Mapping[str, Path],
    notes: PageNotes,
) -> list[SessionContent]:
    """Read the status table and the records of a participant, session by session, the first first.

    The order is that of dates or names of sessions; where neither tells it, of the alphabet.
    A record is left out where the status table says that its stage did not finish: the file
    is what an earlier run left.
    """
    folder = output_dir / f"sub-{participant}"
    rows = read_rows(folder / "log" / "status.tsv")
    found = _find_records(folder)
    sessions = (
        {_label(row.session) for row in rows}
        | set(found)
        | set(notes.choices)
        | set(notes.problems)
    )
    contents = []
    for session in _in_order(sessions, raw=datasets.get("raw"), participant=participant):
        mine = tuple(row for row in rows if _label(row.session) == session)
        writer = Writer(output_dir, participant, session, datasets)
        deviations, population = read_deviations(writer), read_population(writer)
        shown = {DEVIATIONS: deviations, POPULATION: population}
        late = [stage for stage, extra in shown.items() if extra is not None and extra.rows]
        paths = _current(found.get(session, {}), mine, late=late)
        records, unreadable = _read(paths, root=output_dir, datasets=datasets)
        contents.append(
            SessionContent(
                writer=writer,
                deviations=deviations,
                population=population,
                outcomes=mine,
                records=records,
                choices=tuple(notes.choices.get(session, ())),
                problems=tuple(notes.problems.get(session, ())),
                unreadable=unreadable,
            )
        )
    return contents


def _in_order(
    sessions: Collection[str | None], *, raw: Path | None, participant: str
) -> list[str | None]:
    labels = sorted(label for label in sessions if label is not None)
    dates = read_session_dates(raw / f"sub-{participant}", labels) if raw else {}
    alone: list[str | None] = [None] if None in sessions else []
    return [*alone, *order_sessions(labels, dates=dates).labels]


def _label(session: str) -> str | None:
    return None if session in ("", "n/a") else session.removeprefix("ses-")


def _find_records(folder: Path) -> dict[str | None, dict[str, Path]]:
    found: dict[str | None, dict[str, Path]] = {}
    for path in sorted([*folder.glob("log/*.json"), *folder.glob("ses-*/log/*.json")]):
        parts = _RECORD.fullmatch(path.name)
        if parts:
            found.setdefault(parts["session"], {})[parts["stage"]] = path
    return found


def _current(paths: Mapping[str, Path], rows: Sequence[Row], *, late: Sequence[str]) -> list[Path]:
    """Leave out records of stages that did not finish, and of scores that are not shown."""
    if not rows:
        hidden = {DEVIATIONS, POPULATION} - set(late)
        return [path for stage, path in paths.items() if stage not in hidden]
    finished = [row.stage for row in rows if row.status in _COMPUTED]
    return [paths[stage] for stage in (*finished, *late) if stage in paths]


def _read(
    paths: Iterable[Path], *, root: Path, datasets: Mapping[str, Path]
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    records, unreadable = [], []
    for path in paths:
        try:
            records.append(read_record(path, root=root, datasets=datasets))
        except (OSError, ValueError) as error:
            unreadable.append(str(error))
    return tuple(records), tuple(unreadable)


def _templates(sidecar: Path) -> dict[str, str]:
    try:
        content = read_json(sidecar)
    except (OSError, ValueError):
        return {}  # the stage that wrote it is checked by its receipt, not here
    named = content.get("Templates") if isinstance(content, dict) else None
    return {str(name): str(digest) for name, digest in (named or {}).items()}
