"""Call the app as a record says, into a new folder."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from npsle_app.bids.output.writer import write_json
from npsle_app.cli.errors import TerminatedError
from npsle_app.documents import read_json
from npsle_app.reproduce.folders import OF_GROUP
from npsle_app.reproduce.plan import Plan, Rerun
from npsle_app.reproduce.sources import Places

_MARK = Path("logs", "reproduces.json")
_SECTIONS_OF_PROCESSES = ("classifier", "deviations")
_ENDED = (130, 143)

Call = Callable[[Sequence[str]], int]


class InTheWayError(Exception):
    """The folder for what is made again holds something else."""


def prepare(into: Path, *, output_dir: Path, plan: Plan) -> None:
    """Make the new folder, with what the runs found in the old one and did not make.

    Those are ratings and readings in `qc/`, and tables of participants of whom no record speaks.
    A folder that was begun before is gone on with.

    Raises
    ------
    InTheWayError
        If the folder is there and was not begun for this.
    """
    mark = {"runs": [one.record.started for one in plan.reruns], "form": 1}
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        if _read_mark(into) != mark:
            msg = f"{into} is not empty, and not begun by these runs: name another with --into"
            raise InTheWayError(msg)
        return
    (into / _MARK).parent.mkdir(parents=True)
    for name in ("qc", *(f"sub-{label}" for label in plan.taken_over if plan.has_group)):
        if (output_dir / name).is_dir():
            ignored = shutil.ignore_patterns(*OF_GROUP)
            shutil.copytree(
                output_dir / name, into / name, ignore=ignored, copy_function=_copy_or_link
            )
    if plan.taken_over and plan.has_group:
        pages = [f"sub-{label}.html" for label in plan.taken_over]
        for name in ("logs/CITATION.md", "logs/CITATION.bib", *pages):
            if (output_dir / name).is_file():
                shutil.copyfile(output_dir / name, into / name)
    write_json(into / _MARK, mark)


def _copy_or_link(source: str, target: str) -> None:
    """Copy a file, but link to an image: the group level draws over some and changes none."""
    if source.endswith((".nii", ".nii.gz")):
        Path(target).symlink_to(Path(source).resolve())
    else:
        shutil.copyfile(source, target)


def run_again(rerun: Rerun, *, into: Path, places: Places, processes: int, call: Call) -> int:
    """Call the app for one level of a record; return its exit code."""
    labels = [*rerun.sessions]
    sessions = {session for own in rerun.sessions.values() for session in own}
    words = [str(places.dataset("raw", rerun.record)), str(into), rerun.level]
    with tempfile.TemporaryDirectory(prefix="npsle_reproduce_") as folder:
        config = Path(folder, "npsle_app.toml")
        config.write_text(tomli_w.dumps(_configure(rerun, places, processes)), encoding="utf-8")
        words += ["--config-file", str(config)]
        if labels:
            words += ["--participant-label", *labels]
        if sessions and None not in sessions:
            words += ["--session-label", *sorted(map(str, sessions))]
        return call(words)


def call_app(words: Sequence[str]) -> int:
    """Run the app in a process of its own; a signal to this one is passed on to it."""
    process = subprocess.Popen([sys.executable, "-m", "npsle_app", *words])  # noqa: S603
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if code == _ENDED[0]:
        raise KeyboardInterrupt
    if code == _ENDED[1]:
        raise TerminatedError
    return code


def _configure(rerun: Rerun, places: Places, processes: int) -> dict[str, Any]:
    record = rerun.record
    sections = places.settings(record)
    for name in _SECTIONS_OF_PROCESSES:
        sections[name]["processes"] = processes
    flags: dict[str, Any] = {
        "skip_bids_validation": True,
        "nprocs": processes,
        "omp_nthreads": record.threads["threads"],
        "derivatives": [
            f"{name}={places.dataset(name, record)}" for name in record.datasets if name != "raw"
        ],
    }
    if record.filter_file:
        flags["bids_filter_file"] = str(places.file(record.filter_file))
    return {"run": flags, **sections}


def _read_mark(into: Path) -> object:
    try:
        return read_json(into / _MARK)
    except (OSError, ValueError):
        return None
