"""Scripts for batch systems, with the user's own paths and what earlier runs took.

The same plan is written for each system by a template of its own in `templates/`; `hpc/` holds
what they say of an example.
"""

import math
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from npsle_app.cli.config import Configuration
from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options, Request
from npsle_app.cli.sessions import check_folders, choose_participants
from npsle_app.cli.version import get_version
from npsle_app.engine.status import Row, is_open, read_rows

TEMPLATES: Mapping[str, str] = {
    "slurm": "slurm.sh.j2",
    "sge": "sge.sh.j2",
    "babs": "babs.yaml.j2",
    "datalad": "datalad.sh.j2",
}
# What belongs to this call, or is another for each job.
_NOT_OF_JOBS = frozenset(
    {"print_job", "image", "participant_label", "failed_only", "dask_scheduler", "dask_wait",
     "work_dir", "clean_workdir", "mem_mb", "skip_bids_validation"}
)  # fmt: skip
EXAMPLE_FILES: Mapping[str, str] = {
    "slurm": "npsle_app.slurm",
    "sge": "npsle_app.sge",
    "babs": "npsle_app_babs.yaml",
    "datalad": "npsle_app_datalad.sh",
}
_UNCHECKED = "--skip-bids-validation"  # a dataset is validated by whoever submits, not by each job
_LONGER, _MORE_MEMORY = 2.0, 1.25  # nodes differ, and people too
_LEAST_MINUTES, _LEAST_MB = 10, 2000
_STEP_MINUTES, _STEP_MB = 5, 100
_ROOM_MB = 500  # what a process takes beside the largest of its stages


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job asks for: of one participant with all sessions."""

    memory_mb: int = 4000
    minutes: int = 60
    cpus: int = 1

    @property
    def time(self) -> str:
        """As batch systems write it: `01:30:00`."""
        return f"{self.minutes // 60:02d}:{self.minutes % 60:02d}:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is to be submitted: one job per participant, and one for the study after them.

    `image` is a file of Apptainer or an address that it takes; without one `program` is called.
    `words` are further options, `places` the files and folders that they name.
    """

    bids_dir: Path
    output_dir: Path
    labels: tuple[str, ...]
    image: str | None = None
    program: str = "npsle_app"
    words: tuple[str, ...] = ()
    places: tuple[Path, ...] = ()
    resources: Resources = Resources()
    version: str = ""

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The further options, each with its values as one text."""
        found: list[tuple[str, list[str]]] = []
        for word in self.words:
            if word.startswith("-"):
                found.append((word, []))
            else:
                found[-1][1].append(word)
        return [(flag, " ".join(values)) for flag, values in found]


def tell(request: Request, configuration: Configuration) -> int:
    """Print the script that was asked for. Returns the exit code.

    Raises
    ------
    RefusedError
        If the dataset cannot be used, or nobody is left to be submitted.
    """
    options = configuration.options
    check_folders(request, options)
    batch = plan_batch(request, options)
    print(render(batch, system=str(options.print_job)), end="")  # noqa: T201 - what it is for
    return 0


def plan_batch(request: Request, options: Options) -> Batch:
    """Gather who is to be submitted, with what and how.

    With `--failed-only` that is who has a failed or blocked stage, or no result at all: a job that
    was killed could not say so.

    Raises
    ------
    RefusedError
        If nobody is left.
    """
    rows = read_rows(request.output_dir / "logs" / "status.tsv")
    labels = _list_left(request, options, rows=rows)
    if not labels:
        msg = f"no participant of {request.bids_dir} is left to be submitted"
        raise RefusedError(msg)
    return Batch(
        bids_dir=request.bids_dir,
        output_dir=request.output_dir,
        labels=tuple(labels),
        image=_find_image(options),
        program=str(Path(sys.executable).with_name("npsle_app")),
        words=(*_list_words(request), _UNCHECKED),
        places=tuple(_list_places(request)),
        resources=learn_resources(rows, cpus=options.nprocs * options.omp_nthreads),
        version=get_version(),
    )


def learn_resources(rows: Iterable[Row], *, cpus: int = 1) -> Resources:
    """Tell from what earlier runs took what a participant's job may take.

    The longest that each stage took, times the most sessions of a participant, and twice that;
    the largest memory of any stage, and a quarter more. Without an earlier run, what heads of
    1 mm take with room to spare.
    """
    seconds: dict[str, float] = {}
    units: dict[str, set[str]] = {}
    peak_mb = 0.0
    for row in rows:
        units.setdefault(row.participant, set()).add(row.session)
        if _is_number(row.seconds) and _is_number(row.peak_mb):
            seconds[row.stage] = max(seconds.get(row.stage, 0.0), float(row.seconds))
            peak_mb = max(peak_mb, float(row.peak_mb))
    if not seconds:
        return Resources(cpus=cpus)
    sessions = max(map(len, units.values()))
    minutes = _LONGER * sessions * sum(seconds.values()) / 60
    return Resources(
        memory_mb=_round_up(max(cpus * _MORE_MEMORY * peak_mb + _ROOM_MB, _LEAST_MB), _STEP_MB),
        minutes=_round_up(max(minutes, _LEAST_MINUTES), _STEP_MINUTES),
        cpus=cpus,
    )


def render(batch: Batch, *, system: str) -> str:
    """Write a plan for a batch system."""
    template = _environment().get_template(TEMPLATES[system])
    return template.render(batch=batch, resources=batch.resources)


def _list_left(request: Request, options: Options, *, rows: Iterable[Row]) -> list[str]:
    everyone = choose_participants(request, replace(options, failed_only=False))
    if not options.failed_only:
        return everyone
    seen = {row.participant.removeprefix("sub-"): False for row in rows}
    for row in rows:
        seen[row.participant.removeprefix("sub-")] |= is_open(row)
    return [label for label in everyone if seen.get(label, True)]


def _find_image(options: Options) -> str | None:
    """Return the image that was given, or else the one that this process runs in."""
    image = options.image or os.environ.get("APPTAINER_CONTAINER")
    if not image or "://" in image:
        return image or None
    return str(Path(image).absolute())


def _list_words(request: Request) -> Iterator[str]:
    if request.config_file:
        yield from ("--config-file", str(request.config_file.absolute()))
    for name, value in request.given.items():
        if name in _NOT_OF_JOBS:
            continue
        flag = f"--{name.replace('_', '-')}"
        if name == "verbose":
            yield f"-{'v' * int(str(value))}"
        elif value is True:
            yield flag
        else:
            values = value if isinstance(value, tuple) else (value,)
            yield from (flag, *(_absolute(one) for one in values))


def _absolute(value: object) -> str:
    # "own" and "population" are words, though they come as paths
    return str(value.absolute() if isinstance(value, Path) and value.exists() else value)


def _list_places(request: Request) -> Iterator[Path]:
    if request.config_file:
        yield request.config_file.absolute()
    for name, value in request.given.items():
        if isinstance(value, Path) and name not in _NOT_OF_JOBS and value.exists():
            yield value.absolute()
        if name == "derivatives" and isinstance(value, tuple):
            yield from (Path(str(one).partition("=")[2]) for one in value)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _round_up(value: float, step: int) -> int:
    return step * math.ceil(value / step)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("npsle_app.cli"),
        autoescape=False,  # noqa: S701 - scripts, no HTML: what is from outside is quoted by `quote`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="{##",  # {# is how bash counts
        comment_end_string="##}",
    )
    environment.filters["quote"] = lambda text: shlex.quote(str(text))
    return environment
