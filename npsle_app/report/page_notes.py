"""What a participant's page says of its run, kept so that the page can be made again later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from npsle_app.bids.input.scans import Choice
from npsle_app.bids.output.writer import write_json
from npsle_app.decoding import decode, encode
from npsle_app.documents import read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What made the outputs, for the section on provenance.

    `settings` is the text of the TOML file that repeats the run.
    """

    version: str = ""
    command: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChoice:
    """Which scan of a kind was used, by names of files; `used` is empty where there is none.

    `others` names each image that was not used, with the reason.
    """

    kind: str
    used: str
    reason: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNotes:
    """What the records of the stages do not say.

    `choices` and `problems` (what the checks before the run found, one text each) are by
    session label, None where the dataset has no sessions.
    """

    choices: Mapping[str | None, Sequence[ShownChoice]] = field(default_factory=dict)
    problems: Mapping[str | None, Sequence[str]] = field(default_factory=dict)
    run: Run = field(default_factory=Run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SessionFile:
    session: str | None
    choices: tuple[ShownChoice, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageFile:
    run: Run
    sessions: tuple[_SessionFile, ...]


def show(choice: Choice) -> ShownChoice:
    """Reduce a choice to what the page shows of it."""
    return ShownChoice(
        kind=choice.kind,
        used=choice.scan.path.name if choice.scan else "",
        reason=choice.reason,
        others=tuple(f"{one.path.name} ({one.reason})" for one in choice.others),
    )


def save_notes(output_dir: Path, participant: str, notes: PageNotes) -> Path:
    """Write the notes to the participant's `log/page.json`."""
    path = _place(output_dir, participant)
    sessions = tuple(
        _SessionFile(
            session=label,
            choices=tuple(notes.choices.get(label, ())),
            problems=tuple(notes.problems.get(label, ())),
        )
        for label in sorted({*notes.choices, *notes.problems}, key=lambda label: label or "")
    )
    write_json(path, encode(_PageFile(run=notes.run, sessions=sessions)))
    return path


def load_notes(output_dir: Path, participant: str) -> PageNotes:
    """Read the notes of the last time; empty ones where there are none that can be read."""
    try:
        told = decode(_PageFile, read_json(_place(output_dir, participant)), what="it")
    except (OSError, ValueError):
        return PageNotes()  # the page then says that version and choices were not recorded
    return PageNotes(
        choices={one.session: one.choices for one in told.sessions},
        problems={one.session: one.problems for one in told.sessions},
        run=told.run,
    )


def _place(output_dir: Path, participant: str) -> Path:
    return output_dir / f"sub-{participant}" / "log" / "page.json"
