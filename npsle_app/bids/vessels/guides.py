"""What a reader drew of vessels: masks, centrelines and landmarks in other derivatives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from npsle_app.documents import read_json
from npsle_app.measures.names_of_vessels import VesselName, vessel_name

Part = Literal["lumen", "outer", "line", "landmarks", "rejected"]

_ENDS: Mapping[str, Part] = {
    "_desc-lumen_mask.nii.gz": "lumen",
    "_desc-lumen_mask.nii": "lumen",
    "_desc-outerwall_mask.nii.gz": "outer",
    "_desc-outerwall_mask.nii": "outer",
    "_desc-centerline_points.tsv": "line",
    "_desc-centreline_points.tsv": "line",
    "_desc-landmarks.json": "landmarks",
    ".mrk.json": "landmarks",
    "_desc-rejected_vessels.json": "rejected",
}
_OF_DERIVATIVE = ("space", "hemi", "label", "desc", "seg", "res", "den")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What was drawn of one vessel; what was not is None."""

    lumen: Path | None = None
    outer: Path | None = None
    line: Path | None = None


def find_guides(
    derivatives: Mapping[str, Path], *, scan: Path, participant: str, session: str | None
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """List what was drawn in this scan, and what was drawn in other scans of the session.

    A file belongs to the scan if its name, without what a derivative adds, says nothing that
    the scan's name does not.
    """
    folders = [f"sub-{participant}", *([f"ses-{session}"] if session else []), "anat"]
    found = [
        path
        for _, root in sorted(derivatives.items())
        for path in sorted(root.joinpath(*folders).glob(f"{'_'.join(folders[:-1])}_*"))
        if part_of(path) is not None
    ]
    own = tuple(path for path in found if _scan_entities(path) <= _scan_entities(scan))
    return own, tuple(path for path in found if path not in own)


def part_of(path: Path) -> Part | None:
    """Say what a file shows by the end of its name; None if it is nothing drawn of vessels."""
    return next((part for end, part in _ENDS.items() if path.name.endswith(end)), None)


def group_drawn(guides: Sequence[Path]) -> dict[VesselName, Drawn]:
    """Put masks and centrelines together by vessel; of two files for one, the first counts.

    Raises
    ------
    ValueError
        If a mask's name tells no vessel.
    """
    made: dict[VesselName, dict[str, Path]] = {}
    for path in guides:
        part = part_of(path)
        if part in (None, "landmarks", "rejected"):
            continue
        told = _entities(path)
        try:
            name = vessel_name(told.get("label"), hemi=told.get("hemi"))
        except ValueError as error:
            msg = f"{path.name}: {error}"
            raise ValueError(msg) from error
        made.setdefault(name, {}).setdefault(part, path)
    return {name: Drawn(**parts) for name, parts in sorted(made.items())}


def list_landmarks(guides: Sequence[Path]) -> tuple[Path, ...]:
    """Return the landmark files among what was drawn."""
    return tuple(path for path in guides if part_of(path) == "landmarks")


def list_rejections(guides: Sequence[Path]) -> tuple[Path, ...]:
    """Return the lists of vessels that readers rejected."""
    return tuple(path for path in guides if part_of(path) == "rejected")


def read_rejections(path: Path) -> dict[VesselName, str]:
    """Read which vessels are not to be measured, and who says so and when.

    The file holds `{"Rejected": [{"Vessel": "M1", "Side": "left", "ReadBy": ["AB"],
    "ReadOn": "2026-11-28"}]}`.

    Raises
    ------
    ValueError
        If the file is no such list; with its name.
    """
    try:
        rows = read_json(path)["Rejected"]
        return {VesselName(str(row["Vessel"]), str(row["Side"])): _tell(row) for row in rows}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{path.name} is no list of rejected vessels ({' '.join(str(error).split())[:200]})"
        raise ValueError(msg) from error


def rejection_fault(path: Path) -> str:
    """Say what is wrong with a list of rejected vessels; empty if nothing is."""
    try:
        read_rejections(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path.name} ")
    return ""


def _tell(row: Mapping[str, Any]) -> str:
    readers = " and ".join(" ".join(str(one).split()) for one in row.get("ReadBy", ()))
    return ", ".join(filter(None, (readers, str(row.get("ReadOn", ""))))) or "a reader"


def _entities(path: Path) -> dict[str, str]:
    stem = path.name.split(".")[0]
    return dict(part.split("-", 1) for part in stem.split("_") if "-" in part)


def _scan_entities(path: Path) -> frozenset[tuple[str, str]]:
    told = _entities(path).items()
    return frozenset((key, value) for key, value in told if key not in _OF_DERIVATIVE)
