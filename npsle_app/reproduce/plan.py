"""Which runs to make again: of the records in an output folder, those that its files rest on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app import pipeline
from npsle_app.cli.record import RECORD, RunRecord, read_record
from npsle_app.decoding import encode
from npsle_app.engine import receipts

PARTICIPANT, GROUP = "participant", "group"
Unit = tuple[str, str | None]
_SECTIONS = {stage.name: stage.settings for stage in pipeline.PARTICIPANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """One call of the app: a level of a record, and the sessions that it is to measure."""

    record: RunRecord
    level: str
    sessions: Mapping[str, tuple[str | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The calls in their order.

    `taken_over` are participants of whom no record speaks: tables that were made elsewhere.
    `notes` say what of the output does not follow from its records.
    """

    reruns: tuple[Rerun, ...]
    taken_over: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def participants(self) -> list[str]:
        """The labels of all that are measured again."""
        return sorted({label for one in self.reruns for label in one.sessions})

    @property
    def has_group(self) -> bool:
        """Whether the group level is among the calls."""
        return any(one.level == GROUP for one in self.reruns)


def read_records(output_dir: Path) -> dict[str, RunRecord]:
    """Read the records of all runs by the name of the run, the oldest first.

    Raises
    ------
    ValueError
        If one cannot be read.
    """
    found = {path.parent.name: read_record(path) for path in output_dir.glob(f"logs/*/{RECORD}")}
    return dict(sorted(found.items(), key=lambda pair: (pair[1].started, pair[0])))


def plan_reruns(
    output_dir: Path,
    records: Mapping[str, RunRecord],
    *,
    participants: Sequence[str] = (),
    levels: Sequence[str] = (PARTICIPANT, GROUP),
) -> Plan:
    """Choose of each session the last run whose code and settings its receipts name.

    Parameters
    ----------
    records
        By the name of the run, the oldest first.
    participants
        Labels to measure again; all where none is named. The group level needs all.

    Raises
    ------
    ValueError
        If the output has no folder of one of them.
    """
    measured = _list_measured(output_dir)
    if unknown := sorted(set(participants) - set(measured)):
        msg = f"{output_dir} has no participant {', '.join(unknown)}"
        raise ValueError(msg)
    asked = [label for label in measured if not participants or label in participants]
    owners, notes = _find_owners(output_dir, records, asked)
    reruns: list[Rerun] = []
    if PARTICIPANT in levels:
        reruns += _gather(records, owners)
    # whoever is not measured again enters the group level with the tables that lie there
    again = {label for one in reruns for label in one.sessions}
    group = _last_group(records)
    if GROUP in levels and group and not participants:
        reruns.append(Rerun(record=records[group], level=GROUP, sessions={}))
        notes += _tell_later(records, owners, group=group)
    taken_over = [label for label in asked if label not in again]
    notes += _tell_unended(records, owners, group=group)
    return Plan(reruns=tuple(reruns), taken_over=tuple(taken_over), notes=tuple(notes))


def _list_measured(output_dir: Path) -> list[str]:
    return sorted(path.name.removeprefix("sub-") for path in output_dir.glob("sub-*/"))


def _find_owners(
    output_dir: Path, records: Mapping[str, RunRecord], participants: Sequence[str]
) -> tuple[dict[Unit, str], list[str]]:
    """Return the run that each session rests on, and what is to be said of some."""
    covering: dict[Unit, list[str]] = {}
    for name, record in records.items():
        for label in participants if PARTICIPANT in record.levels else ():
            for session in record.sessions.get(label, ()):
                covering.setdefault((label, session), []).append(name)
    owners: dict[Unit, str] = {}
    notes: list[str] = []
    for unit, names in covering.items():
        made = [*_read_receipts(output_dir, unit)]
        fitting = [name for name in names if _fits(records[name], made)]
        owners[unit] = (fitting or names)[-1]
        if not fitting:
            notes.append(
                f"{_say(unit)}: no single run has the code and settings of all its stages; the "
                f"last, {names[-1]}, is made again, and differences are to be expected"
            )
    return owners, notes


def _read_receipts(output_dir: Path, unit: Unit) -> Iterator[dict[str, Any]]:
    folder = output_dir.joinpath(*_say(unit).split("_"), "log")
    for path in sorted(folder.glob(f"{_say(unit)}_receipt-*.json")):
        if (content := receipts.read(path)) is not None:
            yield content


def _fits(record: RunRecord, made: Sequence[Mapping[str, Any]]) -> bool:
    return all(
        receipt.get("version") == record.surroundings.version
        and receipt.get("settings") == record.settings.get(_SECTIONS.get(receipt["stage"], ""))
        for receipt in made
    )


def _gather(records: Mapping[str, RunRecord], owners: Mapping[Unit, str]) -> Iterator[Rerun]:
    """Join sessions that were run alike into one call, in the order of the runs."""
    by_run: dict[str, dict[str, list[str | None]]] = {}
    for (label, session), name in owners.items():
        by_run.setdefault(name, {}).setdefault(label, []).append(session)
    joined: dict[str, tuple[RunRecord, dict[str, tuple[str | None, ...]]]] = {}
    for name, record in records.items():
        for label, sessions in by_run.get(name, {}).items():
            key = f"{_recipe(record)} {sorted(map(str, sessions))}"
            joined.setdefault(key, (record, {}))[1][label] = tuple(sessions)
    for record, measured in joined.values():
        yield Rerun(record=record, level=PARTICIPANT, sessions=measured)


def _recipe(record: RunRecord) -> str:
    return repr([encode(record.settings), record.filter_file, sorted(record.datasets.items())])


def _last_group(records: Mapping[str, RunRecord]) -> str | None:
    names = [name for name, record in records.items() if GROUP in record.levels]
    ended = [name for name in names if records[name].ended]
    return next(reversed(ended or names), None)


def _tell_later(
    records: Mapping[str, RunRecord], owners: Mapping[Unit, str], *, group: str
) -> Iterator[str]:
    place = {name: number for number, name in enumerate(records)}
    later = {label for (label, _), name in owners.items() if place[name] > place[group]}
    if later:
        yield (
            f"the group level ({group}) ran before the last run of {len(later)} participants; it "
            "is made again with what they have now"
        )


def _tell_unended(
    records: Mapping[str, RunRecord], owners: Mapping[Unit, str], *, group: str | None
) -> Iterator[str]:
    for name in dict.fromkeys([*owners.values(), *([group] if group else [])]):
        record = records[name]
        if record.ended is None:
            yield f"run {name} did not end: what it read is not known, and files may be missing"
        elif record.exit_code:
            yield f"run {name} ended with exit code {record.exit_code}"


def _say(unit: Unit) -> str:
    label, session = unit
    return f"sub-{label}" + (f"_ses-{session}" if session else "")
