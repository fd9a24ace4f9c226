"""What a participant's page says of its run, kept so that the page can be made again later."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from npsle_app.bids.input.scans import Choice
from npsle_app.bids.output.writer import write_json


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
    sessions = sorted({*notes.choices, *notes.problems}, key=lambda label: label or "")
    write_json(
        path,
        {
            "run": asdict(notes.run),
            "sessions": [
                {
                    "session": label,
                    "choices": [asdict(choice) for choice in notes.choices.get(label, ())],
                    "problems": list(notes.problems.get(label, ())),
                }
                for label in sessions
            ],
        },
    )
    return path


def load_notes(output_dir: Path, participant: str) -> PageNotes:
    """Read the notes of the last time; empty ones where there are none that can be read."""
    try:
        content = json.loads(_place(output_dir, participant).read_text(encoding="utf-8"))
        return _parse(content)
    except (OSError, ValueError, KeyError, TypeError):
        return PageNotes()  # the page then says that version and choices were not recorded


def _parse(content: Mapping[str, Any]) -> PageNotes:
    sessions = {one["session"]: one for one in content["sessions"]}
    return PageNotes(
        choices={
            label: tuple(
                ShownChoice(**{**choice, "others": tuple(choice["others"])})
                for choice in one["choices"]
            )
            for label, one in sessions.items()
        },
        problems={label: tuple(one["problems"]) for label, one in sessions.items()},
        run=Run(**content["run"]),
    )


def _place(output_dir: Path, participant: str) -> Path:
    return output_dir / f"sub-{participant}" / "log" / "page.json"
