"""Arguments of the command line. Imports nothing heavy: threads are limited after it."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from npsle_app.cli.options import LEVELS, Request
from npsle_app.cli.version import get_version

SCANS = ("t1w", "flair", "dwi", "vwi")  # as a filter file calls them
_EPILOG = (
    "Exit codes: 0 all well, 1 some participant or stage failed (the others are complete), "
    "2 usage or input refused, 130 interrupted, 143 terminated. For research use only: not a "
    "medical device. Nothing is ever sent over the network."
)


def parse(argv: Sequence[str] | None = None) -> Request:
    """Read the arguments; `-` and `_` are alike in the names of flags.

    Raises
    ------
    SystemExit
        With code 2 where they make no sense, 0 after `--help` and `--version`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    found = vars(build_parser().parse_args([_dashed(word) for word in words]))
    asked = found.pop("analysis_level")
    return Request(
        bids_dir=found.pop("bids_dir").absolute(),
        output_dir=found.pop("output_dir").absolute(),
        levels=tuple(level for level in LEVELS if level in asked),
        config_file=found.pop("config_file", None),
        given={name: tuple(v) if isinstance(v, list) else v for name, v in found.items()},
        command=("npsle_app", *words),
    )


def build_parser() -> argparse.ArgumentParser:
    """Make the parser; flags that were not typed are not in its result."""
    parser = argparse.ArgumentParser(
        prog="npsle_app",
        description="A BIDS-App for the imaging markers of neuropsychiatric lupus. Participant "
        "level: tissue and regional volumes (T1w), white-matter hyperintensities and their change "
        "(FLAIR, with T1w or alone), diffusion tensor and DTI-ALPS index (DWI), intracranial "
        "vessel wall (black-blood T1w or PDw); lesions, vessels, diffusion series and FreeSurfer "
        "volumes of others are taken in. Group level: statistics of the study, deviations from "
        "healthy people, a classifier. Each leaves tables, images and pages to read.",
        epilog=_EPILOG,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_positionals(parser)
    _add_selection(parser.add_argument_group("which data"))
    _add_performance(parser.add_argument_group("performance"))
    _add_choices(parser.add_argument_group("how it is done"))
    _add_course(parser.add_argument_group("what is done"))
    _add_batch(parser.add_argument_group("batch systems"))
    _add_accepted(parser.add_argument_group("accepted for compatibility"))
    parser.add_argument("--version", action="version", version=f"npsle_app {get_version()}")
    return parser


def _add_positionals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bids_dir", type=Path, help="folder of the BIDS dataset; only read")
    parser.add_argument("output_dir", type=Path, help="folder of the derivatives")
    parser.add_argument(
        "analysis_level", nargs="+", choices=LEVELS, help="one level, or both in one call"
    )


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--participant-label",
        type=_strip("sub-"),
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="participants to process, with or without 'sub-' (default: all)",
    )
    group.add_argument(
        "--session-label",
        "--session-id",
        type=_strip("ses-"),
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="sessions to process, with or without 'ses-' (default: all)",
    )
    group.add_argument(
        "--bids-filter-file",
        type=Path,
        metavar="FILE",
        help=f"JSON with BIDS entities per kind of scan ({', '.join(SCANS)}), as fMRIPrep takes it",
    )
    group.add_argument(
        "--bids-database-dir",
        type=Path,
        metavar="DIR",
        help="pybids index of the dataset to use, or to make if it is not there",
    )
    group.add_argument(
        "--skip-bids-validation", action="store_true", help="do not run the BIDS validator"
    )
    group.add_argument(
        "-d",
        "--derivatives",
        nargs="+",
        action="extend",
        type=_name_and_path,
        metavar="NAME=PATH",
        help="other derivatives of the same participants: masks of lesions and brain, tissues, "
        "preprocessed diffusion series, vessels; what is used is named as a source",
    )
    group.add_argument(
        "--failed-only",
        action="store_true",
        help="only sessions with a failed or blocked stage in OUTPUT_DIR/logs/status.tsv",
    )


def _add_performance(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--nprocs",
        "--n-cpus",
        "--nthreads",
        type=int,
        metavar="N",
        help="processes: sessions, and of a session the head, diffusion and the vessel wall, are "
        "measured side by side (default: 1)",
    )
    group.add_argument(
        "--omp-nthreads",
        type=int,
        metavar="N",
        help="threads per process (default: 1); with more, results may differ in the last digits",
    )
    group.add_argument(
        "--mem-mb",
        "--mem",
        type=int,
        metavar="MB",
        help="memory for all processes together; one that takes more than its share is ended "
        "(default: the memory of the machine or container)",
    )
    group.add_argument(
        "--dask-scheduler",
        metavar="ADDRESS",
        help="compute on a running Dask cluster that sees the same folders, e.g. tcp://host:8786",
    )
    group.add_argument(
        "--dask-wait",
        type=int,
        metavar="S",
        help="seconds to wait for a worker of that cluster before giving up (default: 300)",
    )
    group.add_argument(
        "-w",
        "--work-dir",
        type=Path,
        metavar="DIR",
        help="folder for temporary files (default: a new one in TMPDIR, removed afterwards)",
    )
    group.add_argument(
        "--clean-workdir", action="store_true", help="empty --work-dir after a run without failure"
    )


def _add_choices(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--config-file",
        type=Path,
        metavar="FILE",
        help="TOML with settings; logs/<run>/npsle_app.toml of a run repeats that run",
    )
    group.add_argument(
        "--study",
        type=_absolute,
        metavar="FILE",
        help="TOML with groups, columns and analyses of the group level (default: the analyses "
        "of the lupus papers, with the columns of docs/study.md)",
    )
    group.add_argument(
        "--apply",
        type=_absolute,
        metavar="MODEL",
        help="classifier_model.json of an earlier group level, to predict for these participants "
        "instead of fitting a classifier; research only",
    )
    _add_reference(group)
    group.add_argument(
        "--wmh-threshold",
        type=float,
        metavar="P",
        help="probability from which a voxel counts as hyperintensity (default: 0.2)",
    )
    group.add_argument(
        "--random-seed", type=int, metavar="N", help="seed of every random draw (default: fixed)"
    )
    group.add_argument(
        "--sloppy", action="store_true", help="coarse and fast, for testing only: not for results"
    )


def _add_reference(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--normative-reference",
        type=_reference,
        metavar="REFERENCE",
        help="healthy people to compare regional volumes with: population (the default of "
        "FreeSurfer's volumes: 58,831 people), own (the study's controls, the default of the app's "
        "own volumes), a table (TSV) measured by this app, normative_model.json of an earlier "
        "group level, or a population in JSON",
    )
    group.add_argument(
        "--deviation-tail",
        choices=("lower", "both"),
        help="what is a critical deviation: z < -1.96, or either side (default: lower)",
    )
    group.add_argument(
        "--allow-foreign-reference",
        action="store_true",
        help="take a reference of another software or version, and label every figure",
    )


def _add_course(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--dry-run",
        action="store_true",
        help="say which scan each stage would use and why; writes nothing",
    )
    group.add_argument(
        "--reports-only", action="store_true", help="write the reports anew from existing files"
    )
    group.add_argument(
        "--boilerplate-only",
        action="store_true",
        help="write the methods text (logs/CITATION.md) and nothing else",
    )
    group.add_argument(
        "--stop-on-first-crash", action="store_true", help="begin nothing more after a failure"
    )
    group.add_argument(
        "--allow-other-version",
        action="store_true",
        help="go on in an OUTPUT_DIR of another version: participants asked for are made anew, "
        "and the group level gathers the others as they are, with a warning",
    )
    group.add_argument("-v", "--verbose", action="count", help="say more; twice: say all")
    group.add_argument(
        "--debug", action="store_true", help="print the traceback of what ends the app itself"
    )


def _add_batch(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--print-job",
        choices=("slurm", "sge", "babs", "datalad"),
        help="print the script that submits this run to a batch system, with what earlier runs "
        "took; with --failed-only for those that are left",
    )
    group.add_argument(
        "--image",
        metavar="IMAGE",
        help="Apptainer image that the jobs of --print-job run in (default: the one that this is "
        "run in, else the installed app)",
    )


def _add_accepted(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--resource-monitor",
        action="store_true",
        help="no effect: time and memory of every stage are always in logs/status.tsv",
    )
    group.add_argument(
        "--notrack", action="store_true", help="no effect: nothing is ever tracked or sent"
    )
    group.add_argument(
        "--md-only-boilerplate", action="store_true", help="no effect: the text is Markdown"
    )


def _strip(prefix: str) -> Callable[[str], str]:
    def label(text: str) -> str:
        bare = text.removeprefix(prefix)
        if not re.fullmatch(r"[0-9a-zA-Z]+", bare):
            msg = f"{text!r} is no BIDS label: letters and digits only"
            raise argparse.ArgumentTypeError(msg)
        return bare

    return label


def _reference(text: str) -> Path:
    """Take two words as they are, and all else as a file."""
    return Path(text) if text in ("population", "own") else _absolute(text)


def _absolute(text: str) -> Path:
    return Path(text).absolute()


def _name_and_path(text: str) -> str:
    name, equals, path = text.partition("=")
    if not (equals and path and re.fullmatch(r"[0-9a-zA-Z_-]+", name)):
        msg = f"expected NAME=PATH, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return f"{name}={Path(path).absolute()}"


def _dashed(word: str) -> str:
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value
