"""What stands in the documents between fences, and the words of its commands."""

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if path.name != "CHANGELOG.md"  # it tells of commands that are gone
]
LANGUAGES = ("bash", "console", "json", "python", "text", "toml")
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```", re.M | re.S
)
_ENDS = re.compile(r"&&|\s\d?>.*| \| ")  # of a command: the next, a file, a pipe
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document, and the line that it begins at."""

    document: Path
    line: int
    language: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command; a backslash goes on, `&&`, a pipe or a file ends one."""
        lines = self.text.replace("\\\n", " ").splitlines()
        parts = [part for line in lines for part in _ENDS.split(line)]
        return [words for part in parts if (words := shlex.split(part, comments=True))]


def find_blocks(*languages: str, documents: list[Path] = DOCUMENTS) -> list[Block]:
    """Return the blocks of these languages; of all, and of none, if no language is named."""
    found = []
    for document in documents:
        text = document.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            inside = textwrap.dedent(match["text"])
            found.append(Block(document, line, match["language"], inside))
    return [block for block in found if not languages or block.language in languages]


def find_inline(document: Path) -> list[str]:
    """Return what stands between single backticks outside of the blocks."""
    return _INLINE.findall(_FENCE.sub("", document.read_text(encoding="utf-8")))
