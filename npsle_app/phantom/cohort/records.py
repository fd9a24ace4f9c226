"""What a simulated cohort consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One session: what changes between visits, and measures under the app's names."""

    session_id: str
    clinical: Row
    measures: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One simulated participant: clinical columns, and measures under the app's names.

    Of a participant with `visits` the measures stand there.
    """

    clinical: Row
    measures: Row
    visits: tuple[Visit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A simulated study without images.

    `clinical` and `measures` have a row per participant, in the same order; `columns`
    describes the clinical ones. `truth` says what was planted. Where there are sessions,
    `measures` and `visits` (clinical columns) have a row for each, with its `session_id`.
    """

    clinical: Sequence[Row]
    measures: Sequence[Row]
    columns: Mapping[str, Mapping[str, object]]
    truth: Mapping[str, Any]
    visits: Sequence[Row] = ()
