"""The record of a run: all that it rested on, for those who run it again years later.

It lies in `logs/<run>/run.json`, and names files by BIDS URIs or by their way from the output
folder: no folder of this machine, no command, no user and no variable stand in it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from npsle_app.bids.input.scans import Session
from npsle_app.bids.output.writer import write_json
from npsle_app.cli.config import Configuration
from npsle_app.cli.options import Request
from npsle_app.cli.run_inputs import hash_given, hash_inputs
from npsle_app.cli.version import get_commit, get_version
from npsle_app.decoding import decode, encode
from npsle_app.documents import read_json
from npsle_app.engine.files import digest
from npsle_app.engine.surroundings import describe_host, find_container, list_libraries
from npsle_app.resources import DATA
from npsle_app.settings import Settings
from npsle_app.templates import Template
from npsle_app.templates import digest as digest_template

FORM = 1
RECORD = "run.json"
_DISTRIBUTION = "npsle-app"
_UNUSED = "mricron:"  # what the app's own templates are made from; no run reads them
_MODELS = ("*.onnx", "reference_*.json", "wmh_error.tsv")
# settings that name a file, and the words that stand for none
_FILE_KEYS = ("study_file", "model_file", "reference_file")
_NO_FILE = ("", "population", "own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The code and the machine.

    Attributes
    ----------
    version, commit
        Of the app; the commit is that which was installed, and empty where none is known.
    container
        `type`, `image` and `digest` (empty where not known); None outside of containers.
    templates, models
        SHA-256 of template images and of coefficients that come with the app; None where a
        template was not found.
    libraries
        Version of each library that the app needs.
    host
        System, processor, memory, Python, and the kernel of linear algebra.
    """

    version: str
    commit: str
    container: Mapping[str, str] | None
    templates: Mapping[str, str | None]
    models: Mapping[str, str]
    libraries: Mapping[str, str]
    host: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run rested on.

    Attributes
    ----------
    form
        Version of this form.
    surroundings
        The code and the machine.
    levels
        Levels of analysis, in their order.
    sessions
        By label of the participant, the labels of the sessions that were to be measured; None
        where there are no sessions.
    datasets
        Folders by the name that BIDS URIs carry (`raw` is BIDS_DIR), from the output folder.
    filter_file
        The filter file, from the output folder; empty without one.
    given
        SHA-256 of files that settings and options name, by their way from the output folder.
    inputs
        SHA-256 of images, sidecars and tables that were read, by BIDS URI; None where a file
        could not be read. Empty until the run has ended.
    settings
        All sections, with every default written out; files by their way from the output folder.
    seeds
        The random seed of each section that has one.
    threads
        Processes side by side, threads of each, and whether they were those of a cluster.
    started, ended
        ISO 8601, UTC; `ended` and `exit_code` are None for a run that was killed.
    """

    form: int
    surroundings: Surroundings
    levels: tuple[str, ...]
    sessions: Mapping[str, tuple[str | None, ...]]
    datasets: Mapping[str, str]
    filter_file: str = ""
    given: Mapping[str, str | None] = field(default_factory=dict)
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]]
    seeds: Mapping[str, int]
    threads: Mapping[str, int | bool]
    started: str
    ended: str | None = None
    exit_code: int | None = None


def describe_surroundings() -> Surroundings:
    """Describe the code that runs, and what it runs on."""
    return Surroundings(
        version=get_version(),
        commit=get_commit(),
        container=find_container(),
        templates=_hash_templates(),
        models={
            path.name: digest(path) for pattern in _MODELS for path in sorted(DATA.glob(pattern))
        },
        libraries=list_libraries(_DISTRIBUTION),
        host=describe_host(),
    )


def begin_record(
    folder: Path,
    request: Request,
    configuration: Configuration,
    *,
    sessions: Mapping[str, Sequence[Session]],
    datasets: Mapping[str, Path],
) -> RunRecord:
    """Write what is known before anything is computed, and return it."""
    options, settings = configuration
    out = request.output_dir
    given = [path for path in _list_given(settings) if path.is_absolute()]
    record = RunRecord(
        form=FORM,
        surroundings=describe_surroundings(),
        levels=request.levels,
        sessions={label: tuple(one.session for one in found) for label, found in sessions.items()},
        datasets={name: way_from(out, path) for name, path in sorted(datasets.items())},
        filter_file=way_from(out, options.bids_filter_file) if options.bids_filter_file else "",
        given={
            way_from(out, path): sha256
            for path, sha256 in hash_given([options.bids_filter_file, *given], settings).items()
        },
        settings=portable_settings(settings, out),
        seeds={
            name: section["random_seed"]
            for name, section in asdict(settings).items()
            if "random_seed" in section
        },
        threads={
            "processes": options.nprocs,
            "threads": options.omp_nthreads,
            "cluster": options.dask_scheduler is not None,
        },
        started=_now(),
    )
    write_json(folder / RECORD, encode(record))
    return record


def end_record(
    folder: Path,
    record: RunRecord,
    output_dir: Path,
    *,
    sessions: Mapping[str, Sequence[Session]],
    datasets: Mapping[str, Path],
    exit_code: int,
) -> None:
    """Write the record anew with the hashes of what was read, and how the run ended."""
    inputs = hash_inputs(
        output_dir,
        sessions=sessions,
        datasets=datasets,
        group="group" in record.levels,
    )
    whole = replace(record, inputs=inputs, ended=_now(), exit_code=exit_code)
    write_json(folder / RECORD, encode(whole))


def read_record(path: Path) -> RunRecord:
    """Read the record of a run.

    Raises
    ------
    ValueError
        If it is none, or one of a form that this version does not know.
    """
    try:
        content = read_json(path)
        form = content.get("form") if isinstance(content, dict) else None
        if form in (None, FORM):
            return decode(RunRecord, content, what="it")
        error: Exception = ValueError(f"it has the form {form!r}, and this version knows {FORM}")
    except (OSError, ValueError) as reason:
        error = reason
    msg = f"{path} is no record of a run that can be read ({error})"
    raise ValueError(msg) from error


def way_from(output_dir: Path, path: Path) -> str:
    """Return the way from the output folder to a path, which need not exist."""
    return Path(os.path.relpath(path.resolve(), output_dir.resolve())).as_posix()


def portable_settings(settings: Settings, output_dir: Path) -> dict[str, dict[str, Any]]:
    """Return all sections, with files by their way from the output folder."""
    return {
        name: {
            key: way_from(output_dir, Path(value)) if _is_file(key, value) else value
            for key, value in section.items()
        }
        for name, section in asdict(settings).items()
    }


def _is_file(key: str, value: Any) -> bool:
    return key in _FILE_KEYS and value not in _NO_FILE


def _list_given(settings: Settings) -> list[Path]:
    sections = asdict(settings).values()
    pairs = (pair for section in sections for pair in section.items())
    return [Path(value) for key, value in pairs if _is_file(key, value)]


def _hash_templates() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for template in (one for one in Template if not one.value.startswith(_UNUSED)):
        try:
            found[template.value] = digest_template(template)
        except OSError:
            found[template.value] = None
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")  # runs are put in order by it
