"""The files that speak of the derivative dataset as a whole."""

import json
import os
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

from npsle_app.bids.output.names import (
    ALPS_REGIONS,
    BIDSIGNORE,
    DESCRIPTIONS,
    TISSUES,
    WMH_CHANGES,
    WMH_READINGS,
    WMH_REGIONS,
)
from npsle_app.documents import read_json
from npsle_app.measures.names_of_regions import label_rows

APP = "npsle_app"
SIMULATED = "synthetic"  # the version of measures that were drawn at random
BIDS_VERSION = "1.10.1"
_DESCRIPTION = "dataset_description.json"
_LABEL_COLUMNS = ("index", "name", "abbreviation", "color")


def write_dataset_files(
    output_dir: Path,
    *,
    bids_dir: Path,
    version: str,
    derivatives: Mapping[str, Path] | None = None,
    container: Mapping[str, str] | None = None,
) -> None:
    """Write description, README, ignore list and lookup tables of the output.

    Nothing in them tells time or host, and a file that is right already is not touched:
    jobs that run side by side may all call this.

    Parameters
    ----------
    bids_dir
        The dataset that `bids:raw:` points into; linked by a relative path.
    version
        Version of the app.
    derivatives
        Other datasets used, by the name that their BIDS URIs carry.
    container
        `Type`, `Tag` and `URI` of the container image, if it runs in one.

    Raises
    ------
    ValueError
        If the folder holds a dataset that this app did not make.
    """
    _refuse_foreign(output_dir)
    links = {"raw": bids_dir, **(derivatives or {})}
    description = _description(
        {name: _relative(path, output_dir) for name, path in links.items()},
        source=_source(bids_dir, link=_relative(bids_dir, output_dir)),
        generated={"Name": APP, "Version": version}
        | ({"Container": dict(container)} if container else {}),
    )
    for name, text in {
        _DESCRIPTION: json.dumps(description, indent=2, ensure_ascii=False) + "\n",
        ".bidsignore": "\n".join(BIDSIGNORE) + "\n",
        "README.md": files("npsle_app.bids.output")
        .joinpath("derivatives_readme.md")
        .read_text("utf-8"),
        "descriptions.tsv": _descriptions(),
        "seg-tissue_dseg.tsv": _table(_LABEL_COLUMNS, TISSUES),
        "seg-wmhchange_dseg.tsv": _table(_LABEL_COLUMNS, WMH_CHANGES),
        "seg-wmhreading_dseg.tsv": _table(_LABEL_COLUMNS, WMH_READINGS),
        "seg-wmhregions_dseg.tsv": _table(_LABEL_COLUMNS, WMH_REGIONS),
        "seg-alps_dseg.tsv": _table(_LABEL_COLUMNS, ALPS_REGIONS),
        "seg-aal_dseg.tsv": _table(_LABEL_COLUMNS, label_rows()),
    }.items():
        put_text(output_dir / name, text)


def write_citation(output_dir: Path, *, text: str, bib: str) -> tuple[Path, Path]:
    """Write the methods text and its references as `logs/CITATION.md` and `.bib`."""
    logs = output_dir / "logs"
    paths = logs / "CITATION.md", logs / "CITATION.bib"
    for path, content in zip(paths, (text, bib), strict=True):
        put_text(path, content.rstrip("\n") + "\n")
    return paths


def previous_version(output_dir: Path) -> str | None:
    """Return the version of this app that made what lies in the folder; None if it did not."""
    generated = _read_description(output_dir).get("GeneratedBy")
    first = generated[0] if isinstance(generated, list) and generated else None
    if not isinstance(first, dict) or first.get("Name") != APP:
        return None
    return str(first.get("Version") or "unknown")


def put_text(path: Path, text: str) -> None:
    """Make a file have this content, in one step and safe against others doing the same."""
    content = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own for each writer: process ids repeat among containers.
    part = path.with_name(f".part_{path.name}_{uuid4().hex}")
    part.write_bytes(content)
    part.replace(path)


def _refuse_foreign(output_dir: Path) -> None:
    description = _read_description(output_dir)
    if description and previous_version(output_dir) is None:
        name = description.get("Name")
        msg = f"{output_dir} holds another dataset ({name!r}); give a new folder for the output"
        raise ValueError(msg)


def _description(
    links: Mapping[str, str], *, source: Mapping[str, str], generated: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "Name": "Imaging markers by npsle_app",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generated],
        "SourceDatasets": [source],
        "DatasetLinks": links,
    }


def _source(bids_dir: Path, *, link: str) -> dict[str, str]:
    doi = _read_description(bids_dir).get("DatasetDOI")
    return {"URL": link} | ({"DOI": doi} if isinstance(doi, str) else {})


def _relative(path: Path, start: Path) -> str:
    """Link by a relative path: an absolute one would name the host, and break when moved."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def _read_description(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / _DESCRIPTION)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _descriptions() -> str:
    rows = ((f"desc-{label}", meaning) for label, meaning in sorted(DESCRIPTIONS.items()))
    return _table(("desc_id", "description"), rows)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    return "".join("\t".join(map(str, row)) + "\n" for row in (columns, *rows))
