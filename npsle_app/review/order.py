"""In which order a reader sees the cases, and in which of them thresholds are compared."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from npsle_app.review.cases import Case

Order = Literal["worst", "random"]


def order_cases(
    cases: Sequence[Case], *, order: Order, reader: str, seed: int
) -> tuple[tuple[Case, ...], str]:
    """Put the cases in a reader's order, and say which it is.

    The draw follows from the seed and the reader's initials, so that a reader who comes back
    goes on where they stopped, and two readers do not tire at the same cases. Cases with like
    checks are in random order, too.
    """
    shuffled = [cases[place] for place in _generator(reader, seed).permutation(len(cases))]
    if order == "random":
        return tuple(shuffled), f"random order, seed {seed} and {reader}"
    ranked = sorted(shuffled, key=lambda case: case.badness, reverse=True)
    return tuple(ranked), f"worst checks first; like ones in random order, seed {seed} and {reader}"


def sample_cases(cases: Sequence[Case], *, size: int, seed: int) -> frozenset[str]:
    """Draw the keys of the cases in which all readers choose a threshold: the same for all."""
    drawn = _generator("", seed).permutation(len(cases))[:size]
    return frozenset(cases[place].key for place in drawn)


def _generator(reader: str, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed} {reader}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
