"""What the scripts that write documents share."""

import sys
from pathlib import Path


def write_or_check(path: Path, new: str) -> int:
    """Write a file, or with --check say whether it holds this already; returns the exit status."""
    if "--check" not in sys.argv[1:]:
        path.write_text(new, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == new:
        return 0
    root = Path(__file__).parents[1]
    script = Path(sys.argv[0]).name
    sys.stderr.write(f"{path.relative_to(root)} is out of date: run scripts/{script}\n")
    return 1
