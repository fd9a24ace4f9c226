"""A receipt says which code, settings and inputs made a stage's files.

Nothing in it depends on where the files lie: inputs stand under their names with the hash
of their content, outputs under their paths within the output folder. A data set that was
moved or copied is therefore still current.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from npsle_app.decoding import decode
from npsle_app.documents import read_json
from npsle_app.engine.files import digest, write_text


def facts(*, version: str, stage: str, settings: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Gather all that decides a stage's result, ready for JSON.

    Parameters
    ----------
    version : str
        Version of the code.
    stage : str
        Name of the stage.
    settings : dataclass
        The stage's own section of the settings.
    inputs : mapping
        What the stage is called with: dataclasses, mappings, tuples, numbers, texts and
        paths in any depth. A path stands for its name and the content of its file.

    Raises
    ------
    FileNotFoundError
        If an input is not there.
    """
    known = {
        "version": version,
        "stage": stage,
        "settings": _describe(asdict(settings)),
        "inputs": {name: _describe(value) for name, value in inputs.items()},
    }
    plain: dict[str, Any] = json.loads(json.dumps(known, sort_keys=True, default=str))
    return plain


def save(receipt: Path, facts: Mapping[str, Any], *, outputs: Any, root: Path) -> None:
    """Write the receipt, last of all and in one step.

    Hashed are the files that `outputs` names and those that stand beside them under the
    same stem (a sidecar, a table of gradients).
    """
    named = {field.name: _portable(getattr(outputs, field.name), root) for field in fields(outputs)}
    files = {_within(path, root): digest(path) for path in _with_companions(list_paths(outputs))}
    content = {**facts, "outputs": named, "files": dict(sorted(files.items()))}
    write_text(receipt, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read(receipt: Path) -> dict[str, Any] | None:
    """Return what a receipt says; None where it is missing or cannot be read."""
    try:
        content = read_json(receipt)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and _is_whole(content) else None


def find_change(
    content: Mapping[str, Any] | None, facts: Mapping[str, Any], *, root: Path
) -> str | None:
    """Say in words why the files cannot be reused; None where they can."""
    if content is None:
        return "no receipt"
    for name, now in facts.items():
        if content.get(name) != now:
            return f"{name} changed{_name_keys(content.get(name), now)}"
    for name, hashed in content["files"].items():
        path = _locate(name, root)
        if not path.is_file():
            return f"{name} is missing"
        if digest(path) != hashed:
            return f"{name} was damaged"
    return None


def restore(content: Mapping[str, Any], outputs: type, *, root: Path) -> Any:
    """Return the outputs that a receipt names as the stage's dataclass.

    Raises
    ------
    ValueError
        If they are not what the stage leaves, or lie outside the output folder.
    """
    named = {name: _restore(value, root) for name, value in content["outputs"].items()}
    return decode(outputs, named, what="the receipt")


def discard(receipt: Path, *, root: Path, kept: Mapping[str, Any]) -> None:
    """Remove the files of an earlier attempt, so that nothing stale stays among the new.

    What the stage is to be called with, `kept`, stays: a file may come from another stage now
    than it did in the version before.
    """
    content = read(receipt)
    receipt.unlink(missing_ok=True)
    if content is None:
        return
    needed = _with_companions(path for path in list_paths(kept) if path.is_relative_to(root))
    for path in {_locate(name, root) for name in content["files"]} - needed:
        path.unlink(missing_ok=True)


def list_paths(value: Any) -> Iterator[Path]:
    """Find all paths in dataclasses, mappings, tuples and lists of any depth."""
    if isinstance(value, Path):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from list_paths(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from list_paths(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from list_paths(item)


def list_input_hashes(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find the name and the SHA-256 of each file that a receipt's stage was called with."""
    level = [content.get("inputs")]
    while level:
        one = level.pop()
        if isinstance(one, list):
            level += one
        elif isinstance(one, dict) and one.keys() == {"file", "sha256"}:
            yield str(one["file"]), str(one["sha256"])
        elif isinstance(one, dict):
            level += one.values()


def _describe(value: Any) -> Any:
    if isinstance(value, Path):
        return {"file": value.name, "sha256": digest(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _describe(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _describe(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_describe(item) for item in value]
    return value


def _with_companions(paths: Iterable[Path]) -> set[Path]:
    found = set(paths)
    for path in tuple(found):
        stem = path.name.partition(".")[0]
        found |= {beside for beside in path.parent.glob("*") if beside.name.startswith(f"{stem}.")}
    return found


def _portable(value: Any, root: Path) -> Any:
    if isinstance(value, Path):
        return {"file": _within(value, root)}
    if isinstance(value, tuple | list):
        return [_portable(item, root) for item in value]
    return value


def _restore(value: Any, root: Path) -> Any:
    if isinstance(value, dict):
        return _locate(value["file"], root)
    return [_restore(item, root) for item in value] if isinstance(value, list) else value


def _within(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _is_whole(content: Mapping[str, Any]) -> bool:
    if not {"version", "inputs", "outputs", "files"} <= set(content):
        return False
    parts = content["outputs"], content["files"]
    return all(isinstance(part, dict) for part in parts) and all(map(_is_inside, parts[1]))


def _is_inside(name: str) -> bool:
    pure = PurePosixPath(name)
    return not pure.is_absolute() and ".." not in pure.parts


def _locate(name: str, root: Path) -> Path:
    if not _is_inside(name):
        msg = f"the receipt names {name!r}, which lies outside the output folder"
        raise ValueError(msg)
    return root / name


def _name_keys(before: Any, now: Any) -> str:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return ""
    keys = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    return f" ({', '.join(keys)})"
