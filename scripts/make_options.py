"""Write docs/options.md from the parsers of the programs and from the settings of the stages.

usage: python scripts/make_options.py [--check]   (--check: only say whether it is up to date)
"""

import argparse
import inspect
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, fields
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from written import write_or_check

from npsle_app.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "options.md"
ELSEWHERE = {"npsle_app": "npsle_app.cli.parser"}  # other programs know theirs beside main
TITLE = """# Options and settings

What the programs say of themselves with `--help`, and every setting with its limits.
[Usage](usage.md) tells what they are for.
The file is written by `python scripts/make_options.py`.
"""
SETTINGS = """## Settings

A file for `--config-file` holds what differs from these defaults, a section for each stage.
Each run leaves its own in `logs/`.
A key that is not known, or a value outside its limits, is refused before anything is computed.
"""
LIMITS = {Ge: "≥ {0.ge:,}", Gt: "> {0.gt:,}", Le: "≤ {0.le:,}", Lt: "< {0.lt:,}"}


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every program that pyproject.toml installs."""
    programs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    made = {}
    for name, main in programs["scripts"].items():
        module = import_module(ELSEWHERE.get(name, main.partition(":")[0]))
        build = getattr(module, "build_parser", None) or module._parser  # noqa: SLF001 - either
        made[name] = build()
    return made


def row(*cells: str) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def value_of(action: argparse.Action) -> str:
    """Return what follows an option's name, as its help shows it; nothing for a switch."""
    if action.nargs == 0:
        return ""
    if action.metavar is None and action.choices:
        return ", ".join(f"`{choice}`" for choice in action.choices)
    word = str(action.metavar or action.dest.upper())
    return f"`{word}…`" if action.nargs == "+" else f"`{word}`"


def of_program(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines on one program."""
    yield from (f"## {name}", "", f"{parser.description}", "")
    for group in parser._action_groups:  # noqa: SLF001 - argparse has no public list
        actions = group._group_actions  # noqa: SLF001 - nor of these
        if not actions:
            continue
        yield from (f"### {name}: {group.title}", "")
        yield from (row("argument", "value", "meaning"), row("---", "---", "---"))
        for action in actions:
            names = ", ".join(f"`{flag}`" for flag in action.option_strings)
            meaning = (action.help or "").replace("%(prog)s", name).replace("%%", "%")
            yield row(names or f"`{action.metavar or action.dest}`", value_of(action), meaning)
        yield ""


def limits_of(hint: Any) -> str:
    """Return the limits that a type carries: `≥ 1, ≤ 20`, or the words that it may be."""
    if get_origin(hint) is Annotated:
        marks = [mark for info in hint.__metadata__ for mark in getattr(info, "metadata", [info])]
        return ", ".join(LIMITS[type(mark)].format(mark) for mark in marks)
    words = [word for word in get_args(hint) if isinstance(word, str)]
    if words:
        return ", ".join(f"`{word}`" for word in words)
    parts = (limits_of(part) for part in get_args(hint) if part is not Ellipsis)
    return "; ".join(part for part in parts if part)


def of_settings() -> Iterator[str]:
    """Yield the lines on the settings: a table for each section that holds any."""
    yield from (SETTINGS,)
    for section in fields(Settings):
        made = getattr(Settings(), section.name)
        hints = get_type_hints(type(made), include_extras=True)
        yield from (f"### {section.name}", "", inspect.cleandoc(type(made).__doc__ or ""), "")
        if not hints:
            continue
        yield from (row("key", "default", "limits"), row("---", "---", "---"))
        for key, value in asdict(made).items():
            default = "none" if value is None else f"`{json.dumps(value, default=str)}`"
            yield row(f"`{key}`", default, limits_of(hints[key]))
        yield ""


def document() -> str:
    """Return the whole document."""
    lines = [TITLE]
    for name, parser in parsers().items():
        lines += of_program(name, parser)
    return "\n".join([*lines, *of_settings()]).rstrip() + "\n"


def main() -> int:
    """Write the document, or check it."""
    return write_or_check(DOCUMENT, document())


if __name__ == "__main__":
    raise SystemExit(main())
