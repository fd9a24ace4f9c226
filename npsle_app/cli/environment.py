"""Folders and variables that the process and its workers live in.

Nothing here asks for a home folder or a user name: in a container there may be neither.
"""

import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from npsle_app.cli.errors import RefusedError, TerminatedError
from npsle_app.engine.executors import keep_home_out, limit_threads

_PREFIX, _OWNER = "npsle_app_", "owner"
LEAST_OUTPUT_MB = 500
LEAST_WORK_MB = 200


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """Give a folder for temporary files, and point the libraries that want one into it.

    Without `given` it is a new one that is removed afterwards; else a new one in there,
    which stays.

    Raises
    ------
    RefusedError
        If it cannot be made or written.
    """
    try:
        if given:
            given.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=given))
        if given is None:
            clear_abandoned(folder.parent)
            (folder / _OWNER).write_text(f"{socket.gethostname()} {os.getpid()}", encoding="utf-8")
    except OSError as error:
        msg = f"no folder for temporary files ({error}); give a writable one with --work-dir"
        raise RefusedError(msg) from error
    try:
        with _variables(_point_into(folder)):
            yield folder
    finally:
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


def clear_abandoned(parent: Path) -> None:
    """Remove the folders of runs that were killed on this machine and could not tidy up."""
    for owner in parent.glob(f"{_PREFIX}*/{_OWNER}"):
        try:
            host, process = owner.read_text(encoding="utf-8").split()
            dead = host == socket.gethostname() and not _is_alive(int(process))
        except (OSError, ValueError):
            continue  # of another user, or half written
        if dead:
            shutil.rmtree(owner.parent, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and of another user
    return True


def set_threads(count: int) -> None:
    """Limit the threads of numerical libraries; call it before they are imported."""
    os.environ.update(limit_threads(count))


def check_space(folder: Path, *, least_mb: int, what: str) -> None:
    """Refuse to begin where there is hardly any room left.

    Raises
    ------
    RefusedError
        Naming the folder, what is free there and what is needed.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 2**20
    if free < least_mb:
        msg = (
            f"{what} {folder} has only {free:.0f} MB left; at least {least_mb} MB are needed to "
            "begin: make room or give another folder"
        )
        raise RefusedError(msg)


@contextmanager
def ended_cleanly() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: with its tables written.

    Raises
    ------
    TerminatedError
        From within, when the signal comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough: a second would end the tidying up
    raise TerminatedError


def _point_into(folder: Path) -> dict[str, str]:
    places = {"TMPDIR": "tmp", "MPLCONFIGDIR": "matplotlib", "XDG_CACHE_HOME": "cache"}
    for name in places.values():
        (folder / name).mkdir()
    return {key: str(folder / name) for key, name in places.items()} | keep_home_out(folder)


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    tempfile.tempdir = None  # it was remembered from the old TMPDIR
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        tempfile.tempdir = None
