"""Command line of the synthetic study."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from npsle_app.phantom.cohort.cohort import PAPERS, block_of, simulate_cohort
from npsle_app.phantom.cohort.files import write_cohort
from npsle_app.phantom.cohort.freesurfer import FOLDER, write_freesurfer
from npsle_app.phantom.study import Study, write_head, write_study


def main(argv: Sequence[str] | None = None) -> int:
    """Write the study; return 0, or 2 if the input was refused."""
    asked = _parser().parse_args(argv)
    if asked.head and not asked.cohort:
        return _refuse("--head is for --cohort: without it all participants have images")
    out: Path = asked.out
    if out.exists() and not out.is_dir():
        return _refuse(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not asked.force:
        return _refuse(f"{out} is not empty: name another folder, or write into it with --force")
    if asked.freesurfer and asked.cohort != "paper3":
        return _refuse("--freesurfer writes the volumes of --cohort paper3: name that too")
    if asked.cohort:
        return _write_cohort(out, asked)
    study = Study(
        participants=asked.participants or 3,
        seed=asked.seed,
        voxel_mm=asked.voxel_mm or 1.0,
        sessions=asked.sessions or 1,
        diffusion=not asked.no_diffusion,
        vessel_wall=not asked.no_vessel_wall,
    )
    write_study(out, study=study)
    sys.stdout.write(f"{study.participants} participants in {out}\n")
    return 0


def _write_cohort(out: Path, asked: argparse.Namespace) -> int:
    of_images = [] if asked.head else ["voxel_mm"]
    of_images += ["sessions", "no_diffusion", "no_vessel_wall"]
    given = [f"--{name.replace('_', '-')}" for name in of_images if getattr(asked, name)]
    if given:
        return _refuse(f"--cohort writes tables alone: leave out {' and '.join(given)}")
    participants = asked.participants or block_of(asked.cohort)
    cohort = simulate_cohort(asked.cohort, participants=participants, seed=asked.seed)
    if asked.freesurfer:
        write_freesurfer(out, cohort=cohort, seed=asked.seed)
        sys.stdout.write(f"{participants} participants in {out}, volumes in {FOLDER}\n")
        return 0
    if not asked.head:
        write_cohort(out, cohort=cohort)
        sys.stdout.write(f"{participants} participants in {out}, tables only\n")
        return 0
    first = str(cohort.clinical[0]["participant_id"])
    others = [row for row in cohort.measures if row["participant_id"] != first]
    drawn = next(row for row in cohort.measures if row["participant_id"] == first)
    write_cohort(out, cohort=replace(cohort, measures=others))
    study = Study(seed=asked.seed, voxel_mm=asked.voxel_mm or 1.0)
    label = first.removeprefix("sub-")
    write_head(out, label=label, study=study, nwi=drawn.get("vw_nwi"))  # lest it stands apart
    sys.stdout.write(f"{participants} participants in {out}, images of {first}, tables of all\n")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"npsle_phantom: {reason}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npsle_phantom",
        description="Write a synthetic BIDS study whose right answers are known: images, or with "
        "--cohort tables only.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder of the new dataset")
    parser.add_argument(
        "--participants",
        type=_count,
        metavar="N",
        help="default 3; with --cohort as many as in the paper",
    )
    parser.add_argument(
        "--cohort",
        choices=PAPERS,
        help="tables only, with the moments that a paper prints: paper1 is Wang 2026 (DTI-ALPS, "
        "vessel wall), paper2 Inglese 2021 (volumes), paper3 Korbmacher 2026 (regional volumes, "
        "several visits)",
    )
    parser.add_argument(
        "--freesurfer",
        action="store_true",
        help="with --cohort paper3: folders as FreeSurfer leaves them, in the place of what the "
        "app would have measured",
    )
    parser.add_argument(
        "--head",
        action="store_true",
        help="with --cohort: the first participant has images, to be measured, and no table",
    )
    parser.add_argument(
        "--sessions",
        type=_count,
        metavar="N",
        help="scans of each participant, a year apart, with growing lesions; default 1",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="default 0")
    parser.add_argument(
        "--voxel-mm",
        type=_voxel_mm,
        metavar="V",
        help="edge of the T1w voxels, 0.7 to 4 mm; default 1, and 3 is fast",
    )
    for name, images in (("diffusion", "diffusion images"), ("vessel-wall", "images of arteries")):
        parser.add_argument(f"--no-{name}", action="store_true", help=f"leave out {images}")
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
