"""Write boutiques.json from the command line's parser.

usage: python scripts/make_boutiques.py [--check]   (--check: only say whether it is up to date)
"""

import argparse
import json
from pathlib import Path
from typing import Any

from written import write_or_check

from npsle_app.cli.parser import build_parser

DESCRIPTOR = Path(__file__).parents[1] / "boutiques.json"
RELEASE = "0.1.0"  # the release described; the version of a checkout changes with each commit
MADE_BY_THE_APP = ("bids_database_dir", "work_dir")  # need not be there: no File for Boutiques
LEADING = ("bids_dir", "output_dir", "analysis_level", "participant_label", "session_label")


def actions() -> list[argparse.Action]:
    """Return the parser's arguments, those that Boutiques wants first in front."""
    found = [
        action
        for action in build_parser()._actions  # noqa: SLF001 - argparse has no public list
        if action.dest not in ("help", "version")
    ]
    order = {name: rank for rank, name in enumerate(LEADING)}
    return sorted(found, key=lambda action: order.get(action.dest, len(order)))


def key(action: argparse.Action) -> str:
    """Return what stands for the argument in the command line."""
    return f"[{action.dest.upper()}]"


def flag(action: argparse.Action) -> str | None:
    """Return the first long name of a flag; None for a positional argument."""
    return next((name for name in action.option_strings if name.startswith("--")), None)


def kind(action: argparse.Action) -> dict[str, Any]:
    """Return the argument's type in the terms of Boutiques."""
    if action.nargs == 0:
        return {"type": "Flag"}
    if action.type in (int, float):
        return {"type": "Number", "integer": action.type is int}
    if action.type is Path and action.dest not in MADE_BY_THE_APP:
        return {"type": "File"}
    return {"type": "String"}


def describe(action: argparse.Action) -> dict[str, Any]:
    """Return one argument as an input of Boutiques."""
    known = {
        "id": action.dest,
        "name": action.dest.replace("_", " ").capitalize(),
        "description": action.help,
        **kind(action),
        "value-key": key(action),
        "optional": not action.required,
    }
    if (name := flag(action)) is not None:
        known["command-line-flag"] = name
    if action.nargs == "+":
        known["list"] = True
    if action.choices is not None:
        known["value-choices"] = list(action.choices)
    return known


def inputs() -> list[dict[str, Any]]:
    """Return all inputs; the output folder twice, as Boutiques' rules for BIDS-Apps want it."""
    described = [describe(action) for action in actions()]
    place = next(i for i, known in enumerate(described) if known["id"] == "output_dir")
    existing = described[place] | {"optional": True}
    new = existing | {
        "id": "output_dir_name",
        "name": "Output dir name",
        "type": "String",
        "description": "folder of the derivatives, made where it is not there yet",
    }
    return [*described[:place], new, existing, *described[place + 1 :]]


def descriptor() -> dict[str, Any]:
    """Return the whole descriptor."""
    line = " ".join(key(action) for action in actions())
    return {
        "name": "npsle_app",
        "tool-version": RELEASE,
        "description": build_parser().description,
        "schema-version": "0.5",
        "command-line": f"mkdir -p [OUTPUT_DIR]; npsle_app {line}",
        "container-image": {"type": "docker", "image": "npsle_app", "entrypoint": True},
        "inputs": inputs(),
        "groups": [
            {
                "id": "output_dir_group",
                "name": "Output folder",
                "members": ["output_dir_name", "output_dir"],
                "mutually-exclusive": True,
                "one-is-required": True,
            }
        ],
        "output-files": [
            {
                "id": "output_folder",
                "name": "Output folder",
                "description": "BIDS derivatives, tables and reports",
                "path-template": "[OUTPUT_DIR]",
            }
        ],
        "error-codes": [
            {"code": 1, "description": "some participant or stage failed"},
            {"code": 2, "description": "the command line or the dataset was refused"},
        ],
        "suggested-resources": {"cpu-cores": 1, "ram": 4},
        "tags": {"domain": ["neuroinformatics", "bids-app"], "modality": ["mri"]},
    }


def main() -> int:
    """Write the descriptor, or check it."""
    new = json.dumps(descriptor(), indent=2, ensure_ascii=False) + "\n"
    return write_or_check(DESCRIPTOR, new)


if __name__ == "__main__":
    raise SystemExit(main())
