"""What the page of a study lists before use: exclusions, values to look at, failed checks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pandas as pd

from npsle_app.report.strips import Strip

MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One line: the session, a state if there is one, the measure if it is about one."""

    session: str
    state: str = ""
    measure: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The lines that are shown, and how many more there are."""

    shown: tuple[Flag, ...]
    left_out: int


def list_flags(wide: pd.DataFrame, strips: Sequence[Strip]) -> Flags:
    """List exclusions and marked stages, flagged values, then failed checks; `MOST` in all."""
    failed = [name for name in map(str, wide) if name.endswith("_qc")]
    lines = (*_rated(wide), *_flagged(strips), *_failed(wide, failed))
    drawn = sum(bool(point.flags) for strip in strips for point in strip.points)
    hidden = sum(strip.n_flagged for strip in strips) - drawn
    return Flags(shown=tuple(islice(lines, MOST)), left_out=max(len(lines) - MOST, 0) + hidden)


def _rated(wide: pd.DataFrame) -> Iterator[Flag]:
    for session, row in _with_value(wide, "qc_exclude", "yes"):
        stages = f", stages {row['qc_stages']}" if isinstance(row.get("qc_stages"), str) else ""
        yield Flag(session=session, state="exclude", text=f"by rating{stages}")
    if "qc_stages" in wide:
        marked = wide[wide["qc_stages"].notna() & (wide["qc_exclude"] != "yes")]
        for key, stages in marked["qc_stages"].items():
            yield Flag(session=str(key), text=f"stages not to be used by rating: {stages}")
    if "qc_measures" in wide:
        for key, measures in wide["qc_measures"].dropna().items():
            first, *others = str(measures).split(",")
            more = f" and {len(others)} more" if others else ""
            yield Flag(session=str(key), text=f"measures not to be used by rating: {first}{more}")


def _flagged(strips: Sequence[Strip]) -> Iterator[Flag]:
    for strip in strips:
        unit = f" {strip.definition.unit}" if strip.definition.unit != "1" else ""
        for point in strip.points:
            if point.flags:
                text = f"= {point.shown}{unit}: {', '.join(point.flags)}"
                yield Flag(session=point.session, measure=strip.definition.name, text=text)


def _failed(wide: pd.DataFrame, columns: Sequence[str]) -> Iterator[Flag]:
    for name in columns:
        for session, _ in _with_value(wide, name, "fail"):
            yield Flag(session=session, measure=name.removesuffix("_qc"), state="fail")


def _with_value(wide: pd.DataFrame, column: str, value: str) -> Iterator[tuple[str, "pd.Series"]]:
    if column in wide:
        for session, row in wide[wide[column] == value].iterrows():
            yield str(session), row
