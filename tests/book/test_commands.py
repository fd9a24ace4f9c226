"""Every command that a document shows is one that the programs take."""

import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from make_options import parsers

from tests.book.blocks import DOCUMENTS, LANGUAGES, ROOT, find_blocks, find_inline

PARSERS = parsers()
SHELL = find_blocks("console", "bash")
_IMAGE = re.compile(r"npsle_app(:\w+|\.sif)?$")


def split_container(words: list[str]) -> list[str]:
    """Return program and arguments of a call of the image; of any other call, the call itself."""
    if words[0] not in ("docker", "podman", "apptainer", "singularity") or words[1] != "run":
        return words
    place = next(n for n, word in enumerate(words) if n > 1 and _is_image(words, n))
    program = words[words.index("--entrypoint") + 1] if "--entrypoint" in words else "npsle_app"
    return [program, *words[place + 1 :]]


def _is_image(words: list[str], place: int) -> bool:
    return bool(_IMAGE.fullmatch(words[place])) and words[place - 1] != "--entrypoint"


def find_fault(words: list[str]) -> str:
    """Say what is wrong with a command of ours; empty if nothing is, or it is somebody else's."""
    program, *arguments = split_container(words)
    name = Path(program).name
    if name in PARSERS:
        return _refusal(name, arguments)
    if name.startswith("npsle"):
        return f"{name} is no program of ours"
    if program.startswith(("scripts/", ".ci/")):
        return _script_fault(program, arguments)
    if name.startswith("python") and arguments:
        return _python_fault(arguments)
    return ""


def _refusal(name: str, arguments: list[str]) -> str:
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
        try:
            PARSERS[name].parse_args(arguments)
        except SystemExit as error:
            return said.getvalue() if error.code else ""  # --help and --version end it too
    return ""


def _script_fault(program: str, arguments: list[str]) -> str:
    path = ROOT / program
    if not os.access(path, os.X_OK):
        return f"{program} cannot be run"
    text = path.read_text(encoding="utf-8")
    unknown = [word for word in arguments if word.startswith("-") and len(word) > 2]
    return "; ".join(
        f"{program} knows no {word}"
        for word in unknown
        if word not in text and "PYTEST OPTIONS" not in text
    )


def _python_fault(arguments: list[str]) -> str:
    if arguments[0] == "-m":
        place = arguments[1].replace(".", "/")
        ours = (ROOT / place.split("/")[0]).is_dir()
        there = (ROOT / f"{place}.py").is_file() or (ROOT / place / "__main__.py").is_file()
        return f"there is no module {arguments[1]}" if ours and not there else ""
    if arguments[0].endswith(".py") and not (ROOT / arguments[0]).is_file():
        return f"there is no {arguments[0]}"
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_says_its_language(document: Path) -> None:
    blocks = find_blocks(documents=[document])
    assert [block.id for block in blocks if block.language not in LANGUAGES] == []
    fences = len(re.findall(r"^ *```", document.read_text(encoding="utf-8"), re.M))
    assert fences == 2 * len(blocks)


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.id)
def test_every_command_is_taken_by_its_program(block) -> None:
    assert [fault for words in block.commands if (fault := find_fault(words))] == []


def test_there_are_commands_of_every_program() -> None:
    shown = {Path(split_container(words)[0]).name for block in SHELL for words in block.commands}
    assert set(PARSERS) <= shown


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("npsle_app study out participants", "invalid choice"),
        ("npsle_app study out participant --dry-runs", "unrecognized arguments: --dry-runs"),
        ("docker run --rm -v a:/data npsle_app /data /out group --aply x", "--aply"),
        ("docker run -it --entrypoint npsle_review npsle_app /out --port nine", "--port"),
        ("apptainer run --cleanenv npsle_app.sif /data participant", "required"),
        ("npsle_views out", "no program of ours"),
        ("scripts/tests", "cannot be run"),
        ("scripts/demo --fast", "knows no --fast"),
        ("python -m benchmarks.nothing", "no module benchmarks.nothing"),
        ("python scripts/make_nothing.py", "there is no scripts/make_nothing.py"),
    ],
)
def test_a_wrong_command_would_be_found(command: str, fault: str) -> None:
    assert fault in find_fault(shlex.split(command))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_within_a_sentence_name_what_there_is(document: Path) -> None:
    faults = []
    for text in find_inline(document):
        words = text.split()
        if words[0] in PARSERS:
            known = PARSERS[words[0]]._option_string_actions
            flags = [word.split("=")[0] for word in words[1:] if word.startswith("--")]
            faults += [f"{text}: {flag}" for flag in flags if flag not in known]
        elif words[0].startswith(("scripts/", ".ci/", "benchmarks/", "tests/", "hpc/")):
            place = words[0].split("::")[0]
            faults += [] if list(ROOT.glob(place.rstrip("/"))) else [text]
        elif words[0].startswith("python"):
            faults += [text] if len(words) > 1 and _python_fault(words[1:]) else []
    assert faults == []
