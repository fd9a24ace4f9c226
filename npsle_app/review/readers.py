"""Who reads: initials, and that nobody else writes under them at the same time."""

import fcntl
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_INITIALS = re.compile(r"[A-Z][A-Z0-9]{0,7}")
SILENCE_S = 60.0  # a browser that was closed without a word is given up after this


class TakenError(Exception):
    """Somebody reads under these initials."""


@dataclass(slots=True)
class Seat:
    """A reader's place: their initials, the secret of their browser, and when it last spoke."""

    initials: str
    secret: str
    lock: TextIO | None
    seen: float
    left: bool = False


@dataclass
class Readers:
    """All who read in this room; `folder` holds the locks that other rooms respect."""

    folder: Path
    clock: Callable[[], float] = time.monotonic
    _seats: dict[str, Seat] = field(default_factory=dict)

    def enter(self, initials: str, *, secret: str | None = None) -> Seat:
        """Give a reader their place.

        Who comes back with the secret of their browser finds it again.

        Raises
        ------
        ValueError
            If these are no initials.
        TakenError
            If somebody else reads under them, here or in another room of the same folder.
        """
        name = initials.strip().upper()
        if not _INITIALS.fullmatch(name):
            msg = "initials are 1 to 8 letters and digits, a letter first"
            raise ValueError(msg)
        seat = self._seats.get(name)
        if seat is not None and secret is not None and secrets.compare_digest(seat.secret, secret):
            return self._touch(seat)
        if seat is not None and not seat.left and self.clock() - seat.seen < SILENCE_S:
            msg = f"{name} is reading at this moment. Take other initials, or wait until they leave"
            raise TakenError(msg)
        lock = seat.lock if seat is not None and seat.lock else self._lock(name)
        made = Seat(name, secrets.token_urlsafe(24), lock, self.clock())
        self._seats[name] = made
        return made

    def find(self, secret: str | None) -> Seat | None:
        """Return the seat of a browser; None where it has none, or another took it since."""
        for seat in self._seats.values() if secret else ():
            if secret and secrets.compare_digest(seat.secret, secret):
                try:
                    return self._touch(seat)
                except TakenError:  # they left, and sit in another room of the folder now
                    return None
        return None

    def leave(self, seat: Seat) -> None:
        """Let others, or the same person from another browser, take the initials."""
        seat.left = True
        if seat.lock is not None:
            seat.lock.close()
            seat.lock = None

    def close(self) -> None:
        """Give up all locks."""
        for seat in self._seats.values():
            self.leave(seat)
        self._seats.clear()

    def _touch(self, seat: Seat) -> Seat:
        seat.lock = seat.lock or self._lock(seat.initials)
        seat.seen, seat.left = self.clock(), False
        return seat

    def _lock(self, name: str) -> TextIO:
        """Lock the initials against other rooms; the system lifts it when this process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stream = (self.folder / f".reader-{name}.lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.close()
            msg = f"{name} is reading in another room of this folder. Take other initials"
            raise TakenError(msg) from error
        return stream
