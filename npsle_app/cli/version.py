"""Which code is running."""

import hashlib
import os
from functools import cache
from pathlib import Path

REVISION_VARIABLE = "NPSLE_APP_REVISION"
_PACKAGE = Path(__file__).resolve().parents[1]
_UNKNOWN = "0.0.0"
_UNTOLD = "unknown"


@cache
def get_version() -> str:
    """Return the version with what tells this code from any other; git is not asked.

    An installed build says its commit (`0.1.0+g1a2b3c4`). A checkout, whose files may have
    been edited since, and a build without a commit say a hash of their own source
    (`0.1.0+src.1a2b3c4d`), so that changed code never counts as the code of a receipt.
    """
    release, commit = _read_build()
    base = release.partition("+")[0]
    if commit and not (_PACKAGE.parent / "pyproject.toml").is_file():
        return f"{base}+{commit}"
    return f"{base}+src.{_hash_source(_PACKAGE)}"


def get_commit() -> str:
    """Return the commit that was installed; empty where the build does not know it.

    An image says it by a variable. A checkout may have been edited since it was installed: its
    version tells that by a hash of the source.
    """
    told = os.environ.get(REVISION_VARIABLE, _UNTOLD)
    return told if told not in ("", _UNTOLD) else (_read_build()[1] or "").removeprefix("g")


def _read_build() -> tuple[str, str | None]:
    try:
        from npsle_app import _version
    except ImportError:  # neither built nor installed
        return _UNKNOWN, None
    local = _version.version.partition("+")[2]
    clean = local if local.startswith("g") and "." not in local else None
    return _version.version, _version.commit_id or clean


def _hash_source(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if _is_source(path)):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:8]


def _is_source(path: Path) -> bool:
    # the templates and coefficients beside the code decide results as it does; the text of
    # _version.py changes with the day of the build
    made = path.parent.name == "__pycache__" or path.name == "_version.py"
    return path.is_file() and not made and not path.name.startswith(".")
