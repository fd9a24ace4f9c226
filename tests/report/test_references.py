import re

import pytest

from npsle_app.report.references import WORKS, parse_references
from npsle_app.resources import read_text

ENTRY = """@article{cox1972,
  author = {Cox, D. R.},
  title = {{Regression models and life-tables}},
  journal = {Journal of the Royal Statistical Society B},
  year = {1972},
  volume = {34},
  pages = {187--220},
  doi = {10.1111/j.2517-6161.1972.tb00899.x},
}
"""


def test_an_entry_is_read_field_by_field_and_kept_as_it_is():
    work = parse_references(f"% a comment\n\n{ENTRY}")["cox1972"]
    assert work.entry == ENTRY
    assert (work.year, work.volume) == (1972, "34")
    assert work.text == (
        "Cox, D. R. (1972). Regression models and life-tables. Journal of the Royal Statistical "
        "Society B 34:187–220. doi:10.1111/j.2517-6161.1972.tb00899.x"
    )


def test_entries_keep_their_order():
    later = ENTRY.replace("cox1972", "aalen1978")
    assert list(parse_references(f"{ENTRY}\n{later}")) == ["cox1972", "aalen1978"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  year = {1972},\n", "", "references.bib: 'cox1972' lacks year"),
        ("journal", "school", "'cox1972' lacks journal"),
        ("volume", "volumes", "'cox1972' has what nobody reads: volumes"),
        ("{1972}", "{in press}", "'cox1972' is of the year 'in press'"),
        ("@article", "@book", "'cox1972' is of the kind 'book'; known are article"),
        ("{{Regression models and life-tables}}", "{Regression}", "title in double braces"),
        ("{34},", "{34}", "references.bib: expected '@kind{key,'.*got @article{cox1972"),
        ("{34}", "{}", "expected '@kind{key,'"),
        ("{{Regression", "{{{Regression", "expected '@kind{key,'"),
        ("\n}\n", "\n", "expected '@kind{key,'"),
    ],
)
def test_a_broken_entry_is_told_by_its_file_and_key(old, new, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        parse_references(ENTRY.replace(old, new))


def test_two_works_of_one_key_are_refused():
    with pytest.raises(ValueError, match=r"references\.bib: two works are called 'cox1972'"):
        parse_references(f"{ENTRY}\n{ENTRY}")


def test_every_entry_of_the_file_is_read_and_stands_in_the_order_of_its_key():
    keys = re.findall(r"^@\w+\{(\w+),$", read_text("references.bib"), re.MULTILINE)
    assert list(WORKS) == keys == sorted(keys)


@pytest.mark.parametrize("key", WORKS)
def test_a_doi_is_bare(key):
    assert not WORKS[key].doi or re.fullmatch(r"10\.\d{4,}/\S+", WORKS[key].doi)


def test_no_work_is_there_twice():
    named = [work.doi or work.title for work in WORKS.values()]
    assert len(named) == len(set(named))
