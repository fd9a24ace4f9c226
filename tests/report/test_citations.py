import ast
import re
from pathlib import Path
from typing import TypeGuard

import pytest

import npsle_app
from npsle_app.records import Record
from npsle_app.report.citations import cited, methods_text
from npsle_app.report.references import WORKS

_PACKAGE = Path(npsle_app.__file__).parent


def _record(stage="anat", *, methods="It was done.", citations=("n4",)) -> Record:
    return Record(stage=stage, methods=methods, citations=citations)


def _keys_in(path: Path) -> set[str]:
    """All strings that a source file hands over as citations, by way of a name or not."""
    tree = ast.parse(path.read_text("utf-8"))
    handed = [node.value for node in ast.walk(tree) if _is_citations(node)]
    names = {leaf.id for value in handed for leaf in ast.walk(value) if isinstance(leaf, ast.Name)}
    named = [node.value for node in ast.walk(tree) if _targets(node) & (names | {"CITATIONS"})]
    return {
        leaf.value
        for value in (*handed, *named)
        for leaf in ast.walk(value)
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
    }


def _is_citations(node: ast.AST) -> TypeGuard[ast.keyword]:
    return isinstance(node, ast.keyword) and node.arg == "citations"


def _targets(node: ast.AST) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("room", ["stages", "cohort"])
def test_every_key_that_the_app_cites_is_in_the_table(room):
    found = {path: _keys_in(path) for path in (_PACKAGE / room).rglob("*.py")}
    assert any(found.values())
    for path, keys in found.items():
        assert keys <= set(WORKS), f"add what {path.name} cites to data/references.bib"


def test_an_unknown_key_is_refused_by_name():
    with pytest.raises(KeyError, match=r"nobody1999.*npsle_app/data/references\.bib"):
        cited([_record(citations=("nobody1999",))])


def test_what_several_participants_share_is_said_once():
    markdown, bibtex = methods_text([_record(), _record(), _record("wmh", methods="Found.")])
    assert markdown.count("It was done. [@n4]") == 1
    assert bibtex.count("@article{n4,") == 1


def test_every_key_in_the_text_has_a_reference_and_an_entry():
    markdown, bibtex = methods_text([_record(citations=tuple(WORKS))])
    keys = set(re.findall(r"@(\w+)", markdown.split("# References")[0]))
    assert keys == set(WORKS)
    assert set(re.findall(r"^@\w+\{(\w+),", bibtex, re.MULTILINE)) == keys


def test_a_run_without_records_still_cites_bids_and_the_libraries():
    markdown, _ = methods_text([])
    assert "[@bids]" in markdown
    assert "[@numpy; @scipy; @nibabel; @pybids]" in markdown
