"""Write docs/reliability.md from the tests that are marked with a fault.

usage: python scripts/make_reliability.py [--check]   (--check: only say whether it is up to date)

A test says `@pytest.mark.fault(chapter, fault, outcome)`: what is wrong with the input or the
machine, and what the app then does. The table has a row for each.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from written import write_or_check

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
CHAPTERS = ("Images", "Tables", "Files and folders", "Runs")
TITLE = """# What happens when something is wrong

Each row is a test: the fault is made, and what is said here is what then happens.
The file is written from the tests by `python scripts/make_reliability.py`.
"""


def marks(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield chapter, fault, outcome and name of each marked test of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                chapter, fault, outcome = (ast.literal_eval(word) for word in mark.args)
                if chapter not in CHAPTERS:
                    msg = f"{path}: {chapter!r} is none of {CHAPTERS}"
                    raise ValueError(msg)
                place = path.relative_to(ROOT).as_posix()
                yield chapter, fault, outcome, f"`{place}::{node.name}`"


def document() -> str:
    """Return the document: a table for each chapter, rows in the order of the tests."""
    rows = [mark for path in sorted((ROOT / "tests").rglob("*.py")) for mark in marks(path)]
    parts = [TITLE]
    for chapter in CHAPTERS:
        lines = ["| fault | what happens | test |", "|---|---|---|"]
        lines += [f"| {' | '.join(row[1:])} |" for row in rows if row[0] == chapter]
        parts.append(f"## {chapter}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> int:
    """Write the document, or check it."""
    return write_or_check(DOCUMENT, document())


if __name__ == "__main__":
    sys.exit(main())
