"""What the numbers of a segmentation mean: which tissue, which region, which side.

The numbers of BIDS (common image-derived labels) and of FreeSurfer, which FastSurfer and SynthSeg
share, stand in `data/segmentation_labels.tsv`; a table beside an image goes before them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast, get_args

import pandas as pd

from npsle_app.bids.input.scans import GivenMap, Scheme
from npsle_app.bids.tables import read_texts
from npsle_app.resources import read_table

Tissue = Literal["GM", "WM", "CSF", ""]
_ABBREVIATIONS: Mapping[str, Tissue] = {
    **dict.fromkeys(("bg", "b", "st", "nb"), ""),
    **dict.fromkeys(("gm", "cgm", "sgm", "scgm"), "GM"),
    **dict.fromkeys(("wm", "bs", "l"), "WM"),
    "csf": "CSF",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One number: its tissue, empty outside of the brain, and its region and side if it has any."""

    number: int
    name: str
    tissue: Tissue
    region: str = ""
    side: str = ""


def read_labels(given: GivenMap) -> dict[int, Label]:
    """Return what each number of an image of labels means; 0 is the background.

    Raises
    ------
    ValueError
        If the table beside the image cannot be read, or does not say of which tissue a label is.
    """
    if given.lookup is None or given.scheme == "freesurfer":
        return dict(known_labels(given.scheme))
    try:
        return _read_lookup(given.lookup)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, KeyError) as error:
        msg = f"{given.lookup.name} cannot be read ({' '.join(str(error).split())[:200]})"
        raise ValueError(msg) from error


@lru_cache(maxsize=4)
def known_labels(scheme: Scheme) -> Mapping[int, Label]:
    """Return the numbers of BIDS, or those of FreeSurfer."""
    return {
        int(row["label"]): Label(
            number=int(row["label"]),
            name=row["name"],
            tissue=cast("Tissue", row["tissue"]),
            region=row["region"],
            side=row["side"],
        )
        for row in read_table("segmentation_labels.tsv")
        if row["scheme"] == scheme
    }


def name_unknown(numbers: Iterable[int], labels: Mapping[int, Label]) -> list[str]:
    """Return the numbers that no table knows, but for the background, as text."""
    return [str(number) for number in sorted(set(numbers) - set(labels) - {0})]


def _read_lookup(path: Path) -> dict[int, Label]:
    table = read_texts(path)
    if not {"index", "name"} <= set(table):
        msg = f"{path.name}: expected columns index and name, and if wanted abbreviation and "
        msg += f"mapping; got {', '.join(map(str, table))}"
        raise ValueError(msg)
    found = {}
    for row in table.fillna("").to_dict("records"):
        index, name = str(row["index"]).strip(), str(row["name"]).strip()
        if not index.isdecimal():
            msg = f"{path.name}: expected whole numbers as index, got {index!r}"
            raise ValueError(msg)
        meant = _find_meaning(row, name=name)
        if meant is None:
            msg = f"{path.name} does not tell of which tissue label {index} ({name}) is: give its "
            msg += "number among the labels of BIDS in the column mapping (1 grey matter, 2 white "
            msg += "matter, 3 fluid, 0 none of them)"
            raise ValueError(msg)
        found[int(index)] = Label(
            number=int(index),
            name=name,
            tissue=meant.tissue,
            region=meant.region,
            side=meant.side,
        )
    return found


def _find_meaning(row: Mapping[object, object], *, name: str) -> Label | None:
    mapped = str(row.get("mapping", "")).strip()
    if mapped == "0" or name.lower() in ("background", "unknown"):
        return Label(number=0, name=name, tissue="")
    if mapped.isdecimal():
        return known_labels("bids").get(int(mapped))
    short = str(row.get("abbreviation", "")).strip().lower()
    if short in _ABBREVIATIONS:
        return Label(number=0, name=name, tissue=_ABBREVIATIONS[short])
    named: dict[str, Label] = {
        label.name.lower(): label
        for scheme in get_args(Scheme)[::-1]
        for label in known_labels(scheme).values()
    }
    return named.get(name.lower().replace("-proper", ""))
