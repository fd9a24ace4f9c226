"""In which order the sessions of a person follow one another: by dates, numbers or plain words.

What neither dates nor labels tell is not guessed: whoever calls it `post` before `pre` by the
alphabet takes the follow-up for the baseline.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_DAYS = {"d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
_UNITS = {
    "d": "d", "day": "d", "days": "d", "w": "w", "wk": "w", "week": "w", "weeks": "w",
    "m": "m", "mo": "m", "mon": "m", "mth": "m", "month": "m", "months": "m",
    "y": "y", "yr": "y", "year": "y", "years": "y",
}  # fmt: skip
_FIRST = {"baseline", "base", "bl", "initial", "screening", "entry"}
_LATER = {"followup", "fu", "fup", "follow"}
_PARTS = re.compile(r"(?P<before>[^\W\d_]*)(?P<number>\d+)(?P<after>[^\W\d_]*)", re.IGNORECASE)
_WORD = "words"


@dataclass(frozen=True, slots=True)
class SessionOrder:
    """Labels of sessions, the first one first, and by what: `dates`, `numbers` or `words`.

    Without a way to tell, `by` is empty and `labels` are as they came.
    """

    labels: tuple[str, ...]
    by: str

    @property
    def known(self) -> bool:
        """Whether it may be relied on."""
        return bool(self.by)

    @property
    def note(self) -> str:
        """What is to be said of it; nothing where dates or numbers tell it."""
        shown = ", ".join(self.labels)
        if not self.known:
            return (
                f"the order of the sessions {shown} is not known: write acq_time of each in "
                "sub-<label>_sessions.tsv"
            )
        told = f"the order of the sessions {shown} is that of their names; acq_time would prove it"
        return told if self.by == _WORD else ""


ALONE = SessionOrder((), "numbers")


def order_sessions(
    labels: Sequence[str], *, dates: Mapping[str, str | None] | None = None
) -> SessionOrder:
    """Put the sessions of one person in order.

    By the dates if each has one; else by numbers of one kind (`1`, `02`, `v3`), by times (`m06`,
    `12months`, `2y`, with `baseline` as 0), by follow-ups after a baseline, or by the words pre
    and post.

    Parameters
    ----------
    labels
        Without `ses-`.
    dates
        ISO 8601, by label.

    Examples
    --------
    >>> order_sessions(["10", "9"]).labels
    ('9', '10')
    >>> order_sessions(["12m", "baseline", "m06"]).labels
    ('baseline', 'm06', '12m')
    >>> order_sessions(["scanA", "scanB"]).known
    False
    """
    told = dates or {}
    ways: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("dates", lambda label: read_moment(told.get(label))),
        ("numbers", _by_number(labels)),
        ("numbers", _by_time),
        (_WORD, _by_visit),
        (_WORD, _by_pre_and_post),
    )
    if len(labels) < 2:
        return SessionOrder(tuple(labels), "numbers")
    for by, key in ways:
        keys = {label: key(label) for label in labels}
        if None not in keys.values() and len(set(keys.values())) == len(labels):
            return SessionOrder(tuple(sorted(labels, key=keys.__getitem__)), by)  # type: ignore[arg-type]
    return SessionOrder(tuple(labels), "")


def read_moment(text: str | None) -> datetime | None:
    """Read a date, without its time zone; None where it is none."""
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=None)
    except ValueError:
        return None


def _by_number(labels: Sequence[str]) -> Callable[[str], object]:
    """Return numbers if all labels are otherwise the same."""
    around = {_around(label) for label in labels}
    return _number if len(around) == 1 and None not in around else lambda _: None


def _split(label: str) -> tuple[str, int, str] | None:
    parts = _PARTS.fullmatch(re.sub(r"[\W_]+", "", label).lower())
    return (parts["before"], int(parts["number"]), parts["after"]) if parts else None


def _around(label: str) -> tuple[str, str] | None:
    parts = _split(label)
    return (parts[0], parts[2]) if parts else None


def _number(label: str) -> int | None:
    parts = _split(label)
    return parts[1] if parts else None


def _by_time(label: str) -> float | None:
    """Return days since the baseline."""
    if label.lower() in _FIRST:
        return 0.0
    parts = _split(label)
    if parts is None:
        return None
    before, number, after = parts
    if before in _UNITS and not after:
        return number * _DAYS[_UNITS[before]]
    if after in _UNITS and before in ("", *_LATER):
        return number * _DAYS[_UNITS[after]]
    return None


def _by_visit(label: str) -> float | None:
    """Return the number of a follow-up, 0 for a baseline."""
    word = label.lower()
    if word in _FIRST:
        return 0.0
    if word in _LATER:
        return 1.0
    parts = _split(label)
    return float(parts[1]) if parts and parts[0] in _LATER and not parts[2] else None


def _by_pre_and_post(label: str) -> int | None:
    word, starts = label.lower(), enumerate(("pre", "post"))
    return next((rank for rank, start in starts if word.startswith(start)), None)
