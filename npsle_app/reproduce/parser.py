"""Arguments of `npsle_reproduce`."""

import argparse
import math
from pathlib import Path

from npsle_app.reproduce.plan import GROUP, PARTICIPANT

_EPILOG = (
    "Exit codes: 0 all agrees within the tolerances, 1 something differs, 2 refused (also where "
    "an input is another one than then), 130 interrupted, 143 terminated."
)


def build_parser() -> argparse.ArgumentParser:
    """Make the parser."""
    parser = argparse.ArgumentParser(
        prog="npsle_reproduce",
        description="Make the results of an output folder again from the record of its runs, into "
        "a new folder, and compare images, tables and statistics; or compare two folders.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="output folder of npsle_app; read")
    parser.add_argument(
        "--compare-only", type=Path, metavar="OTHER", help="run nothing: compare OUT with OTHER"
    )
    where = parser.add_argument_group("where things are now")
    where.add_argument(
        "--bids", type=Path, metavar="DIR", help="the dataset (default: where the record has it)"
    )
    where.add_argument(
        "-d",
        "--derivatives",
        type=_named_path,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=DIR",
        help="other derivatives that the run used, by their names of then",
    )
    where.add_argument(
        "--file",
        type=_named_path,
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=PATH",
        help="a study file, model, reference or filter file, by its file name of then",
    )
    where.add_argument(
        "--into", type=Path, metavar="DIR", help="new output folder (default: OUT-reproduced)"
    )
    where.add_argument(
        "--report",
        type=Path,
        metavar="TSV",
        help="table of differences, with JSON beside it (default: DIR-differences.tsv)",
    )
    what = parser.add_argument_group("what is made again")
    what.add_argument(
        "--participant-label",
        type=lambda text: text.removeprefix("sub-"),
        action="extend",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="these participants only, and no group level (default: all)",
    )
    what.add_argument(
        "--level",
        nargs="+",
        choices=(PARTICIPANT, GROUP),
        default=[PARTICIPANT, GROUP],
        help="these levels only; the group level alone takes measures as they lie in OUT",
    )
    what.add_argument(
        "--nprocs", type=_count, default=1, metavar="N", help="sessions side by side (default: 1)"
    )
    what.add_argument(
        "--despite-changes",
        action="store_true",
        help="go on although inputs have changed; they stand in the table, and the exit code is 1",
    )
    how = parser.add_argument_group("tolerances")
    how.add_argument(
        "--tolerances",
        type=Path,
        metavar="TSV",
        help="rules that come before those of the app, in the form of docs/reruns.md",
    )
    for name, told in (
        ("absolute", "in the unit of the number"),
        ("relative", "as a part of the value; in images of the largest value"),
        ("share", "largest share of voxels whose label may differ"),
    ):
        how.add_argument(
            f"--{name}", type=_tolerance, default=0.0, metavar="X", help=f"{told} (default: 0)"
        )
    return parser


def _named_path(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        msg = f"expected NAME=PATH, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return name, Path(path)


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        msg = f"expected a number from 0 on, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        msg = f"expected a whole number from 1 on, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
