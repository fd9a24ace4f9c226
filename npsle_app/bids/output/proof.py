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

    `peers` is the digest of what the page says of the study's other people. Beside it stands
    that of the stages' receipts, which tells whether a stage was run since.
    """
    hashes = {path.relative_to(output_dir).as_posix(): _sha256(path) for path in sorted(paths)}
    place = _place(output_dir, participant)
    receipts = _digest_receipts(output_dir, participant)
    write_json(place, {"files": hashes, "peers": peers, "receipts": receipts})
    return place


def is_outdated(output_dir: Path, participant: str) -> bool:
    """Say whether stages were run since the report was written, as in a run that was killed."""
    try:
        known = read_json(_place(output_dir, participant)).get("receipts")
    except (OSError, ValueError, AttributeError):
        return False
    return known is not None and known != _digest_receipts(output_dir, participant)


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


def _digest_receipts(output_dir: Path, participant: str) -> str:
    whole = hashlib.sha256()
    for path in sorted((output_dir / f"sub-{participant}").rglob("log/*_receipt-*.json")):
        whole.update(f"{path.name} {_sha256(path)}\n".encode())
    return whole.hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _place(output_dir: Path, participant: str) -> Path:
    return output_dir / f"sub-{participant}" / "log" / "report.json"
