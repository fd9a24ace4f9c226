"""Which vessel-wall scan of a session is measured, and what belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from npsle_app.bids.input.choosing import Candidate, choose, is_vessel_wall
from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.scans import Choice, Scan
from npsle_app.bids.input.sidecars import read_metadata
from npsle_app.bids.input.vessel_guides import find_guides

_KIND = "vwi"
_POST: dict[str, Wanted] = {"datatype": "anat", "suffix": ["T1w", "PDw"], "ceagent": "*"}
_ANGIOGRAM: dict[str, Wanted] = {"datatype": "anat", "suffix": "angio"}
_NONE = "no black-blood T1w or PDw image: acq- with vwi, space, cube, vista or bb"


def choose_vessel_scan(
    candidates: Sequence[Candidate],
    *,
    wanted: Mapping[str, Wanted],
    derivatives: Mapping[str, Path],
    participant: str,
    session: str | None,
) -> Choice:
    """Pick the black-blood scan, and find what was taken and drawn beside it.

    Those are scans after contrast agent of the same `acq-` and suffix, an angiogram, and the
    masks, centrelines and landmarks in other derivatives whose names fit the scan's.
    """
    own = [one for one in candidates if "acquisition" in wanted or is_vessel_wall(one.entities)]
    choice = choose(_KIND, own, wanted=wanted)
    if choice.scan is None:
        reason = choice.reason if choice.others or wanted else _NONE
        return replace(choice, reason=reason.replace("plain vwi", "vessel-wall scan to measure"))
    chosen = next(one for one in own if one.path == choice.scan.path)
    guides, foreign = find_guides(
        derivatives, scan=choice.scan.path, participant=participant, session=session
    )
    scan = replace(
        choice.scan,
        after_contrast=_first(candidates, query=_POST | _of_same_kind(chosen)),
        angiogram=_first(candidates, query=_ANGIOGRAM),
        guides=guides,
    )
    used = {one.path for one in (*scan.after_contrast, *scan.angiogram)}
    others = (*(path for path in choice.others if path not in used), *foreign)
    return replace(choice, scan=scan, reason=_say(choice.reason, scan), others=others)


def _of_same_kind(chosen: Candidate) -> dict[str, Wanted]:
    names = ("acquisition", "suffix")
    return {name: str(chosen.entities[name]) for name in names if chosen.entities.get(name)}


def _first(candidates: Sequence[Candidate], *, query: Mapping[str, Wanted]) -> tuple[Scan, ...]:
    """Return the first by name that fits, as a tuple of one; empty where none does."""
    fitting = sorted(
        (one.path for one in candidates
         if matches(one.entities, query) and not one.entities.get("part")),
        key=lambda path: path.name,
    )  # fmt: skip
    return tuple(Scan(path, read_metadata(path)) for path in fitting[:1])


def _say(reason: str, scan: Scan) -> str:
    told = [reason]
    if scan.after_contrast:
        told.append(f"after contrast agent: {scan.after_contrast[0].path.name}")
    if scan.angiogram:
        told.append(f"angiogram: {scan.angiogram[0].path.name}")
    if scan.guides:
        told.append(f"drawn by a reader: {len(scan.guides)} files of --derivatives")
    return "; ".join(told)
