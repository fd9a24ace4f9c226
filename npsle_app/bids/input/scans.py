"""The scans of one session, by kind, and why each was chosen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

from npsle_app.session_order import ALONE, SessionOrder, order_sessions, read_moment

_DAY_S = 86_400

Role: TypeAlias = Literal["whole", "added", "removed"]
Part: TypeAlias = Literal["brain", "gm", "wm", "csf", "labels"]
Scheme: TypeAlias = Literal["bids", "freesurfer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenMask:
    """A mask or a map of lesions that another program or a hand has made.

    `whole` ones hold all lesions; what is `added` to or `removed` from them corrects them.
    `space` is what its name or the mapping file says, in small letters; where nothing is said
    its grid tells. In an image of labels `label` is that of lesions. `dataset` is the name
    given with `--derivatives`.
    """

    path: Path
    dataset: str
    role: Role = "whole"
    space: str | None = None
    label: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenMap:
    """A brain mask, a map of one tissue, or an image of labels that another program has made.

    `space` is what its name or the table says, in small letters; None is that of the T1w image.
    What numbers of an image of labels mean is told by `lookup`, a table beside it, else by
    `scheme`. `dataset` is the name given with `--derivatives`.
    """

    path: Path
    dataset: str
    part: Part
    space: str | None = None
    scheme: Scheme = "bids"
    lookup: Path | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """An image and what its sidecars say (inherited ones merged in).

    A diffusion series also has its gradient tables (`.bval`, `.bvec`), the further runs that
    are appended to it, and images of reversed phase encoding that show its distortion;
    `preprocessed` tells that another program has corrected it. A vessel-wall scan has those
    taken after contrast agent, an angiogram, and what a reader drew in it: masks, centrelines
    and landmarks of other derivatives. What stands in the place of lesions that would be sought
    has its masks in `given`; what stands in the place of the app's brain mask or tissues has its
    images in `maps`.
    """

    path: Path
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[Path, ...] = ()
    runs: tuple["Scan", ...] = ()
    reverse: tuple["Scan", ...] = ()
    preprocessed: bool = False
    after_contrast: tuple["Scan", ...] = ()
    angiogram: tuple["Scan", ...] = ()
    guides: tuple[Path, ...] = ()
    given: tuple[GivenMask, ...] = ()
    maps: tuple[GivenMap, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """When a session took place; `acquired` is its `acq_time` (ISO 8601), None if not known."""

    session: str | None
    acquired: str | None = None

    def days_until(self, later: "Visit") -> float | None:
        """Days from this visit to another; None where either date is not known.

        Examples
        --------
        >>> Visit("1", "2020-01-01T12:00:00").days_until(Visit("2", "2020-01-02"))
        0.5
        """
        if self.acquired is None or later.acquired is None:
            return None
        first, second = (read_moment(visit.acquired) for visit in (self, later))
        return (second - first).total_seconds() / _DAY_S if first and second else None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that could have been used and was not, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which scan of a kind is used, and why others are not; `scan` is None where there is none."""

    kind: str
    scan: Scan | None
    reason: str
    others: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One visit of one participant: the unit of work. Labels carry no `sub-` or `ses-`.

    `acquired` is the `acq_time` of the dataset's table of sessions, None if it has none; `notes`
    are what else there is to say of how its scans were found, `order` that of the participant's
    sessions.
    """

    participant: str
    session: str | None
    choices: tuple[Choice, ...]
    acquired: str | None = None
    notes: tuple[str, ...] = ()
    order: SessionOrder = ALONE

    @property
    def id(self) -> str:
        """`sub-01` or `sub-01_ses-1`."""
        return f"sub-{self.participant}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def visit(self) -> Visit:
        """Which visit it is, and when."""
        return Visit(self.session, self.acquired)

    @property
    def scans(self) -> dict[str, Scan]:
        """The chosen scans; a kind that was not acquired has no key."""
        return {choice.kind: choice.scan for choice in self.choices if choice.scan}


def pair_sessions(sessions: Iterable[Session]) -> dict[str, Session]:
    """Name the session before each one, by the label of the later.

    Nothing where dates and labels do not tell their order. Scans outside of session folders
    are no session and are left out.
    """
    labelled = {one.session: one for one in sessions if one.session is not None}
    order = find_order(labelled.values())
    if not order.known:
        return {}
    return {later: labelled[earlier] for earlier, later in pairwise(order.labels)}


def find_order(sessions: Iterable[Session]) -> SessionOrder:
    """Tell in which order the sessions of a participant follow one another, and by what."""
    dates = {one.session: one.acquired for one in sessions if one.session is not None}
    return order_sessions(list(dates), dates=dates)
