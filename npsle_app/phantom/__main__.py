"""Command line of the synthetic study."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from npsle_app.phantom.study import Study, write_study


def main(argv: Sequence[str] | None = None) -> int:
    """Write the study; return 0, or 2 if the input was refused."""
    asked = _parser().parse_args(argv)
    out: Path = asked.out
    if out.exists() and not out.is_dir():
        return _refuse(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not asked.force:
        return _refuse(f"{out} is not empty: name another folder, or write into it with --force")
    study = Study(
        participants=asked.participants,
        seed=asked.seed,
        voxel_mm=asked.voxel_mm,
        sessions=asked.sessions,
    )
    write_study(out, study=study)
    sys.stdout.write(f"{study.participants} participants in {out}\n")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"npsle_phantom: {reason}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npsle_phantom",
        description="Write a synthetic BIDS study (T1w and FLAIR) whose right answers are known.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the new dataset")
    parser.add_argument("--participants", type=_count, default=3, metavar="N", help="default 3")
    parser.add_argument(
        "--sessions",
        type=_count,
        default=1,
        metavar="N",
        help="scans of each participant, a year apart, with growing lesions; default 1",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="default 0")
    parser.add_argument(
        "--voxel-mm",
        type=_voxel_mm,
        default=1.0,
        metavar="V",
        help="edge of the T1w voxels, 0.7 to 4 mm; default 1, and 3 is fast",
    )
    parser.add_argument("--force", action="store_true", help="write into a folder with files")
    return parser


def _count(text: str) -> int:
    return _whole(text, least=1)


def _seed(text: str) -> int:
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        msg = f"expected a whole number of at least {least}, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _voxel_mm(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.7 <= value <= 4:
        msg = f"expected a number from 0.7 to 4, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


if __name__ == "__main__":
    sys.exit(main())
