"""What a user may ask of a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from npsle_app.engine.cluster import DEFAULT_WAIT_S
from npsle_app.settings import Probability, Processes, Seed, Tail

LEVELS = ("participant", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The flags of the command line, as they are written in `[run]` of a config file."""

    participant_label: tuple[str, ...] = ()
    session_label: tuple[str, ...] = ()
    bids_filter_file: Path | None = None
    bids_database_dir: Path | None = None
    skip_bids_validation: bool = False
    derivatives: tuple[str, ...] = ()
    study: Path | None = None
    apply: Path | None = None
    normative_reference: Path | None = None
    deviation_tail: Tail | None = None
    allow_foreign_reference: bool = False
    work_dir: Path | None = None
    clean_workdir: bool = False
    nprocs: Processes = 1
    omp_nthreads: Annotated[int, Field(ge=1)] = 1
    mem_mb: Annotated[int, Field(ge=1)] | None = None
    dask_scheduler: str | None = None
    dask_wait: Annotated[int, Field(ge=0)] = DEFAULT_WAIT_S
    stop_on_first_crash: bool = False
    allow_other_version: bool = False
    failed_only: bool = False
    reports_only: bool = False
    boilerplate_only: bool = False
    dry_run: bool = False
    print_job: Literal["slurm", "sge", "babs", "datalad"] | None = None
    image: str | None = None
    random_seed: Seed | None = None
    sloppy: bool = False
    wmh_threshold: Probability | None = None
    verbose: Annotated[int, Field(ge=0)] = 0
    debug: bool = False
    resource_monitor: bool = False
    notrack: bool = False
    md_only_boilerplate: bool = False

    @property
    def datasets(self) -> dict[str, Path]:
        """The folders given with `--derivatives`, by name."""
        pairs = (text.partition("=") for text in self.derivatives)
        return {name: Path(folder).absolute() for name, _, folder in pairs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run on what, and the flags that were typed (`given`), by name."""

    bids_dir: Path
    output_dir: Path
    levels: tuple[str, ...]
    given: dict[str, object]
    config_file: Path | None = None
    command: tuple[str, ...] = ()
