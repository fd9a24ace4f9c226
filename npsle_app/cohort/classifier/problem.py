"""From a data frame to what a classifier can learn from: terms, classes and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats, Ints

LEAST_PER_CLASS = 10  # five folds inside five folds leave each inner fold one of each class


class NotEstimableError(ValueError):
    """The data do not allow the question to be answered; the message names the column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One number per participant that enters the model.

    `level` is set for a category: the term is 1 where the column has that level.
    `zero_becomes` is set where the natural logarithm is taken: what a zero is replaced by.
    """

    column: str
    block: str
    unit: str = "1"
    level: str | None = None
    zero_becomes: float | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        if self.level is not None:
            return f"{self.column} = {self.level}"
        return self.column if self.zero_becomes is None else f"ln({self.column})"

    def read(self, values: pd.Series) -> Floats:
        """Return the term's value for each participant; NaN is missing.

        Raises
        ------
        NotEstimableError
            If the column holds text where numbers are expected.
        """
        if self.level is not None:
            levels = values.astype(object)
            same = levels.map(str).eq(self.level).astype(float)
            return np.asarray(same.where(levels.notna(), np.nan), dtype=np.float64)
        numbers = _numbers(values, name=self.column)
        if self.zero_becomes is None:
            return numbers
        with np.errstate(invalid="ignore", divide="ignore"):
            logs: Floats = np.log(np.where(numbers == 0, self.zero_becomes, numbers))
        return logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be told apart, and from what.

    Attributes
    ----------
    x : (n, p) array
        The terms; NaN is missing.
    y : (n,) array
        1 for `positive`, 0 for `negative`.
    rows : (n,) array
        Positions of the participants in the frame.
    left_out
        Reason by name of each predictor that could not be used.
    """

    x: Floats
    y: Floats
    terms: tuple[Term, ...]
    participants: tuple[str, ...]
    rows: tuple[int, ...]
    positive: str
    negative: str
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms."""
        return tuple(term.name for term in self.terms)

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the terms."""
        return frozenset(term.column for term in self.terms)

    def of_blocks(self, *blocks: str) -> "Problem":
        """Keep the terms of these blocks alone."""
        return self.keep([term.block in blocks for term in self.terms])

    def keep(self, chosen: Sequence[bool]) -> "Problem":
        """Keep some of the terms."""
        terms = tuple(term for term, kept in zip(self.terms, chosen, strict=True) if kept)
        return replace(self, x=self.x[:, np.asarray(chosen, dtype=bool)], terms=terms)

    def complete(self) -> "Problem":
        """Keep the participants without a missing value."""
        return self.take(np.flatnonzero(np.isfinite(self.x).all(axis=1)))

    def take(self, at: Ints) -> "Problem":
        """Keep the participants at these positions."""
        return replace(
            self,
            x=self.x[at],
            y=self.y[at],
            participants=tuple(self.participants[i] for i in at),
            rows=tuple(self.rows[i] for i in at),
        )


def pose(
    frame: pd.DataFrame,
    *,
    group: pd.Series,
    against: pd.Series,
    blocks: Mapping[str, Sequence[str]],
    labels: tuple[str, str],
    units: Mapping[str, str] | None = None,
    ln_columns: Mapping[str, float] | None = None,
) -> Problem:
    """Gather classes and predictors.

    Parameters
    ----------
    frame
        One row per participant, with `participant_id`.
    group, against
        Who is of class 1, and who of class 0, by the frame's index.
    blocks
        Columns by block (`clinical`, `imaging`), pre-specified.
    labels
        What the two classes are called, class 1 first.
    units
        Unit by column.
    ln_columns
        Columns that enter as their natural logarithm, with what a zero becomes before.

    Raises
    ------
    NotEstimableError
        If a class has fewer than `LEAST_PER_CLASS` participants or no predictor can be used.
    ValueError
        If a participant has two rows, which two folds could tear apart, or is of both classes.
    """
    _check_people(frame, group=group, against=against)
    people = frame[group | against]
    y = group[group | against].to_numpy(float)
    for number, label in ((1.0, labels[0]), (0.0, labels[1])):
        if (n := int((y == number).sum())) < LEAST_PER_CLASS:
            msg = f"not estimable: {n} participants in {label}, at least {LEAST_PER_CLASS} needed"
            raise NotEstimableError(msg)
    kept, left_out = _choose(people, blocks=blocks, units=units or {}, ln_columns=ln_columns or {})
    if not kept:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "none was named"
        msg = f"not estimable: no predictor can be used ({told})"
        raise NotEstimableError(msg)
    return Problem(
        x=np.column_stack([values for _, values in kept]),
        y=y,
        terms=tuple(term for term, _ in kept),
        participants=tuple(people["participant_id"].map(str)),
        rows=tuple(int(i) for i in np.flatnonzero((group | against).to_numpy())),
        positive=labels[0],
        negative=labels[1],
        left_out=left_out,
    )


def _check_people(frame: pd.DataFrame, *, group: pd.Series, against: pd.Series) -> None:
    twice = frame.loc[(group | against) & frame["participant_id"].duplicated(), "participant_id"]
    if len(twice):
        msg = f"{twice.iloc[0]} has two rows; a classifier takes one row per participant"
        raise ValueError(msg)
    if (group & against).any():
        who = frame.loc[group & against, "participant_id"].iloc[0]
        msg = f"{who} belongs to both classes; fix the populations of the contrast"
        raise ValueError(msg)


def _choose(
    people: pd.DataFrame,
    *,
    blocks: Mapping[str, Sequence[str]],
    units: Mapping[str, str],
    ln_columns: Mapping[str, float],
) -> tuple[list[tuple[Term, Floats]], dict[str, str]]:
    kept: list[tuple[Term, Floats]] = []
    left_out: dict[str, str] = {}
    for block, names in blocks.items():
        for name in names:
            try:
                terms = _terms(people, name, block=block, unit=units.get(name, "1"))
                if name in ln_columns:
                    terms = [replace(term, zero_becomes=ln_columns[name]) for term in terms]
                kept += [(term, _usable(people, term)) for term in terms]
            except NotEstimableError as problem:
                left_out[name] = str(problem)
    return kept, left_out


def _terms(people: pd.DataFrame, name: str, *, block: str, unit: str) -> list[Term]:
    if name not in people:
        msg = f"not estimable: there is no column {name}"
        raise NotEstimableError(msg)
    values = people[name]
    if values.isna().all():
        msg = f"not estimable: {name} is missing in all {len(values)} participants"
        raise NotEstimableError(msg)
    if pd.api.types.is_numeric_dtype(values) or _is_numeric(values):
        return [Term(column=name, block=block, unit=unit)]
    levels = sorted(set(values.dropna().map(str)))
    if len(levels) == 1:
        msg = f"not estimable: {name} is {levels[0]!r} in all participants"
        raise NotEstimableError(msg)
    if len(levels) > max(5, len(values) // 10):
        msg = f"not estimable: {name} holds text ({levels[0]!r}, {levels[1]!r}, …), not numbers"
        raise NotEstimableError(msg)
    return [Term(column=name, block=block, unit=unit, level=level) for level in levels[1:]]


def _usable(people: pd.DataFrame, term: Term) -> Floats:
    values = term.read(people[term.column])
    seen = values[np.isfinite(values)]
    if np.isinf(values).any():
        msg = f"not estimable: {term.name} is not finite in some participants (a value below 0?)"
        raise NotEstimableError(msg)
    if not len(seen):
        msg = f"not estimable: {term.name} has no value"
        raise NotEstimableError(msg)
    if np.ptp(seen) <= 1e-10 * (1 + abs(float(seen.mean()))):
        msg = f"not estimable: {term.column} is constant ({seen[0]:g})"
        raise NotEstimableError(msg)
    return values


def _is_numeric(values: pd.Series) -> bool:
    return bool(pd.to_numeric(values.dropna(), errors="coerce").notna().all())


def _numbers(values: pd.Series, *, name: str) -> Floats:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    text = values[numbers.isna() & values.notna()]
    if len(text):
        msg = f"not estimable: {name} holds text ({str(text.iloc[0])!r}) where numbers belong"
        raise NotEstimableError(msg)
    return np.asarray(numbers, dtype=np.float64)
