"""What a run leaves in `logs/<run>/`: its log, its settings, its command."""

import logging
import platform
import secrets
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from npsle_app.cli.config import to_toml
from npsle_app.cli.options import Options, Request
from npsle_app.cli.version import get_version
from npsle_app.engine.files import write_text
from npsle_app.settings import Settings

LOGGER = logging.getLogger("npsle_app")
_PACKAGES = ("antspyx", "nibabel", "numpy", "scipy", "scikit-image", "pandas", "pybids",
  "matplotlib", "distributed")  # fmt: skip
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_ALL = 2


def make_run_id() -> str:
    """Name a run after the time, with a random end: two may start in the same second.

    Examples
    --------
    >>> len(make_run_id())
    20
    """
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


@contextmanager
def opened(folder: Path, *, verbose: int, to_stderr: bool) -> Iterator[None]:
    """Write the log to `folder/run.log`, and to stderr where no live table is shown.

    `verbose` 1 says more of the app's own doings, 2 what the libraries have to say as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(folder / "run.log", encoding="utf-8")]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    LOGGER.propagate = False
    listened = [LOGGER, logging.getLogger()] if verbose >= _ALL else [LOGGER]
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S%z"))
        for logger in listened:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            for logger in listened:
                logger.removeHandler(handler)
            handler.close()


def write_settings(folder: Path, request: Request, *, options: Options, settings: Settings) -> str:
    """Write the TOML file that repeats the run, and return its text."""
    environment: dict[str, Any] = {
        "version": get_version(),
        "command": shlex.join(request.command),
        "bids_dir": request.bids_dir,
        "output_dir": request.output_dir,
        "levels": request.levels,
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _find_version(name))},
    }
    text = to_toml(options, settings, environment=environment)
    write_text(folder / "npsle_app.toml", text)
    return text


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
