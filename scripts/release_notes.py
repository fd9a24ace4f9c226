"""Print the notes of one version, from CHANGELOG.md.

usage: python scripts/release_notes.py VERSION   (`Unreleased` for what is to come)
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\].*$", re.MULTILINE)


def find_notes(text: str, version: str) -> str:
    """Return what stands under the heading of a version.

    Raises
    ------
    ValueError
        If the changelog has no such heading, or nothing below it; with those that there are.
    """
    headings = [*_HEADING.finditer(text)]
    for here, after in zip(headings, [*headings[1:], None], strict=True):
        if here["version"] == version:
            notes = text[here.end() : after.start() if after else None].strip()
            if notes:
                return notes
    there = ", ".join(one["version"] for one in headings)
    msg = f"{CHANGELOG.name} has no notes of version {version}; there are {there}"
    raise ValueError(msg)


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        sys.stdout.write(find_notes(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]) + "\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
