"""Vessels and the sides of the ALPS regions: what a reader finds is not to be measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from npsle_app.bids.output.names import File
from npsle_app.bids.output.writer import write_tsv
from npsle_app.bids.tables import read_texts
from npsle_app.measures import MEASURES
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.review.cases import Case
from npsle_app.review.items import ALPS, VESSELS
from npsle_app.review.lesions import FOLDER, Decision

COLUMNS = (
    "participant_id", "session_id", "rater", "structure", "label", "side", "decision", "read_on",
)  # fmt: skip
_SIDES = ("left", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A vessel or one side of the ALPS regions, and the item that it is part of."""

    name: str
    text: str
    item: str
    label: str
    side: str
    state: str = ""


def list_structures(case: Case) -> tuple[Structure, ...]:
    """List the vessels of a session's table, and both sides of its ALPS regions."""
    return (*_alps(case), *_vessels(case))


def _alps(case: Case) -> Iterator[Structure]:
    if case.find(File.ALPS_REGIONS):
        for side in _SIDES:
            yield Structure(
                name=f"alps_{side}", text=f"Regions {side}", item=ALPS, label="ALPS", side=side
            )


def _vessels(case: Case) -> Iterator[Structure]:
    path = case.find(File.VESSELS)
    table = pd.DataFrame() if path is None else read_texts(path)
    if not {"vessel", "side"} <= set(table):
        return
    for row in table.reindex(columns=["vessel", "side", "state"]).fillna("").to_dict("records"):
        vessel = VesselName(row["vessel"], row["side"])
        yield Structure(
            name=vessel.measure,
            text=vessel.text,
            item=VESSELS,
            label=vessel.label,
            side=vessel.side,
            state="" if row["state"] == "measured" else row["state"],
        )


def measures_without(side: str) -> tuple[str, ...]:
    """Name the ALPS measures that rest on a side: its own, and those of both sides.

    Examples
    --------
    >>> "alps_mean" in measures_without("left"), "alps_right" in measures_without("left")
    (True, False)
    """
    other = "right" if side == "left" else "left"
    return tuple(
        name
        for name, measure in MEASURES.items()
        if measure.stage == ALPS and (side in name or other not in name)
    )


def structures_path(case: Case, reader: str) -> Path:
    """Return where a reader's decisions on vessels and regions of a session stand."""
    return case.root / FOLDER / f"{case.id}_reader-{reader}_structures.tsv"


def write_structures(
    case: Case,
    reader: str,
    decisions: Mapping[str, Decision],
    *,
    dates: Mapping[str, str],
) -> Path:
    """Write a reader's decisions on the structures of a session, in one step."""
    path = structures_path(case, reader)
    rows = [
        (
            f"sub-{case.participant}",
            f"ses-{case.session}" if case.session else None,
            reader,
            one.name,
            one.label,
            one.side,
            decisions[one.name],
            dates.get(one.name),
        )
        for one in list_structures(case)
        if one.name in decisions
    ]
    if rows:
        write_tsv(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    else:
        path.unlink(missing_ok=True)
    return path


def read_structures(path: Path) -> tuple[dict[str, Decision], dict[str, str]]:
    """Read decisions back, and the date of each, by the name of the structure."""
    if not path.is_file():
        return {}, {}
    table = read_texts(path).reindex(columns=list(COLUMNS)).fillna("")
    decisions: dict[str, Decision] = {}
    dates: dict[str, str] = {}
    for row in table.to_dict("records"):
        if row["decision"] in ("keep", "reject"):
            decisions[row["structure"]] = "keep" if row["decision"] == "keep" else "reject"
            dates[row["structure"]] = row["read_on"]
    return decisions, dates
