"""The folder that the next run takes: masks of rejected lesions, lists of rejected vessels.

It is a BIDS derivative of its own beside the output folder. What is in it follows from the
readers' tables: what more readers rejected than kept.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from npsle_app.bids.output.names import File, ReadingFile
from npsle_app.bids.output.tree import BIDS_VERSION, put_text
from npsle_app.bids.output.writer import Writer, write_json
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.review.cases import Case
from npsle_app.review.items import VESSELS
from npsle_app.review.lesions import FOLDER, Decision, LesionMap, read_decisions
from npsle_app.review.structures import list_structures, read_structures

RULE = "taken out is what more readers rejected than kept"
OWN = "npsle_review"  # in sidecars of what the room may write anew
_READER = re.compile(r".+_reader-([A-Z0-9]+)_[a-z]+\.tsv")
_Name = TypeVar("_Name", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vote:
    """What one reader decided, and when."""

    reader: str
    decision: Decision
    on: str


def write_description(folder: Path, *, output: Path, version: str) -> None:
    """Describe the dataset of corrections; it is no dataset of the app, so that it can be given.

    Nothing in it tells time or host, and a file that is right already is not touched.
    """
    description = {
        "Name": "Corrections by readers",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": OWN, "Version": version}],
        "SourceDatasets": [{"URL": f"../{output.resolve().name}"}],
        "DatasetLinks": {"measured": f"../{output.resolve().name}"},
    }
    put_text(folder / "dataset_description.json", json.dumps(description, indent=2) + "\n")
    put_text(folder / ".bidsignore", "*_vessels.json\n")
    put_text(
        folder / "README",
        "Lesions and vessels that readers rejected in npsle_review. Give this folder to the next "
        "run:\n\n  npsle_app BIDS_DIR OUTPUT_DIR participant group --derivatives "
        f"reading={folder.name}\n",
    )


def correct_lesions(case: Case, lesions: LesionMap, *, folder: Path) -> Path | None:
    """Write what readers took out of the lesions; take an old mask away where it is nothing.

    Of lesions that were found, it is a mask of what is to be removed; of lesions that were
    given as a mask, it is a mask of all that stays, for only one dataset can give them.
    """
    votes = _collect(
        case,
        "lesions",
        read=lambda path: read_decisions(path, lesions.lesions)[:2],
    )
    rejected = [number for number, cast in votes.items() if _is_rejected(cast)]
    file = ReadingFile.WMH_WHOLE if lesions.given else ReadingFile.WMH_REMOVED
    writer = Writer(folder, case.participant, case.session, {"measured": case.root})
    path = _correction_path(case, lesions, folder=folder)
    if not rejected:
        _take_away(path)
        return None
    removed = lesions.voxels_of(rejected)
    mask = (lesions.labels > 0) & ~removed if lesions.given else removed
    return writer.image(
        on_grid_of(lesions.grid, mask.astype(np.uint8)),
        file,
        sources=(lesions.path,),
        **_describe([vote for cast in votes.values() for vote in cast]),
    )


def correct_vessels(case: Case, *, folder: Path) -> Path | None:
    """Write which vessels readers took out; take an old list away where there is none."""
    votes = _collect(case, "structures", read=read_structures)
    vessels = [one for one in list_structures(case) if one.item == VESSELS]
    rejected = [
        {"Vessel": one.label, "Side": one.side}
        | _describe([vote for vote in votes[one.name] if vote.decision == "reject"])
        for one in vessels
        if _is_rejected(votes.get(one.name, []))
    ]
    name = ReadingFile.VESSELS_REJECTED.value
    writer = Writer(folder, case.participant, case.session)
    path = writer.folder / name.folder / f"{case.id}_{name.tail}"
    if not rejected:
        path.unlink(missing_ok=True)
        return None
    write_json(path, {"Rejected": rejected})
    return path


def _collect(
    case: Case,
    kind: str,
    *,
    read: Callable[[Path], tuple[dict[_Name, Decision], dict[_Name, str]]],
) -> dict[_Name, list[_Vote]]:
    """Gather the decisions of all readers by what they are on."""
    votes: dict[_Name, list[_Vote]] = {}
    for path in sorted((case.root / FOLDER).glob(f"{case.id}_reader-*_{kind}.tsv")):
        named = _READER.fullmatch(path.name)
        decisions, dates = read(path) if named else ({}, {})
        for name, decision in decisions.items():
            vote = _Vote(reader=named[1] if named else "", decision=decision, on=dates[name])
            votes.setdefault(name, []).append(vote)
    return votes


def _is_rejected(votes: Iterable[_Vote]) -> bool:
    cast = [vote.decision for vote in votes]
    return cast.count("reject") > cast.count("keep")


def _describe(votes: Iterable[_Vote]) -> dict[str, Any]:
    """Say by whom, and when last."""
    cast = list(votes)
    return {
        "ReadBy": sorted({vote.reader for vote in cast}),
        "ReadOn": max((vote.on for vote in cast), default=""),
        "Rule": RULE,
        "WrittenBy": OWN,
    }


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name.split('.')[0]}.json")


def check_corrections(case: Case, lesions: LesionMap, *, folder: Path) -> None:
    """Look whether the correction of a session may be written.

    Raises
    ------
    ValueError
        If a mask stands there that is not the room's own: it is never touched.
    """
    path = _correction_path(case, lesions, folder=folder)
    sidecar = _sidecar(path)
    text = sidecar.read_text(encoding="utf-8") if sidecar.is_file() else ""
    if path.exists() and f'"WrittenBy": "{OWN}"' not in text:
        msg = f"{path} was put there by another hand: move it, and your decisions take its place"
        raise ValueError(msg)


def _correction_path(case: Case, lesions: LesionMap, *, folder: Path) -> Path:
    file = ReadingFile.WMH_WHOLE if lesions.given else ReadingFile.WMH_REMOVED
    name = lesions.path.name.replace(File.WMH_MASK.value.tail, file.value.tail)
    return Writer(folder, case.participant, case.session).folder / file.value.folder / name


def _take_away(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sidecar(path).unlink(missing_ok=True)
