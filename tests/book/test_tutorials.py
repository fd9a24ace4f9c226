"""The tutorials, step by step: each command is run where the one before has left its files."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.book.blocks import ROOT, Block, find_blocks

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"
PROGRAMS = {
    "npsle_app": ["-m", "npsle_app"],
    "npsle_phantom": ["-m", "npsle_app.phantom"],
}
# The checkout is there, and the reading room waits for a reader; the forms of both are tried in
# test_commands.
NOT_RUN = ("git", "cd", "scripts/setup", "export", "npsle_review")
# What the tests of a whole run leave out too; the group level needs seconds in place of minutes.
QUICK = ["--sloppy", "--skip-bids-validation"]
_WAIT_S = 1800


def run(words: list[str], *, folder: Path) -> str:
    """Run a command of a document in a folder; return what it said, without a time before it."""
    if words[0] in PROGRAMS:
        quick = [flag for flag in QUICK if words[0] == "npsle_app" and flag not in words]
        words = [sys.executable, *PROGRAMS[words[0]], *words[1:], *quick]
    done = subprocess.run(  # noqa: S603 - our own document
        words,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=_WAIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stderr + done.stdout  # its last line is the last that is shown


def find_missing(shown: str, said: str) -> list[str]:
    """Return the lines of a document that a program did not say in this order.

    `…` stands for anything, and alone on a line for any number of lines.
    """
    lines = iter(said.splitlines())
    return [line for line in shown.splitlines() if line.strip() != "…" and not _comes(line, lines)]


def _comes(line: str, lines: Iterator[str]) -> bool:
    pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
    return any(pattern.fullmatch(one) for one in lines)


def follow(blocks: list[Block], *, folder: Path) -> None:
    """Run console and Python blocks in order, and hold what is printed against text blocks."""
    said = ""
    for block in blocks:
        if block.language == "console":
            wanted = [words for words in block.commands if words[0] not in NOT_RUN]
            said = "".join(run(words, folder=folder) for words in wanted)
        elif block.language == "python":
            said = run([sys.executable, "-c", block.text], folder=folder)
        elif block.language == "text":
            assert find_missing(block.text, said) == [], f"{block.id}: {said}"


def test_the_first_study_can_be_followed(tmp_path: Path) -> None:
    follow(find_blocks(documents=[DOCS / "tutorial.md"]), folder=tmp_path)
    for page in ("study/derivatives/npsle_app/sub-01", "cohort/derivatives/npsle_app/group"):
        assert (tmp_path / f"{page}.html").is_file()
    reading = find_blocks("python", documents=[DOCS / "api" / "index.md"])
    follow(reading, folder=tmp_path)


@pytest.mark.parametrize(
    ("page", "chapter"),
    [
        ("controls.md", "Normative model"),
        ("freesurfer.md", "FreeSurfer volumes: the population"),
    ],
)
def test_a_how_to_guide_can_be_tried_without_data(page: str, chapter: str, tmp_path: Path) -> None:
    first = find_blocks("console", documents=[DOCS / page])[0]
    follow([first], folder=tmp_path)
    (made,) = tmp_path.glob("*/derivatives/npsle_app/group.html")
    assert chapter in made.read_text(encoding="utf-8")


def test_a_line_that_is_not_said_would_be_found() -> None:
    said = "a: done in 3 s\nb: done in 4 s\nexit 0\n"
    assert find_missing("a: done in …\n…\nexit 0\n", said) == []
    assert find_missing("b: done in …\na: done in …\n", said) == ["a: done in …"]
    assert find_missing("exit 1\n", said) == ["exit 1"]
