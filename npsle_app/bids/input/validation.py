"""Ask the BIDS validator about the part of a dataset that the app reads."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npsle_app.bids.input.choosing import KINDS
from npsle_app.bids.input.dataset import list_participants
from npsle_app.bids.output.tree import put_text
from npsle_app.decoding import decode, encode
from npsle_app.documents import read_json

NOT_RUN = "VALIDATOR_NOT_RUN"
_FOLDERS = tuple(sorted({str(kind.query["datatype"]) for kind in KINDS.values()}))
_SUFFIXES = tuple(sorted({str(kind.query["suffix"]) for kind in KINDS.values()}))
_ROOT_FILES = ("dataset_description.json", "participants.tsv", "participants.json", ".bidsignore")
# Only the participants asked for are shown to the validator; the table may list others.
_OF_NO_MATTER = frozenset({"PARTICIPANT_ID_MISMATCH"})
_MAX_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Issue:
    """An error that the validator reports, and the file inside the dataset it is about."""

    code: str
    location: str
    message: str


@dataclass(frozen=True, slots=True)
class _Answer:
    digest: str
    issues: tuple[Issue, ...]


def validate(
    bids_dir: Path,
    *,
    participants: Sequence[str] = (),
    cache: Path | None = None,
    timeout_s: float = 600.0,
) -> list[Issue]:
    """Return the errors of the validator in what the app reads of a dataset.

    The validator sees a folder of links to the anatomy of these participants, so that the
    rest of a large dataset costs no time. It needs no network and no home.

    Parameters
    ----------
    participants
        Labels, with or without `sub-`; all if empty.
    cache
        A JSON file of the app's own. If names, sizes and times of the files are those of
        the last call with this file, its answer is given again.

    Returns
    -------
    list of Issue
        Sorted. If the validator is missing, fails or takes too long, one issue with the
        code `VALIDATOR_NOT_RUN` says so.
    """
    asked = {name.removeprefix("sub-") for name in participants}
    labels = [name for name in list_participants(bids_dir) if not asked or name in asked]
    links = dict(sorted(_links(bids_dir.resolve(), labels)))
    digest = _digest(links)
    known = _recall(cache, digest=digest)
    if known is not None:
        return known
    try:
        issues = _relevant(_ask(links, timeout_s=timeout_s))
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError) as error:
        return [Issue(NOT_RUN, "", f"the BIDS validator gave no answer: {_told(error)}")]
    if cache:
        answer = encode(_Answer(digest=digest, issues=tuple(issues)))
        put_text(cache, json.dumps(answer, indent=2) + "\n")
    return issues


def format_issues(issues: Iterable[Issue]) -> str:
    """Lay issues out as plain text, one block per code, its files indented below.

    Control characters in names of files are shown as they would be written in Python.
    """
    by_code: dict[tuple[str, str], list[str]] = {}
    for issue in issues:
        by_code.setdefault((issue.code, issue.message), []).append(issue.location)
    return "\n".join(
        line
        for (code, message), places in by_code.items()
        for line in (
            _plain(code),
            *textwrap.wrap(_plain(message), 96, initial_indent="  ", subsequent_indent="  "),
            *(f"    {_plain(place)}" for place in places if place),
        )
    )


def _links(root: Path, labels: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Name what the validator shall see: path inside the dataset, and where it is."""
    yield from ((name, root / name) for name in _ROOT_FILES if (root / name).is_file())
    folders = [root]
    for label in labels:
        subject = root / f"sub-{label}"
        folders += [subject, *subject.glob("ses-*/")]
    for folder in folders:
        places = [folder / name for name in _FOLDERS if folder != root]
        places += [path for suffix in _SUFFIXES for path in folder.glob(f"*{suffix}.json")]
        yield from ((str(path.relative_to(root)), path) for path in places if path.exists())


def _ask(links: dict[str, Path], *, timeout_s: float) -> Any:
    """Run the validator on a folder of links; return its `issues` as it writes them."""
    with tempfile.TemporaryDirectory(prefix="npsle_app_bids_") as temporary:
        dataset = Path(temporary) / "dataset"
        dataset.mkdir()
        for name, target in links.items():
            (dataset / name).parent.mkdir(parents=True, exist_ok=True)
            (dataset / name).symlink_to(target)
        done = subprocess.run(  # noqa: S603 - our own interpreter, no shell, no user input
            [*_command(), "--format", "json", "--ignoreWarnings", str(dataset)],
            cwd=temporary,
            env=_environment(temporary),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    if not done.stdout.strip():
        raise ValueError(done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}")
    return json.loads(done.stdout)["issues"]


def _command() -> tuple[str, ...]:
    return sys.executable, "-c", "from bids_validator_deno import cli; cli()"


def _environment(temporary: str) -> dict[str, str]:
    """Keep the validator's runtime from home, network and colours."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": temporary,
        "TMPDIR": temporary,
        "DENO_DIR": str(Path(temporary) / "deno"),
        "DENO_NO_UPDATE_CHECK": "1",
        "NO_COLOR": "1",
    }


def _relevant(found: Any) -> list[Issue]:
    meanings = dict(found["codeMessages"])
    issues = {
        Issue(str(one["code"]), _location(one), _message(one, meaning=meanings.get(one["code"])))
        for one in found["issues"]
        if one.get("severity") == "error" and one["code"] not in _OF_NO_MATTER
    }
    return sorted(
        (issue for issue in issues if _matters(issue.location)),
        key=lambda issue: (issue.code, issue.message, issue.location),
    )


def _location(found: Any) -> str:
    affected = found.get("affects") or [""]
    return str(found.get("location") or affected[0]).removeprefix("/")


def _matters(location: str) -> bool:
    name = location.rpartition("/")[2]
    stem = name.split(".")[0].rpartition("_")[2]
    return not name or name in _ROOT_FILES or stem in _SUFFIXES


def _message(found: Any, *, meaning: object) -> str:
    """Join what the code means, which key it is about, and what was seen there."""
    # The text of the standard, which follows an empty line, is left out.
    seen = str(found.get("issueMessage") or "").split("\n\n")[0]
    told = ": ".join(str(part).strip() for part in (meaning, found.get("subCode"), seen) if part)
    return " ".join(told.split())[:_MAX_CHARACTERS]


def _digest(links: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in links.items():
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in inside:
            # A link without target has a state of its own: its content may come later.
            state = file.stat() if file.exists() else file.lstat()
            digest.update(f"{name}/{file.name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _recall(cache: Path | None, *, digest: str) -> list[Issue] | None:
    if cache is None:
        return None
    try:
        known = decode(_Answer, read_json(cache), what="it")
    except (OSError, ValueError):
        return None
    return list(known.issues) if known.digest == digest else None


def _told(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {error.timeout:.0f} s"
    return " ".join(str(error).split())[-300:]


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
