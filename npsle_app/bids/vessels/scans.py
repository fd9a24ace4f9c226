"""Which vessel-wall scan of a session is measured, and what belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from npsle_app.bids.input import exclusions
from npsle_app.bids.input.choosing import KINDS, Candidate, choose
from npsle_app.bids.input.filters import Wanted, matches
from npsle_app.bids.input.image_checks import refusal
from npsle_app.bids.input.scans import Choice, LeftOut, Scan
from npsle_app.bids.vessels.guides import find_guides

_KIND = "vwi"
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
    masks, centrelines and landmarks in other derivatives whose names fit the scan's. One beside
    it that cannot be used gives way to the next.
    """
    own = [
        one for one in candidates if "acquisition" in wanted or exclusions.vessel_wall(one.entities)
    ]
    choice = choose(_KIND, own, wanted=wanted)
    if choice.scan is None:
        reason = choice.reason if choice.others or wanted else _NONE
        return replace(choice, reason=reason.replace("plain vwi", "vessel-wall scan to measure"))
    chosen = next(one for one in own if one.path == choice.scan.path)
    guides, foreign = find_guides(
        derivatives, scan=choice.scan.path, participant=participant, session=session
    )
    query = dict(KINDS[_KIND].query) | _of_same_kind(chosen)
    after, no_after = _first(
        [one for one in candidates
         if exclusions.contrast_agent(one.entities, one.metadata) and one is not chosen],
        query=query,
    )  # fmt: skip
    angiogram, no_angiogram = _first(candidates, query=_ANGIOGRAM)
    scan = replace(choice.scan, after_contrast=after, angiogram=angiogram, guides=guides)
    used = {one.path for one in (*after, *angiogram)}
    unused = {one.path: one for one in (*choice.others, *no_after, *no_angiogram)}
    others = (
        *(one for path, one in unused.items() if path not in used),
        *(LeftOut(path, "its name says that it was drawn in another scan") for path in foreign),
    )
    return replace(choice, scan=scan, reason=_say(choice.reason, scan), others=others)


def _of_same_kind(chosen: Candidate) -> dict[str, Wanted]:
    names = ("acquisition", "suffix")
    return {name: str(chosen.entities[name]) for name in names if chosen.entities.get(name)}


def _first(
    candidates: Sequence[Candidate], *, query: Mapping[str, Wanted]
) -> tuple[tuple[Scan, ...], tuple[LeftOut, ...]]:
    """Return the first by name that fits and can be used, and those that stand behind it."""
    fitting = sorted(
        (one for one in candidates
         if matches(one.entities, query) and not one.entities.get("part")),
        key=lambda one: one.path.name,
    )  # fmt: skip
    found: tuple[Scan, ...] = ()
    left_out: list[LeftOut] = []
    for one in fitting:
        why = f"{found[0].path.name} comes first" if found else _why_not(one)
        if why:
            left_out.append(LeftOut(one.path, why))
        else:
            found = (Scan(one.path, one.metadata),)
    return found, tuple(left_out)


def _why_not(candidate: Candidate) -> str:
    return (
        exclusions.not_magnitude(candidate.entities, candidate.metadata)
        or exclusions.other_space(candidate.entities, candidate.header)
        or refusal(candidate.path, whole_head=False)
    )


def _say(reason: str, scan: Scan) -> str:
    told = [reason]
    if scan.after_contrast:
        told.append(f"after contrast agent: {scan.after_contrast[0].path.name}")
    if scan.angiogram:
        told.append(f"angiogram: {scan.angiogram[0].path.name}")
    if scan.guides:
        told.append(f"drawn by a reader: {len(scan.guides)} files of --derivatives")
    return "; ".join(told)
