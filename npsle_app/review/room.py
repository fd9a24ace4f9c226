"""The room: cases, readers and what they may see, without a word of HTTP."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

import numpy as np

from npsle_app.bids.output.names import File
from npsle_app.review import pictures
from npsle_app.review.cases import Case, find_cases
from npsle_app.review.items import BY_NAME, LESIONS, Item
from npsle_app.review.judgements import Judgement
from npsle_app.review.lesions import Lesion
from npsle_app.review.order import Order, order_cases, sample_cases
from npsle_app.review.pictures import Picture, Plane
from npsle_app.review.readers import Readers, Seat
from npsle_app.review.work import CaseWork, LesionWork, Work

_COLOURS = {None: pictures.FOUND, "keep": pictures.KEPT, "reject": pictures.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the room is run. `sample` is the number of cases in which thresholds are chosen."""

    output: Path
    corrections: Path
    order: Order = "worst"
    seed: int = 1
    blinded: bool = True
    sample: int = 10


@dataclass(eq=False)
class Room:
    """All cases, and the readers who sit in it. Its methods may be called from many threads."""

    rules: Rules
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cases: tuple[Case, ...] = ()
    _readers: Readers = field(init=False)
    _works: dict[str, Work] = field(default_factory=dict)
    _queues: dict[str, tuple[tuple[Case, ...], str]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        self.cases = find_cases(self.rules.output, secret=self.token.encode())
        self._readers = Readers(self.rules.output / "qc")
        self._by_key = {case.key: case for case in self.cases}
        self._sample = sample_cases(self.cases, size=self.rules.sample, seed=self.rules.seed)

    def enter(self, initials: str, *, secret: str | None) -> Seat:
        """Let a reader sit down; see `Readers.enter` for what is refused."""
        with self._lock:
            seat = self._readers.enter(initials, secret=secret)
            name = seat.initials
            if name not in self._works:
                self._works[name] = Work(name, self.rules.corrections)
                self._queues[name] = order_cases(
                    self.cases, order=self.rules.order, reader=name, seed=self.rules.seed
                )
            return seat

    def find(self, secret: str | None) -> Seat | None:
        """Return the seat of a browser."""
        with self._lock:
            return self._readers.find(secret)

    def leave(self, seat: Seat) -> None:
        """Let a reader go; what they said is on disk."""
        with self._lock:
            self._readers.leave(seat)

    def close(self) -> None:
        """Give up all locks."""
        self._readers.close()

    def work(self, seat: Seat) -> Work:
        """Return what a reader has said."""
        return self._works[seat.initials]

    def case(self, key: str) -> Case:
        """Return a case.

        Raises
        ------
        KeyError
            If there is none of this key.
        """
        return self._by_key[key]

    @property
    def lock(self) -> RLock:
        """Held by whoever changes anything."""
        return self._lock

    def describe_queue(self, seat: Seat) -> dict[str, object]:
        """Say which cases there are, in the reader's order, and how far they are."""
        queue, told = self._queues[seat.initials]
        work = self.work(seat)
        with self._lock:
            verdicts = [work.verdict(case) for case in queue]
        return {
            "reader": seat.initials,
            "order": told,
            "blinded": self.rules.blinded,
            "done": sum(verdict is not None for verdict in verdicts),
            "cases": [
                {"key": case.key, "name": self._name(case, number), "verdict": verdict}
                for number, (case, verdict) in enumerate(zip(queue, verdicts, strict=True), 1)
            ],
            "thresholds": {f"{cut:g}": n for cut, n in work.count_thresholds(self.cases).items()},
            "sample": sum(case.key in self._sample for case in queue),
        }

    def _name(self, case: Case, number: int) -> str:
        return f"Case {number}" if self.rules.blinded else case.id

    def describe_case(self, seat: Seat, key: str) -> dict[str, object]:
        """Say what there is to judge of a case, and what the reader said of it."""
        case = self.case(key)
        with self._lock:
            work = self.work(seat).open(case)
        return {
            "key": key,
            "items": [_describe_item(case, item, work) for item in case.items],
            "structures": [
                {
                    "name": one.name,
                    "text": one.text,
                    "item": one.item,
                    "state": one.state,
                    "decision": work.rejected.get(one.name),
                }
                for one in work.structures
            ],
        }

    def describe_lesions(self, seat: Seat, key: str) -> dict[str, object]:
        """Say which lesions a case has and what was decided; empty where they cannot be shown."""
        case = self.case(key)
        with self._lock:
            work = self.work(seat).open(case).lesions
        base = case.base(BY_NAME[LESIONS])
        if work is None or base is None:
            return {}
        picture = pictures.open_picture(base)
        turned = pictures.turn(work.map.labels, affine=work.map.grid.affine)
        if picture.shape != turned.shape:
            return {}
        return {
            "all": [_describe_lesion(one, picture, work) for one in work.map.lesions],
            "volume": work.map.volume_ml({}),
            "left": work.left_ml,
            "lost": work.lost,
            "cuts": {f"{cut:g}": volume for cut, volume in work.cuts.items()},
            "chosen": None if work.threshold is None else f"{work.threshold:g}",
            "asked": key in self._sample and bool(work.cuts),
        }

    def describe_image(self, key: str, item: str) -> dict[str, object]:
        """Say how large the image of an item is, and where to look first; empty without one."""
        case, shown = self.case(key), BY_NAME[item]
        path, overlay = case.base(shown), case.overlay(shown)
        if path is None:
            return {}
        picture = pictures.open_picture(path)
        drawn = pictures.open_picture(overlay) if overlay else None
        same = drawn is not None and drawn.shape == picture.shape
        return {
            "shape": picture.shape,
            "sizes": picture.sizes_mm,
            "start": (_middle(drawn) if drawn and same else None)
            or [size // 2 for size in picture.shape],
            "overlay": same,
        }

    def paint(self, key: str, item: str, *, plane: Plane, index: int) -> bytes:
        """Render a slice of the image that shows an item."""
        path = self.case(key).base(BY_NAME[item])
        if path is None:
            raise KeyError(item)
        return pictures.paint_base(pictures.open_picture(path), plane=plane, index=index)

    def paint_overlay(self, key: str, item: str, *, plane: Plane, index: int) -> bytes:
        """Render a slice of what is drawn on it."""
        case, shown = self.case(key), BY_NAME[item]
        base, overlay = case.base(shown), case.overlay(shown)
        if base is None or overlay is None:
            raise KeyError(item)
        picture = pictures.open_picture(overlay)
        if picture.shape != pictures.open_picture(base).shape:
            raise KeyError(item)
        colours = pictures.colours_of(item, picture.data)
        return pictures.paint_labels(picture.data, plane=plane, index=index, colours=colours)

    def paint_lesions(
        self, seat: Seat, key: str, *, plane: Plane, index: int, current: int | None
    ) -> bytes:
        """Render the lesions as the reader decided on them; the current one stands out."""
        with self._lock:
            work = self.work(seat).open(self.case(key)).lesions
            decisions = dict(work.decisions) if work else {}
        if work is None:
            raise KeyError(key)
        colours = {
            lesion.number: _COLOURS[decisions.get(lesion.number)] for lesion in work.map.lesions
        }
        if current in colours and decisions.get(current) != "reject":
            colours[current] = pictures.CURRENT
        turned = pictures.turn(work.map.labels, affine=work.map.grid.affine)
        return pictures.paint_labels(
            turned.data, plane=plane, index=index, colours=colours, ringed=True
        )

    def paint_cut(self, key: str, *, plane: Plane, index: int, threshold: float) -> bytes:
        """Render what lies above a threshold of the probability, small components too."""
        path = self.case(key).find(File.WMH_PROBABILITY)
        if path is None:
            raise KeyError(key)
        above = pictures.open_picture(path).data >= threshold
        colours = {1: pictures.CURRENT}
        return pictures.paint_labels(above, plane=plane, index=index, colours=colours, ringed=True)

    def figure(self, key: str, item: str, *, number: int, part: int) -> Path:
        """Return a figure of an item's stages.

        Raises
        ------
        IndexError
            If there is none of this number.
        """
        return self.case(key).figures(BY_NAME[item])[number].paths[part]


def _describe_item(case: Case, item: Item, work: CaseWork) -> dict[str, object]:
    told = work.judgements.get(item.name, Judgement())
    return {
        "name": item.name,
        "label": item.label,
        "kind": item.kind,
        "checks": [
            {"name": one.name, "state": str(one.state), "seen": one.seen, "advice": one.advice}
            for one in case.checks(item)
        ],
        "figures": [
            {"title": one.title, "caption": one.caption, "parts": len(one.paths)}
            for one in case.figures(item)
        ],
        "excluded": list(item.excluded),
        "verdict": told.verdict,
        "reasons": list(told.reasons),
        "note": told.note,
    }


def _middle(picture: Picture) -> list[int] | None:
    """Return the voxel in the middle of what is drawn; None where nothing is."""
    if picture.data.ndim != len(picture.shape):
        return None
    marked = [np.flatnonzero(picture.data.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return [int(one[len(one) // 2]) for one in marked] if all(map(len, marked)) else None


def _describe_lesion(lesion: Lesion, picture: Picture, work: LesionWork) -> dict[str, object]:
    return {
        "number": lesion.number,
        "volume": lesion.volume_ml,
        "probability": lesion.probability,
        "at": picture.voxel_at(lesion.centre_mm),
        "decision": work.decisions.get(lesion.number),
    }
