"""Content hashes and writes in one step."""

import hashlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content; a link is followed.

    A file that did not change meanwhile is read once per process: an output of one stage
    is the input of several others.
    """
    state = path.stat()
    return _digest(path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=8192)
def _digest(path: Path, *_state: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Put a text file in place in one step, also where several runs write it at once.

    The unfinished file has a name of its own, so that two runs never share one; what stood
    there is unlinked first, for it may be a locked link of a data manager.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part_", suffix=f"_{path.name}", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.chmod(0o666 & ~_umask())
        path.unlink(missing_ok=True)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
