"""Which scan of a kind is used, and why: the same choice each time, told in words."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from npsle_app.bids.input import exclusions
from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.image_checks import refusal, same_values
from npsle_app.bids.input.images import Header, UnreadableImageError, read_header
from npsle_app.bids.input.scans import Choice, LeftOut, Scan
from npsle_app.bids.input.sidecars import read_metadata

_UNKNOWN = float("inf")


@dataclass(frozen=True)
class Candidate:
    """An image file of one session and the entities of its name."""

    path: Path
    entities: Mapping[str, object]

    @cached_property
    def header(self) -> Header | None:
        """What its header says; None where it cannot be read."""
        try:
            return read_header(self.path)
        except UnreadableImageError:
            return None

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What its sidecars say."""
        return read_metadata(self.path)

    @property
    def zooms(self) -> tuple[float, ...]:
        """Voxel edges in mm, longest first; infinite if the header cannot be read."""
        edges = self.header.zooms[:3] if self.header else ()
        if len(edges) < 3 or not all(map(math.isfinite, edges)):
            return (_UNKNOWN,) * 3
        return tuple(sorted((round(edge, 2) for edge in edges), reverse=True))

    @property
    def extent_mm3(self) -> float:
        """Volume of the field of view; 0 if the header cannot be read."""
        if self.header is None or self.zooms[0] == _UNKNOWN:
            return 0.0
        return math.prod(self.zooms) * math.prod(map(abs, self.header.shape[:3]))

    @property
    def stem(self) -> str:
        """Its name without `.nii` or `.nii.gz`."""
        return self.path.name.split(".")[0]


@dataclass(frozen=True)
class Kind:
    """A kind of scan: its BIDS query, and which matches are something else.

    `not_this` gives the reason to leave an image out, or an empty string. A filter of the
    user that names one of `unless_filtered` overrules it.
    """

    query: Mapping[str, Wanted]
    not_this: Callable[[Candidate], str] = lambda _: ""
    unless_filtered: tuple[str, ...] = ()
    whole_head: bool = True


def _vessel_wall(candidate: Candidate) -> str:
    return exclusions.vessel_wall(candidate.entities) or _contrast_agent(candidate)


def _contrast_agent(candidate: Candidate) -> str:
    return exclusions.contrast_agent(candidate.entities, candidate.metadata)


def _diffusion_map(candidate: Candidate) -> str:
    return exclusions.diffusion_map(candidate.entities, candidate.metadata)


# One row per kind: a new branch of the app adds its scans here.
KINDS: Mapping[str, Kind] = {
    "t1w": Kind({"datatype": "anat", "suffix": "T1w"}, _vessel_wall, ("acquisition", "ceagent")),
    "flair": Kind({"datatype": "anat", "suffix": "FLAIR"}),
    "dwi": Kind(  # chosen by bids.series
        {"datatype": "dwi", "suffix": "dwi"}, _diffusion_map, ("acquisition", "reconstruction")
    ),
    "vwi": Kind(  # chosen by bids.vessel_scans
        {"datatype": "anat", "suffix": ["T1w", "PDw"]},
        _contrast_agent,
        ("ceagent",),
        whole_head=False,
    ),
}


def _number(candidate: Candidate, entity: str) -> int:
    """Return the number of a run or an echo; 0 where there is none."""
    value = str(candidate.entities.get(entity) or 0)
    return int(value) if value.isdecimal() else 0


# In this order: what the pictures are good for, then what makes the choice unique.
_CRITERIA: tuple[tuple[str, Callable[[Candidate], object]], ...] = (
    ("its header can be read", lambda one: one.zooms[0] == _UNKNOWN),
    ("it is without contrast agent", lambda one: bool(_contrast_agent(one))),
    (
        "nothing hints at a contrast agent",
        lambda one: bool(exclusions.perhaps_contrast_agent(one.entities, one.metadata)),
    ),
    (
        "its header names no standard space",
        lambda one: bool(exclusions.standard_code(one.header)),
    ),
    ("it is no processed copy", lambda one: bool(one.entities.get("description"))),
    ("it has the thinnest slices", lambda one: round(one.zooms[0], 1)),
    (
        "it has the smallest voxels",
        lambda one: round(math.prod(one.zooms), 2),
    ),
    ("it shows most of the head", lambda one: -round(math.log(max(one.extent_mm3, 1)), 1)),
    ("it is no single echo", lambda one: _number(one, "echo") > 0),
    ("it is no single inversion time", lambda one: _number(one, "inv") > 0),
    ("it is not a special reconstruction", lambda one: bool(one.entities.get("reconstruction"))),
    ("it is the first echo", lambda one: _number(one, "echo")),
    ("it is the first run", lambda one: _number(one, "run")),
    ("its name comes first", lambda one: one.stem),
    ("it is the compressed one of the same name", lambda one: one.path.suffix != ".gz"),
)


def choose(
    kind: str,
    candidates: Sequence[Candidate],
    *,
    wanted: Mapping[str, Wanted],
    unlike: Path | None = None,
) -> Choice:
    """Pick the scan of a kind among all images of a session.

    Where there are several, each is looked at whole before it is taken: one that cannot be
    used gives way to the next. A lone one is taken as it is; what is wrong with it is said
    when it is to be measured.

    Parameters
    ----------
    wanted
        The user's filter for this kind; it overrules the kind's own query.
    unlike
        An image whose copy is not wanted.
    """
    fitting = [one for one in candidates if matches(one.entities, {**KINDS[kind].query, **wanted})]
    unfit = [LeftOut(one.path, why) for one in fitting if (why := find_unfit(kind, one, wanted))]
    named = {one.path for one in unfit}
    ranked = sorted((one for one in fitting if one.path not in named), key=_rank)
    if not ranked:
        return Choice(kind, None, _why_none(kind, unfit, wanted=wanted), tuple(unfit))
    refused = _refuse(kind, ranked, unlike=unlike)
    usable = [one for one in ranked if one.path not in refused]
    chosen = usable[0] if usable else ranked[0]
    others = (
        *(LeftOut(path, why) for path, why in refused.items() if path != chosen.path),
        *(LeftOut(one.path, _outdone_by(chosen, one)) for one in usable if one is not chosen),
        *unfit,
    )
    why = _why(usable, count=len(ranked), wanted=wanted)
    return Choice(kind, Scan(chosen.path, chosen.metadata), why, others)


def find_unfit(kind: str, candidate: Candidate, wanted: Mapping[str, Wanted]) -> str:
    """Return why an image is none of this kind, whatever it looks like; else nothing."""
    if candidate.path.exists() and not candidate.path.is_file():
        return "it is no regular file"
    if "part" not in wanted and (
        why := exclusions.not_magnitude(candidate.entities, candidate.metadata)
    ):
        return why
    if "space" not in wanted and (
        why := exclusions.other_space(candidate.entities, candidate.header)
    ):
        return why
    if any(name in wanted for name in KINDS[kind].unless_filtered):
        return ""
    return KINDS[kind].not_this(candidate)


def _refuse(kind: str, ranked: Sequence[Candidate], *, unlike: Path | None) -> dict[Path, str]:
    """Return why those cannot be used that stand before the first that can."""
    refused: dict[Path, str] = {}
    if len(ranked) == 1:
        return refused
    for one in ranked:
        why = refusal(one.path, whole_head=KINDS[kind].whole_head)
        if not why and unlike and same_values(one.path, unlike):
            why = f"it holds the same values as {unlike.name}"
        if not why:
            break
        refused[one.path] = why
    return refused


def _rank(candidate: Candidate) -> tuple[object, ...]:
    return tuple(key(candidate) for _, key in _CRITERIA)


def _why(ranked: Sequence[Candidate], *, count: int, wanted: Mapping[str, Wanted]) -> str:
    asked = " that the filter file asks for" if wanted else ""
    if count == 1:
        return f"the only one{asked}"
    if not ranked:
        return f"of {count} candidates{asked}, none can be used"
    if len(ranked) == 1:
        return f"of {count} candidates{asked}, the only one that can be used"
    refused = f" {count - len(ranked)} of which cannot be used," if len(ranked) < count else ""
    return f"of {count} candidates{asked},{refused} {_reason(*ranked[:2])}"


def _reason(better: Candidate, worse: Candidate) -> str:
    return next(text for text, key in _CRITERIA if key(better) != key(worse))


def _outdone_by(better: Candidate, worse: Candidate) -> str:
    return f"{better.path.name} was taken: {_reason(better, worse)}"


def _why_none(kind: str, unfit: Sequence[LeftOut], *, wanted: Mapping[str, Wanted]) -> str:
    if unfit:
        named = "; ".join(f"{one.path.name}: {one.reason}" for one in unfit)
        return f"no image is a plain {kind} ({named})"
    asked = " that the filter file asks for" if wanted else ""
    suffix = KINDS[kind].query["suffix"]
    names = " or ".join(map(str, suffix)) if isinstance(suffix, list) else suffix
    return f"no {names} image{asked}"
