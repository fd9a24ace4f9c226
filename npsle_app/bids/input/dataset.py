"""Find participants, sessions and scans in a BIDS dataset.

The only module that knows pybids, which is imported where it is used: it costs half a
second. It parses the names that a walk through a participant's folder finds; a database of its
own for each participant took twenty times as long, one of a whole dataset takes minutes.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from npsle_app.bids.freesurfer.folders import find_freesurfer, list_sessions_with_stats
from npsle_app.bids.input import filters as _filters
from npsle_app.bids.input.brain_maps import find_brain_maps
from npsle_app.bids.input.choosing import KINDS, Candidate, choose
from npsle_app.bids.input.filters import Filters
from npsle_app.bids.input.lesion_masks import find_lesion_masks
from npsle_app.bids.input.scans import Choice, Session
from npsle_app.bids.input.series import choose_series, find_preprocessed
from npsle_app.bids.vessels.scans import choose_vessel_scan
from npsle_app.documents import read_json, read_text
from npsle_app.session_order import SessionOrder, order_sessions

if TYPE_CHECKING:
    from bids.layout import BIDSLayout, Entity

_NOT_RAW = ("code", "derivatives", "models", "sourcedata", "stimuli")
_IMAGES = (".nii", ".nii.gz")
_INDEX = "layout_index.sqlite"
_SHOWN = 3


class ForeignIndexError(ValueError):
    """The index that was given is of another dataset."""


def has_index(database_dir: Path) -> bool:
    """Tell whether a folder holds an index that can be used."""
    return (database_dir / _INDEX).is_file()


def list_participants(bids_dir: Path) -> list[str]:
    """List the labels of all participants that have a folder, `2` before `10`.

    `participants.tsv` is not asked: it may be absent, or speak of people whose images
    are not here.
    """
    with os.scandir(bids_dir) as entries:
        folders = [one.name for one in entries if one.name.startswith("sub-") and _is_folder(one)]
    return in_natural_order(folder.removeprefix("sub-") for folder in folders)


def in_natural_order(labels: Iterable[str]) -> list[str]:
    """Sort labels as people count: `2` before `10`."""
    return sorted(labels, key=_natural)


def read_filters(path: Path) -> Filters:
    """Read a `--bids-filter-file`; see `npsle_app.bids.input.filters.read_filters`."""
    return _filters.read_filters(path, kinds=tuple(KINDS))


def find_sessions(
    bids_dir: Path,
    participant: str,
    *,
    sessions: Sequence[str] = (),
    filters: Filters | None = None,
    database_dir: Path | None = None,
    derivatives: Mapping[str, Path] | None = None,
) -> list[Session]:
    """Find the sessions of one participant and choose the scans of each.

    Parameters
    ----------
    participant
        Label, with or without `sub-`.
    sessions
        Labels of the sessions wanted, with or without `ses-`; all if empty.
    filters
        By kind of scan, as `read_filters` returns them.
    database_dir
        Where an index of the whole dataset is kept; made if it is not there. Where it does not
        know the same images as the folder holds, this is noted, and the folder counts.
    derivatives
        Datasets by name that may hold preprocessed diffusion series, masks or landmarks of
        vessels, masks of lesions and of the brain, and maps of its tissues.

    Returns
    -------
    list of Session
        In natural order of labels; a dataset without session folders gives one with session None.
        Empty if the participant has none of the sessions asked for.

    Raises
    ------
    FileNotFoundError
        If the participant has no folder, and no volumes of FreeSurfer either.
    PermissionError
        If it may not be looked at.
    ForeignIndexError
        If the index is of another dataset.
    """
    label = participant.removeprefix("sub-")
    measured = list_sessions_with_stats(derivatives or {}, participant=label)
    if (bids_dir / f"sub-{label}").is_dir():
        own = Path(f"sub-{label}")
        tree = _walk(bids_dir / own)
        notes = _find_notes(bids_dir, own, tree, database_dir=database_dir)
        images = _candidates(bids_dir, own, tree)
        labels = _session_labels(tree.folders, images)
    elif measured:
        images, notes, labels = [], (f"{bids_dir} has no folder sub-{label}: no image",), []
    else:
        msg = f"{bids_dir} has no folder sub-{label}"
        raise FileNotFoundError(msg)
    asked = {session.removeprefix("ses-") for session in sessions}
    labels = _add_measured(labels, measured=measured, with_images=bool(images))
    dates = read_session_dates(bids_dir / f"sub-{label}", labels)
    order = order_sessions([one for one in labels if one is not None], dates=dates)
    if order.note:
        notes = (*notes, order.note)
    return [
        _session(
            label,
            session,
            images,
            filters=filters or {},
            acquired=dates.get(session or ""),
            derivatives=derivatives or {},
            sessions=labels,
            notes=notes,
            order=order,
        )
        for session in labels
        if not asked or session in asked
    ]


def _session(
    participant: str,
    session: str | None,
    images: Sequence[Candidate],
    *,
    filters: Filters,
    acquired: str | None,
    derivatives: Mapping[str, Path],
    sessions: Sequence[str | None],
    notes: tuple[str, ...],
    order: SessionOrder,
) -> Session:
    own = [image for image in images if image.entities.get("session") == session]

    def choice(kind: str) -> Choice:
        wanted = filters.get(kind, {})
        if kind == "vwi":
            return choose_vessel_scan(
                own, wanted=wanted, derivatives=derivatives, participant=participant,
                session=session,
            )  # fmt: skip
        if kind == "flair":
            t1w = choices[0].scan
            return choose(kind, own, wanted=wanted, unlike=t1w.path if t1w else None)
        if kind != "dwi":
            return choose(kind, own, wanted=wanted)
        made = find_preprocessed(derivatives, participant=participant, session=session)
        return made or choose_series(own, wanted=wanted)

    choices: list[Choice] = []
    for kind in KINDS:
        choices.append(choice(kind))  # noqa: PERF401 - one looks at those before it
    measured = find_freesurfer(
        derivatives, participant=participant, session=session, sessions=sessions
    )
    choices += [measured] if measured else []
    given = find_lesion_masks(derivatives, participant=participant, session=session)
    choices += [given] if given else []
    choices += find_brain_maps(
        derivatives, participant=participant, session=session, filters=filters
    )
    return Session(participant, session, tuple(choices), acquired, notes=notes, order=order)


def read_session_dates(folder: Path, labels: Iterable[str | None]) -> dict[str, str]:
    """Read when the sessions of a participant took place, by label.

    That is `acq_time` of the table of sessions, else the first of the session's table of scans.
    """
    participant = folder.name
    dates = _dates(folder / f"{participant}_sessions.tsv")
    for label in labels:
        if label is not None and label not in dates:
            table = folder / f"ses-{label}" / f"{participant}_ses-{label}_scans.tsv"
            if first := min(_dates(table, key="filename").values(), default=""):
                dates[label] = first
    return dates


def _dates(table: Path, *, key: str = "session_id") -> dict[str, str]:
    """Read `acq_time` by session label; nothing where the table has none or is unreadable."""
    try:
        text = read_text(table)
    except (OSError, ValueError):
        return {}
    rows = csv.DictReader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        (row.get(key) or "").removeprefix("ses-"): time
        for row in rows
        if (time := row.get("acq_time")) and time != "n/a"
    }


def _session_labels(folders: Iterable[str], images: Sequence[Candidate]) -> list[str | None]:
    named = (name.removeprefix("ses-") for name in folders if name.startswith("ses-"))
    labels = in_natural_order(named)
    outside = any(image.entities.get("session") is None for image in images)
    return [None, *labels] if outside or not labels else [*labels]


def _add_measured(
    labels: Sequence[str | None], *, measured: Sequence[str | None], with_images: bool
) -> list[str | None]:
    """Add sessions that have volumes of FreeSurfer and no image, in natural order."""
    named = {one for one in (*labels, *measured) if one is not None}
    # what names no session is that of the only one, or images outside of session folders
    alone = not named or (None in labels and with_images)
    return [*([None] if alone else []), *in_natural_order(named)]


class _Tree(NamedTuple):
    """What lies below a participant's folder: paths relative to it, and folders right in it."""

    images: frozenset[Path]
    links: tuple[Path, ...]
    folders: tuple[str, ...]


def _walk(folder: Path) -> _Tree:
    """List images and links to folders below a folder; follow no link.

    A link to a folder may lead back up, for ever, or out of the dataset.
    """
    images: list[Path] = []
    links: list[Path] = []
    folders: list[str] = []
    waiting = [""]
    while waiting:
        here = waiting.pop()
        with os.scandir(folder / here) as entries:
            for entry in entries:
                name = f"{here}{entry.name}"
                if not _is_folder(entry):
                    images += [Path(name)] if name.endswith(_IMAGES) else []
                elif entry.is_symlink():
                    links.append(Path(name))
                else:
                    waiting.append(f"{name}/")
                    folders += [] if here else [name]
    return _Tree(frozenset(filter(_is_raw, images)), tuple(sorted(links)), tuple(folders))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere, or in a circle
        return False


def _is_raw(path: Path) -> bool:
    return not any(part in _NOT_RAW or part.startswith(".") for part in path.parts)


def _find_notes(
    bids_dir: Path, own: Path, tree: _Tree, *, database_dir: Path | None
) -> tuple[str, ...]:
    """Return what is to be said of how the images of a participant were found."""
    notes = tuple(f"{own / link} is a link to a folder: it was not followed" for link in tree.links)
    if database_dir is None:
        return notes
    known = _known_images(bids_dir, database_dir).get(own.name, frozenset())
    there = {own / path for path in tree.images}
    return notes if known == there else (*notes, _say_stale(database_dir, known, there))


def _candidates(bids_dir: Path, own: Path, tree: _Tree) -> list[Candidate]:
    """Return the images of a participant with their entities, by name."""
    return [
        Candidate(bids_dir / path, {**_parse_entities(_shape(path)), **_entities_of_path(path)})
        for path in (own / image for image in sorted(tree.images))
    ]


def _shape(path: Path) -> str:
    """Return a path within the dataset without the participant's label, the same for all.

    Examples
    --------
    >>> _shape(Path("sub-01/anat/sub-01_run-2_T1w.nii"))
    '/anat/_run-2_T1w.nii'
    """
    subject, *below = path.parts
    below[-1] = below[-1].removeprefix(subject)
    return f"/{'/'.join(below)}"


@lru_cache(maxsize=65536)  # ten thousand participants have names of a few dozen shapes
def _parse_entities(path: str) -> Mapping[str, object]:
    """Let pybids parse a path; what it returns is shared, and not to be changed."""
    from bids.layout import parse_file_entities

    parsed: dict[str, object] = parse_file_entities(path, entities=_entities())
    return parsed


@lru_cache(maxsize=1)
def _entities() -> "tuple[Entity, ...]":
    from bids.layout import Config

    return tuple(Config.load("bids").entities.values())


def _say_stale(database_dir: Path, known: Iterable[Path], there: Iterable[Path]) -> str:
    unknown, gone = (
        sorted(path.name for path in paths)
        for paths in (set(there) - set(known), set(known) - set(there))
    )
    told = [
        f"{text} {', '.join(names[:_SHOWN])}{' and others' if len(names) > _SHOWN else ''}"
        for text, names in (("does not know", unknown), ("names what is gone,", gone))
        if names
    ]
    return (
        f"the index in {database_dir} {' and '.join(told)}: the folder was looked at instead; "
        "take the index away, and it is made anew"
    )


def _entities_of_path(path: Path) -> dict[str, str | None]:
    """Read what pybids does not: it also looks above its root, and knows no desc- of raw data."""
    subject, *below = path.parts[:-1]
    session = next((name.removeprefix("ses-") for name in below if name.startswith("ses-")), None)
    found = {
        "subject": subject.removeprefix("sub-"),
        "session": session,
        "datatype": path.parent.name,
    }
    label = next((part for part in path.name.split("_") if part.startswith("desc-")), None)
    return found | {"description": label.removeprefix("desc-")} if label else found


def _known_images(bids_dir: Path, database_dir: Path) -> Mapping[str, frozenset[Path]]:
    """Return the images that an index knows, by the folder of their participant.

    The index is made if it is not there.
    """
    if not has_index(database_dir):
        _open_index(bids_dir, database_dir)
    state = (database_dir / _INDEX).stat()
    return _read_index(bids_dir, database_dir, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1)  # read once, and not anew for each participant
def _read_index(bids_dir: Path, database_dir: Path, *_state: int) -> Mapping[str, frozenset[Path]]:
    from bids.layout import BIDSFile

    layout = _open_index(bids_dir, database_dir)
    known: dict[str, set[Path]] = {}
    # of each file the path alone: objects for all of them would take gigabytes
    for (name,) in layout.session.query(BIDSFile.path):
        path = Path(name)
        if name.endswith(_IMAGES) and path.is_relative_to(layout.root):
            inside = path.relative_to(layout.root)
            known.setdefault(inside.parts[0], set()).add(inside)
    return {folder: frozenset(paths) for folder, paths in known.items()}


def _open_index(bids_dir: Path, database_dir: Path) -> "BIDSLayout":
    """Open the index of a dataset; make it if it is not there."""
    from bids.layout import BIDSLayout, BIDSLayoutIndexer

    description = bids_dir / "dataset_description.json"
    if description.exists():  # which pybids reads, and trusts
        read_json(description)
    # Sidecars are read by npsle_app.bids.input.sidecars: one broken JSON would end the index here.
    indexer = BIDSLayoutIndexer(
        validate=False, index_metadata=False, ignore=[*_NOT_RAW, re.compile(r"/\.")]
    )
    layout = BIDSLayout(bids_dir, validate=False, database_path=database_dir, indexer=indexer)
    if Path(layout.root).resolve() != bids_dir.resolve():
        msg = f"the index in {database_dir} is of {layout.root}, not of {bids_dir}; give another"
        raise ForeignIndexError(msg)
    return layout


def _natural(label: str) -> list[tuple[bool, int, str]]:
    """Sort key with numbers by size and before letters, and a total order for `1` and `01`."""
    parts = [part for part in re.split(r"(\d+)", label) if part]
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
