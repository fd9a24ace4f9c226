"""The book as a site: it builds by itself, its links lead somewhere, and nothing is fetched."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.book.blocks import ROOT
from tests.report.browser import open_page

pytestmark = pytest.mark.slow

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src"}
_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "modulepreload"}
_SEARCH = """
document.querySelector('[data-md-toggle=search]').click();
const field = document.querySelector('[data-md-component=search-query]');
field.focus();
field.value = 'landmarks';
field.dispatchEvent(new Event('input', {bubbles: true}));
field.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
"""
_URL_IN_STYLE = re.compile(r"url\(\s*['\"]?(?!data:|#)([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Html(HTMLParser):
    """Anchors of a page, where its links lead, what it fetches, and the text outside of code."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.anchors |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag in _FETCHED and _FETCHED[tag] in told:
            self.fetched.append(told[_FETCHED[tag]])
        if tag == "link" and set(told.get("rel", "").split()) & _RELATIONS:
            self.fetched.append(told["href"])
        self.fetched += [one or two for one, two in _URL_IN_STYLE.findall(told.get("style", ""))]
        if tag in ("code", "pre", "script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        self.text += "" if self._inside else data


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built strictly, in a place from which no other machine can be reached."""
    folder = tmp_path_factory.mktemp("book") / "site"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(  # noqa: S603 - our own configuration
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | nowhere | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Html]:
    return {path: Html(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_link_leads_to_a_page_and_to_an_anchor_in_it(pages: dict[Path, Html]) -> None:
    faults = []
    for path, page in pages.items():
        for link in [*page.links, *page.fetched]:
            if urlsplit(link).scheme:
                continue
            place, anchor = urldefrag(link)
            target = (path.parent / unquote(place)).resolve() if place else path
            known = pages[target].anchors if target in pages else {""}
            if not target.is_file() or (anchor and unquote(anchor) not in known):
                faults.append(f"{path.name}: {link}")
    assert faults == []
    assert sum(len(page.links) for page in pages.values()) > 1000  # they were looked at


def test_no_page_fetches_anything_from_another_machine(pages: dict[Path, Html]) -> None:
    away = [link for page in pages.values() for link in page.fetched if urlsplit(link).netloc]
    assert away == []


def test_no_style_fetches_anything_from_another_machine(site: Path) -> None:
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    found = [one or two for text in sheets for one, two in _URL_IN_STYLE.findall(text)]
    assert [link for link in found if urlsplit(link).netloc] == []


def test_no_markdown_is_left_in_the_text(pages: dict[Path, Html]) -> None:
    left = re.compile(r"```|\]\(|\|\s*:?---|^#{1,4} |\*\*\w", re.MULTILINE)
    found = {path.name: left.findall(page.text) for path, page in pages.items()}
    assert {name: marks for name, marks in found.items() if marks} == {}


def test_the_site_works_from_its_folder_and_asks_no_other_machine(
    site: Path, tmp_path: Path
) -> None:
    with open_page(site / "tutorial.html", profile=tmp_path) as page:
        page.evaluate(_SEARCH)
        page.wait_for("document.querySelector('.md-search-result a[href*=forms]') !== null")
        assert page.complaints == []
        assert {urlsplit(request).scheme for request in page.requests} <= {"file", "data"}


def test_every_wing_of_science_has_a_page(site: Path) -> None:
    wings = {
        path.parent.name
        for room in ("imaging", "cohort")
        for path in (ROOT / "npsle_app" / room).glob("*/__init__.py")
    }
    there = {path.stem for path in (site / "api").glob("*.html")} - {"index"}
    assert there == wings
    for wing in wings:
        assert (site / "api" / f"{wing}.html").read_text(encoding="utf-8").count("doc-function") > 3


def test_no_picture_is_large() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert [name for name, size in sizes.items() if size > 200_000] == []
