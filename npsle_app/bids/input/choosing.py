"""Which scan of a kind is used, and why: the same choice each time, told in words."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nibabel as nib
from nibabel.filebasedimages import ImageFileError

from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.scans import Choice, Scan
from npsle_app.bids.input.sidecars import read_metadata


@dataclass(frozen=True)
class Candidate:
    """An image file of one session and the entities of its name."""

    path: Path
    entities: Mapping[str, object]

    @cached_property
    def zooms(self) -> tuple[float, ...]:
        """Voxel edges in mm, longest first; infinite if the header cannot be read."""
        try:
            zooms = nib.load(self.path).header.get_zooms()[:3]  # type: ignore[attr-defined]
        except (OSError, EOFError, ImageFileError, ValueError):
            return (float("inf"),) * 3
        return tuple(sorted((round(float(zoom), 2) for zoom in zooms), reverse=True))


@dataclass(frozen=True)
class Kind:
    """A kind of scan: its BIDS query, and which matches are something else.

    `not_this` gives the reason to leave an image out, or an empty string. A filter of the
    user that names one of `unless_filtered` overrules it.
    """

    query: Mapping[str, Wanted]
    not_this: Callable[[Mapping[str, object]], str] = lambda _: ""
    unless_filtered: tuple[str, ...] = ()


_VESSEL_WALL = re.compile(r"vwi|space|cube|vista|^bb|bb$", re.IGNORECASE)


def _vessel_wall(entities: Mapping[str, object]) -> str:
    if is_vessel_wall(entities):
        return f"acq-{entities.get('acquisition')} is a vessel-wall scan"
    return _contrast_agent(entities)


def is_vessel_wall(entities: Mapping[str, object]) -> bool:
    """Whether the label `acq-` is that of a black-blood scan, in any case."""
    return bool(_VESSEL_WALL.search(str(entities.get("acquisition") or "")))


def _contrast_agent(entities: Mapping[str, object]) -> str:
    return "it was taken with a contrast agent" if entities.get("ceagent") else ""


# One row per kind: a new branch of the app adds its scans here.
KINDS: Mapping[str, Kind] = {
    "t1w": Kind({"datatype": "anat", "suffix": "T1w"}, _vessel_wall, ("acquisition", "ceagent")),
    "flair": Kind({"datatype": "anat", "suffix": "FLAIR"}),
    "dwi": Kind({"datatype": "dwi", "suffix": "dwi"}),  # chosen by bids.series
    "vwi": Kind(  # chosen by bids.vessel_scans
        {"datatype": "anat", "suffix": ["T1w", "PDw"]}, _contrast_agent, ("ceagent",)
    ),
}

NOT_MAGNITUDE = ("phase", "real", "imag")


def _number(candidate: Candidate, entity: str) -> int:
    """Return the number of a run or an echo; 0 where there is none."""
    value = str(candidate.entities.get(entity) or 0)
    return int(value) if value.isdecimal() else 0


# In this order: what the pictures are good for, then what makes the choice unique.
_CRITERIA: tuple[tuple[str, Callable[[Candidate], object]], ...] = (
    ("its header can be read", lambda one: one.zooms[0] == float("inf")),
    ("it is without contrast agent", lambda one: bool(one.entities.get("ceagent"))),
    ("it has the thinnest slices", lambda one: round(one.zooms[0], 1)),
    (
        "it has the smallest voxels",
        lambda one: round(math.prod(one.zooms), 2),
    ),
    ("it is not a special reconstruction", lambda one: bool(one.entities.get("reconstruction"))),
    ("it is the first echo", lambda one: _number(one, "echo")),
    ("it is the first run", lambda one: _number(one, "run")),
    ("its name comes first", lambda one: one.path.name),
)


def choose(kind: str, candidates: Sequence[Candidate], *, wanted: Mapping[str, Wanted]) -> Choice:
    """Pick the scan of a kind among all images of a session.

    Parameters
    ----------
    wanted
        The user's filter for this kind; it overrules the kind's own query.
    """
    fitting = [one for one in candidates if matches(one.entities, {**KINDS[kind].query, **wanted})]
    left_out = {one.path: reason for one in fitting if (reason := _unfit(kind, one, wanted))}
    ranked = sorted((one for one in fitting if one.path not in left_out), key=_rank)
    others = (*(one.path for one in ranked[1:]), *left_out)
    if not ranked:
        return Choice(kind, None, _why_none(kind, left_out, wanted=wanted), others)
    path = ranked[0].path
    return Choice(kind, Scan(path, read_metadata(path)), _why(ranked, wanted=wanted), others)


def _unfit(kind: str, candidate: Candidate, wanted: Mapping[str, Wanted]) -> str:
    part = candidate.entities.get("part")
    if part in NOT_MAGNITUDE and "part" not in wanted:
        return f"part-{part} is no magnitude image"
    if any(name in wanted for name in KINDS[kind].unless_filtered):
        return ""
    return KINDS[kind].not_this(candidate.entities)


def _rank(candidate: Candidate) -> tuple[object, ...]:
    return tuple(key(candidate) for _, key in _CRITERIA)


def _why(ranked: Sequence[Candidate], *, wanted: Mapping[str, Wanted]) -> str:
    asked = " that the filter file asks for" if wanted else ""
    if len(ranked) == 1:
        return f"the only one{asked}"
    first, second = ranked[:2]
    reason = next(text for text, key in _CRITERIA if key(first) != key(second))
    return f"of {len(ranked)} candidates{asked}, {reason}"


def _why_none(kind: str, left_out: Mapping[Path, str], *, wanted: Mapping[str, Wanted]) -> str:
    if left_out:
        named = "; ".join(f"{path.name}: {reason}" for path, reason in left_out.items())
        return f"no image is a plain {kind} ({named})"
    asked = " that the filter file asks for" if wanted else ""
    suffix = KINDS[kind].query["suffix"]
    names = " or ".join(map(str, suffix)) if isinstance(suffix, list) else suffix
    return f"no {names} image{asked}"
