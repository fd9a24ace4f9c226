import ast
import re
from pathlib import Path

import pytest

import npsle_app
from npsle_app.records import Record
from npsle_app.report.citations import cited, methods_text
from npsle_app.report.works import WORKS

_PACKAGE = Path(npsle_app.__file__).parent


def _record(stage="anat", *, methods="It was done.", citations=("n4",)) -> Record:
    return Record(stage=stage, methods=methods, citations=citations)


def _keys_in(path: Path) -> set[str]:
    """All strings handed over as `citations=` in a source file."""
    calls = (
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.keyword)
    )
    return {
        leaf.value
        for call in calls
        if call.arg == "citations"
        for leaf in ast.walk(call.value)
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
    }


def test_every_key_that_a_stage_cites_is_in_the_table():
    for path in (_PACKAGE / "stages").rglob("*.py"):
        assert _keys_in(path) <= set(WORKS), f"add what {path.name} cites to report/works.py"


def test_an_unknown_key_is_refused_by_name():
    with pytest.raises(KeyError, match="nobody1999"):
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


@pytest.mark.parametrize("key", sorted(WORKS))
def test_a_doi_is_bare_and_braces_balance(key):
    work = WORKS[key]
    assert not work.doi or re.fullmatch(r"10\.\d{4,}/\S+", work.doi)
    entry = work.bibtex(key)
    assert entry.count("{") == entry.count("}")
