"""The files that a run reads, with the hash of each."""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from npsle_app.bids.input.scans import Session
from npsle_app.bids.input.sidecars import inherited
from npsle_app.documents import LARGEST_BYTES
from npsle_app.engine import receipts
from npsle_app.engine.files import digest
from npsle_app.settings import Settings
from npsle_app.stages.group.shared import list_companions, list_sources

_IMAGES = (".nii", ".nii.gz", ".mgz")
# tables that tell dates and order of sessions
_OF_VISITS = ("sub-{label}_sessions.tsv", "sub-{label}_scans.tsv", "ses-*/*_scans.tsv")


def hash_given(paths: Iterable[Path | None], settings: Settings) -> dict[Path, str | None]:
    """Hash files that options and settings name, and what a study file names beside itself."""
    beside = list_companions(settings.statistics.study_file)
    return {path: _hash(path) for path in dict.fromkeys([*paths, *beside]) if path}


def hash_inputs(
    output_dir: Path,
    *,
    sessions: Mapping[str, Sequence[Session]],
    datasets: Mapping[str, Path],
    group: bool,
) -> dict[str, str | None]:
    """Hash images, sidecars and tables that were read, by BIDS URI.

    What a stage was given stands in its receipt and is not read again: of a study the images
    are most of the work.

    Parameters
    ----------
    sessions
        Sessions that were measured, by participant.
    datasets
        Roots by name; `raw` is the dataset.
    group
        Whether the group level was to run: it reads the tables of the whole study.
    """
    places = {**datasets, "": output_dir}
    found: dict[str, str | None] = {}
    for own in sessions.values():
        for session in own:
            known = _read_hashes(output_dir, session)
            for path in _list_files(session, raw=datasets["raw"]):
                found[_name(path, places)] = known.get(path.name) or _hash(path)
    if group:
        for path in list_sources(output_dir, raw=datasets["raw"]):
            found[_name(path, places)] = _hash(path)
    return dict(sorted(found.items()))


def _list_files(session: Session, *, raw: Path) -> Iterator[Path]:
    label = session.participant
    used = dict.fromkeys(receipts.list_paths(session.scans))
    yield from used
    for path in used:
        if path.name.endswith(_IMAGES) and path.name.startswith(f"sub-{label}_"):
            yield from inherited(path, extension=".json")
    for pattern in _OF_VISITS:
        yield from sorted((raw / f"sub-{label}").glob(pattern.format(label=label)))


def _read_hashes(output_dir: Path, session: Session) -> dict[str, str]:
    """Return the hashes in the receipts of a session by name; none where two files share one."""
    folder = output_dir.joinpath(*session.id.split("_"), "log")
    found: dict[str, set[str]] = {}
    for path in sorted(folder.glob(f"{session.id}_receipt-*.json")):
        for name, sha256 in receipts.list_input_hashes(receipts.read(path) or {}):
            found.setdefault(name, set()).add(sha256)
    return {name: hashes.pop() for name, hashes in found.items() if len(hashes) == 1}


def _hash(path: Path) -> str | None:
    """Hash a file; None for what the app does not read either: pipes, texts without an end."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            return None
        if state.st_size > LARGEST_BYTES and not path.name.endswith(_IMAGES):
            return None
        return digest(path)
    except OSError:
        return None


def _name(path: Path, places: Mapping[str, Path]) -> str:
    """Name a file by its dataset; the innermost that holds it, for one may lie in another."""
    absolute = path.absolute()
    holding = [name for name, root in places.items() if absolute.is_relative_to(root.absolute())]
    if not holding:
        return path.name
    name = max(holding, key=lambda one: len(places[one].absolute().parts))
    return f"bids:{name}:{absolute.relative_to(places[name].absolute()).as_posix()}"
