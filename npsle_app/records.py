"""What a stage says of its work, for the tables and the report to read."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from npsle_app.measures import MEASURES


class Qc(StrEnum):
    """State of a check or a number; the order is that of severity."""

    PASS = "pass"  # noqa: S105 - a state, not a secret
    WARN = "warn"
    FAIL = "fail"
    NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number; its unit and meaning stand in `npsle_app.measures.MEASURES`.

    `value` is None where the number cannot be known, with `qc` telling so.
    """

    name: str
    value: float | None
    qc: Qc
    sources: tuple[Path, ...]

    def __post_init__(self) -> None:
        if self.name not in MEASURES:
            msg = f"no measure is called {self.name!r}; define it in npsle_app/data/measures.tsv"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One automatic check: what was seen, what was expected, what to do."""

    name: str
    seen: str
    expected: str
    state: Qc
    advice: str

    @classmethod
    def judged(cls, name: str, *, seen: str, expected: str, state: Qc, advice: str) -> "Check":
        """Make a check whose advice is for those that did not pass.

        Examples
        --------
        >>> Check.judged("Noise", seen="2 %", expected="5 %", state=Qc.PASS, advice="look").advice
        ''
        """
        needed = "" if state is Qc.PASS else advice
        return cls(name=name, seen=seen, expected=expected, state=state, advice=needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRecord:
    """One picture; with `after` set, the two alternate so that the eye sees what moved."""

    title: str
    path: Path
    caption: str
    after: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that the report needs of one stage of one session.

    `citations` are keys of `npsle_app/data/references.bib`; `methods` is the stage's sentence
    for the methods text; `choices` say what was decided for this person and why. `inherited` is
    the worst state of all checks that its inputs rest on, over all stages before. `software` is
    what measured, with its version, where it was not this app. `read_by` says who read what its
    numbers rest on, and when (`AB, 2026-11-28`); those in `not_read` do not. `given` names what
    others made in the place of the stage's own work (`tissue maps of cat12`), `given_before` what
    its inputs rest on alike. Numbers in `given_alone` rest on `given` and on nothing before, those
    in `not_given` on neither.
    """

    stage: str
    methods: str
    citations: tuple[str, ...]
    measures: tuple[Measure, ...] = ()
    checks: tuple[Check, ...] = ()
    figures: tuple[FigureRecord, ...] = ()
    choices: tuple[str, ...] = ()
    inherited: Qc = Qc.PASS
    software: str = ""
    read_by: str = ""
    not_read: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    given_before: tuple[str, ...] = ()
    given_alone: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()

    def reader_of(self, measure: str) -> str:
        """Say who read what a measure rests on, and when; empty where nobody did."""
        return "" if measure in (*self.not_read, *self.given_alone) else self.read_by

    def given_to(self, measure: str) -> str:
        """Say what others made and a measure rests on; empty where it rests on nothing such."""
        if measure in self.not_given:
            return ""
        return "; ".join(self.given if measure in self.given_alone else self.all_given)

    @property
    def all_given(self) -> tuple[str, ...]:
        """All that others made and it rests on, its own and that of its inputs."""
        return tuple(sorted({*self.given, *self.given_before}))

    @property
    def state(self) -> Qc:
        """The worst state of its own checks and of all before."""
        return worst([self.inherited, *(check.state for check in self.checks)])


def worst(states: "list[Qc] | tuple[Qc, ...]") -> Qc:
    """Return the most severe of pass, warn and fail; pass where there is none.

    Examples
    --------
    >>> worst([Qc.PASS, Qc.WARN])
    <Qc.WARN: 'warn'>
    >>> worst([])
    <Qc.PASS: 'pass'>
    """
    order = (Qc.PASS, Qc.WARN, Qc.FAIL)
    return max((state for state in states if state in order), key=order.index, default=Qc.PASS)


def graded(value: float, *, warn: float, fail: float) -> Qc:
    """Grade a value that is better the smaller it is; what is no number fails.

    Examples
    --------
    >>> graded(4.0, warn=3.0, fail=6.0)
    <Qc.WARN: 'warn'>
    """
    if value <= warn:
        return Qc.PASS
    return Qc.WARN if value <= fail else Qc.FAIL
