"""From columns of the analysis frame to the numbers of a model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.study.assembly import Cohort

_PEOPLE_PER_LEVEL = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariates:
    """Covariates of the participants who have all of them.

    Attributes
    ----------
    matrix : (n, k) array
        Numbers minus their mean; levels as one column each, but for the first of them.
    names
        Of the columns of the matrix.
    rows
        Labels of the rows of the frame that are complete.
    constant
        Covariates that have one value in these rows: they change nothing and are left out.
    used
        The columns that are in the matrix, those of the acquisition last.
    notes
        Why a column of the acquisition is not in the matrix although it varies.
    """

    matrix: Floats
    names: tuple[str, ...]
    rows: pd.Index
    constant: tuple[str, ...]
    used: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def take_covariates(
    cohort: Cohort,
    *,
    rows: pd.DataFrame,
    names: tuple[str, ...],
    needed: tuple[str, ...],
    acquisition: tuple[str, ...] = (),
    apart: pd.Series | None = None,
) -> Covariates:
    """Take covariates of those who have them and the columns `needed`.

    Parameters
    ----------
    acquisition
        Columns that say how someone was scanned. They enter as well where they vary, nobody is
        left out for them (who has none is a level of their own), and not where they have more
        levels than one for each ten people, or tell the sides of `apart` from each other.
    apart
        Of each row, on which side of a comparison it is.

    Raises
    ------
    ValueError
        If one of the columns is not there, or no one has all of them.
    """
    for name in (*needed, *names):
        if absence := cohort.find_absence(name):
            raise ValueError(absence)
    if rows.empty:
        msg = "no one is in the groups that are compared"
        raise ValueError(msg)
    complete = rows[rows[[*needed, *names]].notna().all(axis=1)]
    if complete.empty:
        empty = [name for name in (*needed, *names) if rows[name].isna().all()]
        msg = f"{', '.join(empty)} is missing for all" if empty else "no one has all columns"
        raise ValueError(msg)
    columns: dict[str, Floats] = {}
    constant = []
    for name in names:
        found = encode(complete[name])
        columns |= found
        constant += [] if found else [name]
    used = [name for name in names if name not in constant]
    side = None if apart is None else apart.loc[complete.index]
    notes = []
    for name in (one for one in acquisition if one in rows and one not in (*names, *needed)):
        levels = complete[name].astype(object).where(complete[name].notna(), "n/a").map(str)
        found, note = _encode_acquisition(levels, columns, side=side)
        columns |= found
        used += [name] if found else []
        notes += [note] if note else []
    stacked = np.column_stack(list(columns.values())) if columns else np.empty((len(complete), 0))
    return Covariates(
        matrix=stacked,
        names=tuple(columns),
        rows=complete.index,
        constant=tuple(constant),
        used=tuple(used),
        notes=tuple(notes),
    )


def _encode_acquisition(
    levels: pd.Series, columns: Mapping[str, Floats], *, side: pd.Series | None
) -> tuple[dict[str, Floats], str]:
    """Encode how people were scanned, unless nothing or too much hangs on it."""
    found, n = encode(levels), len(levels)
    if not found:
        return {}, ""
    if len(found) > max(n // _PEOPLE_PER_LEVEL, 1):
        told = f"{len(found) + 1} levels for {n} people"
        return {}, f"not adjusted for {levels.name}: {told}"
    if side is not None and _is_of_one_side(levels, side):
        return {}, f"not adjusted for {levels.name}: each of its levels is in one group alone"
    known = np.column_stack([np.ones(n), *columns.values()])
    together = np.column_stack([known, *found.values()])
    if np.linalg.matrix_rank(together) < np.linalg.matrix_rank(known) + len(found):
        return {}, ""  # another column says the same
    return found, ""


def _is_of_one_side(levels: pd.Series, side: pd.Series) -> bool:
    """Say whether each level is found on one side alone."""
    return bool((pd.crosstab(levels, side) > 0).sum(axis=1).eq(1).all())


def encode(values: pd.Series) -> dict[str, Floats]:
    """Turn a complete column into numbers: none if it is constant.

    Examples
    --------
    >>> encode(pd.Series(["F", "M", "F"], name="sex"))
    {'sex: M': array([0., 1., 0.])}
    """
    name = str(values.name)
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float)
        return {name: numbers - numbers.mean()} if np.ptp(numbers) else {}
    texts = values.to_numpy(dtype=object)
    levels = sorted(set(texts))
    return {f"{name}: {level}": (texts == level).astype(float) for level in levels[1:]}
