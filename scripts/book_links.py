"""Links of the book that lead out of docs/, for MkDocs.

On a git host a page in docs/ may link to any file of the repository. In the site the documents
of its root are pages below `project/`, and every other file that is linked to is copied to
`files/`. Links are written anew by that; where one leads nowhere, the strict build fails.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
HOME = {"README.md": "index.md"}  # what opens the repository is told anew for the site
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the documents of the root, and each file that a document links to."""
    for name in PAGES:
        files.append(File.generated(config, place_in_site(name), abs_src_path=str(ROOT / name)))
    documents = [file for file in files if file.is_documentation_page()]
    linked = {
        place
        for document in documents
        for place in links(document.content_string, source=place_in_repository(document.src_uri))
    }
    for place in sorted(linked):
        uri = place_in_site(place)
        if files.get_file_from_path(uri) is None and (ROOT / place).is_file():
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page from places in the repository to places in the site."""
    del config, files
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]  # it would name this page alone
    source = place_in_repository(page.file.src_uri)
    folder = posixpath.dirname(page.file.src_uri)

    def turn(match: re.Match[str]) -> str:
        return posixpath.relpath(place_in_site(target(match[1], source=source)), folder or ".")

    return LINK.sub(turn, markdown)


def links(text: str, *, source: str) -> list[str]:
    """Return the places in the repository that a document links to."""
    return [target(link, source=source) for link in LINK.findall(text)]


def target(link: str, *, source: str) -> str:
    """Return the place in the repository that a link of a document there leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def place_in_site(place: str) -> str:
    """Return where a file of the repository lies in the site."""
    if place.startswith(DOCS):
        return place.removeprefix(DOCS)
    if place in HOME:
        return HOME[place]
    return f"project/{place.lower()}" if place in PAGES else f"files/{place}"


def place_in_repository(uri: str) -> str:
    """Return which file of the repository a page of the site is."""
    name = uri.removeprefix("project/").upper().replace(".MD", ".md")
    return name if uri.startswith("project/") and name in PAGES else DOCS + uri
