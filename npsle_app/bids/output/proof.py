"""Hashes of what the report wrote for a participant, so that a change by hand is seen."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from npsle_app.bids.output.writer import write_json
from npsle_app.documents import read_json


def write_proof(
    output_dir: Path, participant: str, paths: Iterable[Path], *, peers: str = ""
) -> Path:
    """Keep the SHA-256 of the participant's page, notes and tables in `log/report.json`.

    `peers` is the digest of what the page says of the study's other people.
    """
    hashes = {path.relative_to(output_dir).as_posix(): _sha256(path) for path in sorted(paths)}
    place = _place(output_dir, participant)
    write_json(place, {"files": hashes, "peers": peers})
    return place


def find_changes(output_dir: Path, participant: str) -> list[str]:
    """List the files of the report that are not as it left them, by their path in the output.

    Empty where nothing is proven: outputs that no report wrote (tables alone) have no hashes.
    """
    try:
        hashes = dict(read_json(_place(output_dir, participant))["files"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        return [_place(output_dir, participant).relative_to(output_dir).as_posix()]
    return [name for name, sha256 in hashes.items() if _sha256(output_dir / name) != sha256]


def peers_digest(output_dir: Path, participant: str) -> str | None:
    """Return the digest of the people whom the page compares with; None without a proof."""
    try:
        return str(read_json(_place(output_dir, participant)).get("peers", ""))
    except (OSError, ValueError, AttributeError):
        return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _place(output_dir: Path, participant: str) -> Path:
    return output_dir / f"sub-{participant}" / "log" / "report.json"
