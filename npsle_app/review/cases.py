"""The sessions of an output folder as cases: their images, figures and checks."""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from npsle_app.bids.output.names import File
from npsle_app.bids.output.reader import resolve_uri
from npsle_app.decoding import decode
from npsle_app.documents import read_json
from npsle_app.engine.stage import Status
from npsle_app.engine.status import read_rows
from npsle_app.records import Check, Qc, Record
from npsle_app.review.items import ITEMS, Item

_ACQUIRED = r"(?:_(?:task|tracksys|acq|ce|trc|stain|rec|dir|run|echo|flip|inv|mt|part)-[^_]+)*"
_RECORD = re.compile(r".+_stage-(?P<stage>[a-z_]+)\.json")
_WENT_WRONG = (Status.FAILED, Status.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A figure of a stage: one picture, or two that alternate."""

    title: str
    caption: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Case:
    """One session of an output folder. `key` names it in addresses, and tells nothing of it."""

    root: Path
    participant: str
    session: str | None
    key: str

    @property
    def id(self) -> str:
        """`sub-01` or `sub-01_ses-1`."""
        return f"sub-{self.participant}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        folder = self.root / f"sub-{self.participant}"
        return folder / f"ses-{self.session}" if self.session else folder

    def find(self, file: File) -> Path | None:
        """Return a file of the session, whatever the scan that it is named after; None if absent.

        A link that leads out of the output folder is not followed.
        """
        name = file.value
        pattern = re.compile(f"{re.escape(self.id)}{_ACQUIRED}_{re.escape(name.tail)}")
        folder = self.folder / name.folder
        for path in sorted(folder.glob(f"{self.id}_*{name.tail}")):
            if pattern.fullmatch(path.name) and is_inside(path, self.root):
                return path
        return None

    def base(self, item: Item) -> Path | None:
        """Return the image that shows an item."""
        found = (self.find(file) for file in item.bases)
        return next((path for path in found if path), None)

    def overlay(self, item: Item) -> Path | None:
        """Return what is drawn on it."""
        return self.find(item.overlay) if item.overlay else None

    @cached_property
    def records(self) -> dict[str, Record]:
        """What each stage says of its work; one that cannot be read is left out."""
        return dict(self._read_records())

    def _read_records(self) -> Iterator[tuple[str, Record]]:
        for path in sorted((self.folder / "log").glob(f"{self.id}_stage-*.json")):
            named = _RECORD.fullmatch(path.name)
            if named and is_inside(path, self.root):
                try:
                    yield named["stage"], decode(Record, read_json(path), what="it")
                except (OSError, ValueError):
                    continue  # its page says so; there is nothing of it to look at

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """What of it can be judged: what has a picture or a record."""
        return tuple(
            item
            for item in ITEMS
            if item.kind == "session"
            or (self.base(item) and (item.overlay is None or self.overlay(item)))
            or (not item.bases and self.figures(item))
        )

    def checks(self, item: Item) -> tuple[Check, ...]:
        """Return the automatic checks that concern an item, the worst first."""
        checks = [
            check
            for stage in item.shown_by
            if stage in self.records
            for check in self.records[stage].checks
        ]
        return tuple(sorted(checks, key=lambda check: -_severity(check.state)))

    def figures(self, item: Item) -> tuple[Shown, ...]:
        """Return the figures of an item's stages; of the session as a whole there are none."""
        if item.kind == "session":
            return ()
        return tuple(
            shown
            for stage in item.shown_by
            if stage in self.records
            for shown in self._figures(self.records[stage])
        )

    def _figures(self, record: Record) -> Iterator[Shown]:
        for figure in record.figures:
            try:
                paths = [
                    resolve_uri(str(uri), places={"": self.root})
                    for uri in (figure.path, figure.after)
                    if uri
                ]
            except ValueError:
                continue  # it names a file of another dataset, which is not shown
            if all(path.suffix == ".webp" and is_inside(path, self.root) for path in paths):
                yield Shown(title=figure.title, caption=figure.caption, paths=tuple(paths))

    @cached_property
    def badness(self) -> tuple[int, int]:
        """How many checks failed (stages that went wrong count, too), and how many warn."""
        states = [check.state for record in self.records.values() for check in record.checks]
        label = f"ses-{self.session}" if self.session else "n/a"
        rows = read_rows(self.root / f"sub-{self.participant}" / "log" / "status.tsv")
        wrong = sum(row.session == label and row.status in _WENT_WRONG for row in rows)
        return states.count(Qc.FAIL) + wrong, states.count(Qc.WARN)


def _severity(state: Qc) -> int:
    return {Qc.FAIL: 3, Qc.NOT_ASSESSABLE: 2, Qc.WARN: 1}.get(state, 0)


def is_inside(path: Path, root: Path) -> bool:
    """Tell whether a path is a regular file of a folder, links followed."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # a circle of links, too
        return False
    return real.is_file() and real.is_relative_to(root.resolve())


def find_cases(root: Path, *, secret: bytes) -> tuple[Case, ...]:
    """List the sessions of an output folder by their records, in the order of their names.

    `secret` keeps their keys from being guessed from their names.
    """
    folders = [
        path.parent for pattern in ("sub-*/log", "sub-*/ses-*/log") for path in root.glob(pattern)
    ]
    cases = []
    for folder in sorted(set(folders)):
        labels = [part.split("-", 1)[1] for part in folder.relative_to(root).parts]
        participant, session = labels[0], labels[1] if len(labels) > 1 else None
        name = "_".join(folder.relative_to(root).parts)
        key = hmac.new(secret, name.encode(), "sha256").hexdigest()[:16]
        case = Case(root, participant, session, key)
        if case.records:
            cases.append(case)
    return tuple(cases)
