"""What the documents say is what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from npsle_app.bids.output.names import File, GroupFile
from npsle_app.cli.parser import build_parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(
    "script",
    ["make_measures.py", "make_options.py", "make_reliability.py", "make_validation.py"],
)
def test_what_scripts_write_into_the_documents_is_up_to_date(script: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, ROOT / "scripts" / script, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", File, ids=lambda file: file.name)
def test_every_output_file_is_documented(file: File) -> None:
    assert file.value.tail in (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", GroupFile, ids=lambda file: file.name)
def test_every_file_of_the_group_level_is_documented(file: GroupFile) -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    assert f"`{file.path.removeprefix('group/')}`" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert not missing


def test_every_flag_is_documented() -> None:
    text = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    flags = [name for action in build_parser()._actions for name in action.option_strings]
    assert [name for name in flags if f"`{name}" not in text] == []
