"""What one reader has said so far; every word is on disk before the next."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from npsle_app.review.cases import Case
from npsle_app.review.corrections import check_corrections, correct_lesions, correct_vessels
from npsle_app.review.items import ALPS, SESSION, VESSELS
from npsle_app.review.judgements import Judgement, read_judgements, write_judgements
from npsle_app.review.lesions import (
    CUTS,
    Decision,
    LesionMap,
    decisions_path,
    measure_cuts,
    read_decisions,
    read_lesions,
    read_threshold,
    write_decisions,
    write_threshold,
)
from npsle_app.review.structures import (
    Structure,
    list_structures,
    measures_without,
    read_structures,
    structures_path,
    write_structures,
)

_MOST_UNDONE = 500
_OPEN_CASES = 3
_Name = TypeVar("_Name", int, str)
_Value = TypeVar("_Value")


def today() -> str:
    """Return the date of today, UTC, as it stands beside a judgement."""
    return datetime.now(UTC).date().isoformat()


@dataclass(eq=False)
class LesionWork:
    """A reader's decisions on the lesions of one case, by number, and the threshold they chose.

    `lost` counts decisions that fit no lesion of today; `cuts` are the volumes by threshold.
    """

    map: LesionMap
    decisions: dict[int, Decision]
    dates: dict[int, str]
    lost: int
    cuts: dict[float, float]
    threshold: float | None = None

    @property
    def left_ml(self) -> float:
        """The volume of what is not rejected."""
        return self.map.volume_ml(self.decisions)


@dataclass(eq=False)
class CaseWork:
    """A reader's work on one case; its lesions are read when they are first asked for."""

    case: Case
    reader: str
    judgements: dict[str, Judgement]
    structures: tuple[Structure, ...]
    rejected: dict[str, Decision]
    rejected_on: dict[str, str]

    @cached_property
    def lesions(self) -> LesionWork | None:
        """The work on its lesions; None where there is no map of them on a T1w image."""
        found = read_lesions(self.case)
        if found is None:
            return None
        decisions, dates, lost = read_decisions(
            decisions_path(self.case, self.reader), found.lesions
        )
        return LesionWork(
            map=found,
            decisions=decisions,
            dates=dates,
            lost=lost,
            cuts=measure_cuts(self.case),
            threshold=read_threshold(self.case, self.reader),
        )


@dataclass(eq=False)
class Work:
    """All that a reader does in one sitting. `corrections` is the folder for the next run."""

    reader: str
    corrections: Path
    date: Callable[[], str] = today
    _open: dict[str, CaseWork] = field(default_factory=dict)
    _undo: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def open(self, case: Case) -> CaseWork:
        """Return what was said of a case, read from its tables when it is first opened."""
        if case.key not in self._open:
            rejected, dates = read_structures(structures_path(case, self.reader))
            self._open[case.key] = CaseWork(
                case=case,
                reader=self.reader,
                judgements=read_judgements(case, self.reader),
                structures=list_structures(case),
                rejected=rejected,
                rejected_on=dates,
            )
            self._forget(case)
        return self._open[case.key]

    def _forget(self, newest: Case) -> None:
        """Drop the images of all but the last few cases; what was said stays."""
        for key in [key for key in self._open if key != newest.key][:-_OPEN_CASES]:
            self._open[key].__dict__.pop("lesions", None)

    def verdict(self, case: Case) -> str | None:
        """Return what was said of the session as a whole, without opening its images."""
        opened = self._open.get(case.key)
        told = opened.judgements if opened else read_judgements(case, self.reader)
        return told.get(SESSION, Judgement()).verdict

    def judge(self, case: Case, item: str, judgement: Judgement) -> None:
        """Take down a judgement.

        Raises
        ------
        ValueError
            If the session has no such item.
        """
        work = self.open(case)
        if item not in {one.name for one in case.items}:
            msg = f"nothing to judge is called {item!r} here"
            raise ValueError(msg)
        before = work.judgements.get(item)
        self._put_judgement(work, item, replace(judgement, on=self.date()))
        self._remember(case, lambda: self._put_judgement(work, item, before))

    def _put_judgement(self, work: CaseWork, item: str, judgement: Judgement | None) -> None:
        if judgement is None or judgement.is_empty:
            work.judgements.pop(item, None)
        else:
            work.judgements[item] = judgement
        self._write_judgements(work)

    def _write_judgements(self, work: CaseWork) -> None:
        sides = [
            one.side
            for one in work.structures
            if one.item == ALPS and work.rejected.get(one.name) == "reject"
        ]
        lost = list(dict.fromkeys(name for side in sides for name in measures_without(side)))
        write_judgements(work.case, self.reader, work.judgements, measures={ALPS: lost})

    def decide(self, case: Case, number: int, decision: Decision | None) -> None:
        """Keep or reject a lesion; None leaves it open.

        Raises
        ------
        ValueError
            If there is no such lesion, or its correction cannot be written.
        """
        work = self.open(case).lesions
        if work is None or number not in {one.number for one in work.map.lesions}:
            msg = f"there is no lesion {number} here"
            raise ValueError(msg)
        check_corrections(case, work.map, folder=self.corrections)
        before = work.decisions.get(number), work.dates.get(number, "")
        self._put_decision(case, number, decision, self.date())
        self._remember(case, lambda: self._put_decision(case, number, *before))

    def _put_decision(self, case: Case, number: int, decision: Decision | None, on: str) -> None:
        work = self.open(case).lesions
        if work is None:
            return
        _put(work.decisions, number, decision)
        _put(work.dates, number, on if decision else None)
        write_decisions(case, self.reader, work.map.lesions, work.decisions, dates=work.dates)
        correct_lesions(case, work.map, folder=self.corrections)

    def decide_structure(self, case: Case, name: str, decision: Decision | None) -> None:
        """Keep or reject a vessel or a side of the ALPS regions; None leaves it open.

        Raises
        ------
        ValueError
            If there is none of this name.
        """
        work = self.open(case)
        if name not in {one.name for one in work.structures}:
            msg = f"there is no structure {name!r} here"
            raise ValueError(msg)
        before = work.rejected.get(name), work.rejected_on.get(name, "")
        self._put_structure(work, name, decision, self.date())
        self._remember(case, lambda: self._put_structure(work, name, *before))

    def _put_structure(self, work: CaseWork, name: str, decision: Decision | None, on: str) -> None:
        _put(work.rejected, name, decision)
        _put(work.rejected_on, name, on if decision else None)
        write_structures(work.case, self.reader, work.rejected, dates=work.rejected_on)
        item = next(one.item for one in work.structures if one.name == name)
        if item == VESSELS:
            correct_vessels(work.case, folder=self.corrections)
        else:
            self._write_judgements(work)

    def choose_threshold(self, case: Case, threshold: float | None) -> None:
        """Take down the threshold that a reader finds right; None takes it back.

        Raises
        ------
        ValueError
            If it is none of those offered, or there is no probability to cut.
        """
        work = self.open(case).lesions
        if work is None or threshold not in (None, *work.cuts):
            msg = f"expected one of the thresholds {list(work.cuts) if work else []}, "
            msg += f"got {threshold}"
            raise ValueError(msg)
        before = work.threshold
        self._put_threshold(case, threshold)
        self._remember(case, lambda: self._put_threshold(case, before))

    def _put_threshold(self, case: Case, threshold: float | None) -> None:
        work = self.open(case).lesions
        if work is None:
            return
        work.threshold = threshold
        volume = 0.0 if threshold is None else work.cuts[threshold]
        write_threshold(case, self.reader, threshold, volume_ml=volume, on=self.date())

    def count_thresholds(self, cases: tuple[Case, ...]) -> dict[float, int]:
        """Count which thresholds the reader chose."""
        chosen = [read_threshold(case, self.reader) for case in cases]
        return {cut: chosen.count(cut) for cut in CUTS if cut in chosen}

    def undo(self) -> str | None:
        """Take the last word back; return the key of its case, None where there is nothing."""
        if not self._undo:
            return None
        key, restore = self._undo.pop()
        restore()
        return key

    def _remember(self, case: Case, restore: Callable[[], None]) -> None:
        self._undo.append((case.key, restore))
        del self._undo[:-_MOST_UNDONE]


def _put(places: dict[_Name, _Value], name: _Name, value: _Value | None) -> None:
    """Set a value; None takes it away."""
    if value is None:
        places.pop(name, None)
    else:
        places[name] = value
