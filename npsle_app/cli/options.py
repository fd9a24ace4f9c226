"""What a user may ask of a run."""

from dataclasses import dataclass
from pathlib import Path

from npsle_app.cli.errors import RefusedError

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
    deviation_tail: str | None = None
    allow_foreign_reference: bool = False
    work_dir: Path | None = None
    clean_workdir: bool = False
    nprocs: int = 1
    omp_nthreads: int = 1
    mem_mb: int | None = None
    dask_scheduler: str | None = None
    stop_on_first_crash: bool = False
    failed_only: bool = False
    reports_only: bool = False
    boilerplate_only: bool = False
    dry_run: bool = False
    random_seed: int | None = None
    sloppy: bool = False
    wmh_threshold: float | None = None
    verbose: int = 0
    debug: bool = False
    resource_monitor: bool = False
    notrack: bool = False
    md_only_boilerplate: bool = False

    def __post_init__(self) -> None:
        for name in ("nprocs", "omp_nthreads", "mem_mb"):
            value = getattr(self, name)
            if value is not None and value < 1:
                msg = f"--{name.replace('_', '-')} must be at least 1, got {value}"
                raise RefusedError(msg)

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
