"""Which participants and sessions a run is about."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from npsle_app.bids.freesurfer.folders import (
    list_participants_with_stats,
    list_sessions_with_stats,
)
from npsle_app.bids.input.dataset import (
    ForeignIndexError,
    find_sessions,
    has_index,
    in_natural_order,
    list_participants,
    read_filters,
)
from npsle_app.bids.input.filters import Filters
from npsle_app.bids.input.scans import Session, pair_sessions
from npsle_app.bids.output.tree import previous_version
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options, Request
from npsle_app.documents import read_json
from npsle_app.engine.job import describe
from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import is_open, read_rows

_SHOWN = 20
_MOUNT_HINT = "in a container, check that the folder is mounted at the path given"


def check_folders(request: Request, options: Options) -> None:
    """Refuse folders that are no dataset, or that would write into one.

    Raises
    ------
    RefusedError
        With what was found and what to do.
    """
    try:
        _check_folders(request, options)
    except OSError as error:  # a name too long, a folder that may not be entered, a dead mount
        msg = f"{error.filename or request.output_dir} cannot be used: {error.strerror or error}"
        raise RefusedError(msg) from error


def _check_folders(request: Request, options: Options) -> None:
    bids_dir, output_dir = request.bids_dir, request.output_dir
    _check_dataset(bids_dir)
    if _same(output_dir, bids_dir):
        better = bids_dir / "derivatives" / "npsle_app"
        msg = f"OUTPUT_DIR is the dataset itself, {bids_dir}; give another, for example {better}"
        raise RefusedError(msg)
    if _is_inside(output_dir, bids_dir) and not _is_inside(output_dir, bids_dir / "derivatives"):
        better = bids_dir / "derivatives" / output_dir.name
        msg = f"{output_dir} lies among the raw data in {bids_dir}; give for example {better}"
        raise RefusedError(msg)
    _check_output(output_dir)
    if options.work_dir and _is_inside(options.work_dir, bids_dir):
        msg = f"--work-dir {options.work_dir} lies inside the dataset; give a folder outside it"
        raise RefusedError(msg)
    for name, folder in options.datasets.items():
        if not folder.is_dir():
            msg = f"--derivatives {name}: there is no folder {folder}; {_MOUNT_HINT}"
            raise RefusedError(msg)
        if _same(folder, output_dir):
            msg = (
                f"--derivatives {name} is OUTPUT_DIR itself, whose files are made anew; copy what "
                "you corrected to another folder"
            )
            raise RefusedError(msg)


def choose_participants(request: Request, options: Options) -> list[str]:
    """List the labels to process.

    Raises
    ------
    RefusedError
        If the dataset has none, or a label asked for is not among them.
    """
    measured = list_participants_with_stats(options.datasets)
    available = {*list_participants(request.bids_dir), *measured}
    if not available:
        msg = f"{request.bids_dir} has no folder sub-<label>; {_MOUNT_HINT}"
        raise RefusedError(msg)
    asked = set(options.participant_label)
    if unknown := sorted(asked - available):
        there = in_natural_order(available)
        msg = (
            f"no participant {_say(unknown)} in {request.bids_dir}; there are {_say(there)} "
            f"({_MOUNT_HINT})"
        )
        raise RefusedError(msg)
    if options.failed_only:
        available &= {participant for participant, _ in _open_units(request.output_dir)}
    return in_natural_order(asked & available if asked else available)


@dataclass(slots=True)
class Found:
    """The sessions asked for, by participant, and the one before each that has one.

    The session before need not be among those asked for. `unreadable` are participants whose
    folders could not be read.
    """

    sessions: dict[str, list[Session]] = field(default_factory=dict)
    unreadable: dict[str, Outcome] = field(default_factory=dict)
    earlier: dict[tuple[str, str | None], Session] = field(default_factory=dict)


def find_all(request: Request, options: Options, participants: Sequence[str]) -> Found:
    """Find the sessions of each participant and choose their scans.

    Raises
    ------
    RefusedError
        If a session asked for is nowhere, or the filter file makes no sense.
    """
    _check_sessions(request.bids_dir, participants, options=options)
    filters = _read_filters(options.bids_filter_file)
    open_units = _open_units(request.output_dir) if options.failed_only else None
    found = Found()
    for participant in participants:
        try:
            sessions = find_sessions(
                request.bids_dir,
                participant,
                filters=filters,
                # a dry run writes nothing: an index is used where there is one, not made
                database_dir=_database(options),
                derivatives=options.datasets,
            )
        except ForeignIndexError as error:
            raise RefusedError(str(error)) from error
        except Exception as error:  # noqa: BLE001 - one participant's folder ends no other's run
            reason = f"cannot be indexed: {describe(error)}"
            found.unreadable[participant] = Outcome(Status.FAILED, reason=reason)
            continue
        before = pair_sessions(sessions)
        found.earlier |= {(participant, label): one for label, one in before.items()}
        found.sessions[participant] = [
            session
            for session in sessions
            if (not options.session_label or session.session in options.session_label)
            and (open_units is None or (participant, session.session) in open_units)
        ]
    return found


def _database(options: Options) -> Path | None:
    folder = options.bids_database_dir
    if folder is None or not options.dry_run:
        return folder
    return folder if has_index(folder) else None


def _check_dataset(bids_dir: Path) -> None:
    if not bids_dir.is_dir():
        msg = f"there is no folder {bids_dir}; {_MOUNT_HINT}"
        raise RefusedError(msg)
    description = bids_dir / "dataset_description.json"
    try:
        content = read_json(description)
    except OSError as error:
        msg = f"{bids_dir} is no BIDS dataset: it has no readable dataset_description.json"
        raise RefusedError(msg) from error
    except ValueError as error:
        msg = f"{description} is no valid JSON ({error}); fix it"
        raise RefusedError(msg) from error
    if not isinstance(content, Mapping) or not {"Name", "BIDSVersion"} <= set(content):
        msg = f"{description} must be an object with Name and BIDSVersion; add them"
        raise RefusedError(msg)


def _check_output(output_dir: Path) -> None:

    if output_dir.exists() and not output_dir.is_dir():
        msg = f"OUTPUT_DIR {output_dir} is no folder; give another"
        raise RefusedError(msg)
    foreign = (output_dir / "dataset_description.json").is_file()
    if foreign and previous_version(output_dir) is None:
        msg = f"OUTPUT_DIR {output_dir} holds a dataset that is not of this app; give another"
        raise RefusedError(msg)


def check_links(output_dir: Path, participants: Iterable[str]) -> None:
    """Refuse folders of the output that are links to somewhere else: files would land there.

    Raises
    ------
    RefusedError
        With the link and where it leads.
    """
    inside = output_dir.resolve()
    own = (output_dir / f"sub-{label}" for label in participants)
    for start in (output_dir / "logs", output_dir / "group", output_dir / "phenotype", *own):
        for folder in (start, *_subfolders(start)):
            if folder.is_symlink() and not folder.resolve().is_relative_to(inside):
                msg = (
                    f"{folder} is a link out of OUTPUT_DIR, to {folder.resolve()}: files would be "
                    "written there; put a folder in its place"
                )
                raise RefusedError(msg)


def _subfolders(start: Path) -> Iterator[Path]:
    if start.is_symlink():
        return
    for root, names, _ in os.walk(start):
        yield from (Path(root) / name for name in names)


def _check_sessions(bids_dir: Path, participants: Iterable[str], *, options: Options) -> None:
    if not (asked := options.session_label):
        return
    participants = tuple(participants)
    folders = (f for label in participants for f in bids_dir.glob(f"sub-{label}/ses-*"))
    available = {folder.name.removeprefix("ses-") for folder in folders if folder.is_dir()}
    for label in participants:
        measured = list_sessions_with_stats(options.datasets, participant=label)
        available |= {session for session in measured if session}
    if unknown := sorted(set(asked) - available):
        there = f"there are {_say(sorted(available))}" if available else "there are no sessions"
        msg = f"no session {_say(unknown)} among these participants; {there}"
        raise RefusedError(msg)


def _read_filters(path: Path | None) -> Filters | None:

    if path is None:
        return None
    try:
        return read_filters(path)
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _open_units(output_dir: Path) -> set[tuple[str, str | None]]:
    rows = [row for row in read_rows(output_dir / "logs" / "status.tsv") if is_open(row)]
    return {
        (
            row.participant.removeprefix("sub-"),
            None if row.session == "n/a" else row.session.removeprefix("ses-"),
        )
        for row in rows
    }


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _say(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(labels[:_SHOWN]) + more
