"""Where the inputs of a recorded run lie now, and which of them have changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app.bids.output.reader import resolve_uri
from npsle_app.cli.record import RunRecord
from npsle_app.engine.files import digest
from npsle_app.reproduce.difference import Difference, Kind

_FILE_KEYS = ("study_file", "model_file", "reference_file")


class NotFoundError(Exception):
    """A folder or file that the record names is not where it was; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look for what a record names by its way from the output folder.

    `datasets` and `files` are those that the user named: folders by the name of the dataset,
    files by the name that the record has for them.
    """

    output_dir: Path
    datasets: Mapping[str, Path]
    files: Mapping[str, Path]

    def dataset(self, name: str, record: RunRecord) -> Path:
        """Return the folder of a dataset.

        Raises
        ------
        NotFoundError
            If it is not there.
        """
        folder = self.datasets.get(name) or self.output_dir / record.datasets[name]
        if not folder.is_dir():
            flag = "--bids DIR" if name == "raw" else f"--derivatives {name}=DIR"
            msg = f"the dataset {name!r} is not at {folder}: say with {flag} where it lies"
            raise NotFoundError(msg)
        return folder.resolve()

    def file(self, recorded: str) -> Path:
        """Return a file that settings or options name.

        Raises
        ------
        NotFoundError
            If it is not there.
        """
        name = Path(recorded).name
        path = self.files.get(name) or self.output_dir / recorded
        if not path.is_file():
            msg = f"the file {name} is not at {path}: say with --file {name}=PATH where it lies"
            raise NotFoundError(msg)
        return path.resolve()

    def settings(self, record: RunRecord) -> dict[str, dict[str, Any]]:
        """Return the sections of a record, with files where they lie now."""
        return {
            name: {
                key: str(self.file(value))
                if key in _FILE_KEYS and self._is_given(value, record)
                else value
                for key, value in section.items()
            }
            for name, section in record.settings.items()
        }

    def _is_given(self, value: Any, record: RunRecord) -> bool:
        return value in record.given


def find_changes(
    record: RunRecord, places: Places, *, participants: Mapping[str, object]
) -> Iterator[Difference]:
    """Hash what a run read, and name what is changed or gone.

    Parameters
    ----------
    participants
        Those to be measured again; images of others are not looked at.
    """
    roots = {name: places.dataset(name, record) for name in record.datasets}
    for uri, sha256 in record.inputs.items():
        if sha256 is not None and _concerns(uri, participants):
            path = resolve_uri(uri, places={**roots, "": places.output_dir})
            yield from _compare(uri, path, sha256)
    for recorded, sha256 in record.given.items():
        if sha256 is not None:
            yield from _compare(Path(recorded).name, places.file(recorded), sha256)


def _concerns(uri: str, participants: Mapping[str, object]) -> bool:
    """Leave out images of participants who are not measured again; tables concern all."""
    parts = uri.split("/")
    owner = next((part for part in parts[0].split(":")[-1:] if part.startswith("sub-")), "")
    return not owner or owner.removeprefix("sub-") in participants or uri.endswith("_sessions.tsv")


def _compare(name: str, path: Path, sha256: str) -> Iterator[Difference]:
    try:
        now = digest(path) if path.is_file() else ""
    except OSError as error:
        now = str(error)
    if now != sha256:
        told = f"sha256 {now}" if now else "missing"
        yield Difference(kind=Kind.INPUT, file=name, recorded=f"sha256 {sha256}", reproduced=told)
