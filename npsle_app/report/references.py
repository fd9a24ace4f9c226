"""The works that the app cites, by key, as `npsle_app/data/references.bib` holds them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from npsle_app.resources import read_text

_FILE = "references.bib"
_COMMENT = re.compile(r"^%.*\n", re.MULTILINE)
_ENTRY = re.compile(r"@(?P<kind>\w+)\{(?P<key>\w+),\n(?P<fields>(?:  \w+ = \{.+\},\n)+)\}")
_FIELD = re.compile(r"^  (\w+) = \{(.+)\},$", re.MULTILINE)
_VENUES = {"article": "journal", "phdthesis": "school", "misc": "howpublished"}
_OPTIONAL = {"volume", "pages", "doi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One publication; `entry` is its BibTeX, `venue` a journal, school or archive."""

    entry: str
    authors: str
    title: str
    venue: str
    year: int
    volume: str = ""
    pages: str = ""
    doi: str = ""

    @property
    def text(self) -> str:
        """The reference as a reader wants it."""
        place = self.venue + (f" {self.volume}" if self.volume else "")
        place += f":{self.pages.replace('--', '–')}" if self.pages else ""
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{self.authors.replace(' and ', ', ')} ({self.year}). {self.title}. {place}.{doi}"


def parse_references(text: str) -> dict[str, Work]:
    """Return the works of a flat BibTeX file by key, in its order.

    Flat means: entries parted by empty lines, one field a line, values in braces. Lines that
    begin with `%` are comments.

    Raises
    ------
    ValueError
        If an entry is not flat, lacks a field, has one that nobody reads, or has another's key.

    Examples
    --------
    >>> entry = '''@misc{me,
    ...   author = {Me and You},
    ...   title = {{A title}},
    ...   howpublished = {Here},
    ...   year = {2020},
    ... }'''
    >>> parse_references(entry)["me"].text
    'Me, You (2020). A title. Here.'
    """
    works: dict[str, Work] = {}
    for entry in re.split(r"\n{2,}", _COMMENT.sub("", text).strip()):
        key, work = _parse_entry(entry)
        if key in works:
            msg = f"{_FILE}: two works are called {key!r}"
            raise ValueError(msg)
        works[key] = work
    return works


def _parse_entry(entry: str) -> tuple[str, Work]:
    flat = _ENTRY.fullmatch(entry)
    if flat is None or entry.count("{") != entry.count("}"):
        msg = f"{_FILE}: expected '@kind{{key,', lines of 'name = {{value}},' and '}}'; got {entry}"
        raise ValueError(msg)
    kind, key, fields = flat["kind"], flat["key"], dict(_FIELD.findall(flat["fields"]))
    if problem := _find_problem(fields, kind=kind):
        msg = f"{_FILE}: {key!r} {problem}"
        raise ValueError(msg)
    return key, Work(
        entry=f"{entry}\n",
        authors=fields["author"],
        title=fields["title"][1:-1],
        venue=fields[_VENUES[kind]],
        year=int(fields["year"]),
        **{name: fields[name] for name in _OPTIONAL & set(fields)},
    )


def _find_problem(fields: Mapping[str, str], *, kind: str) -> str:
    if kind not in _VENUES:
        return f"is of the kind {kind!r}; known are {', '.join(_VENUES)}"
    wanted = {"author", "title", "year", _VENUES[kind]}
    if lacking := sorted(wanted - set(fields)):
        return f"lacks {', '.join(lacking)}"
    if unknown := sorted(set(fields) - wanted - _OPTIONAL):
        return f"has what nobody reads: {', '.join(unknown)}"
    if not fields["year"].isdecimal():
        return f"is of the year {fields['year']!r}"
    if not (fields["title"].startswith("{") and fields["title"].endswith("}")):
        return "needs a title in double braces: BibTeX lowers capitals in single ones"
    return ""


WORKS = parse_references(read_text(_FILE))
