"""From columns of the analysis frame to the numbers of a model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.study.assembly import Cohort


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
    """

    matrix: Floats
    names: tuple[str, ...]
    rows: pd.Index
    constant: tuple[str, ...]


def take_covariates(
    cohort: Cohort, *, rows: pd.DataFrame, names: tuple[str, ...], needed: tuple[str, ...]
) -> Covariates:
    """Take covariates of those who have them and the columns `needed`.

    Raises
    ------
    ValueError
        If one of the columns is not there, or no one has all of them.
    """
    for name in (*needed, *names):
        if absence := cohort.find_absence(name):
            raise ValueError(absence)
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
    stacked = np.column_stack(list(columns.values())) if columns else np.empty((len(complete), 0))
    return Covariates(
        matrix=stacked, names=tuple(columns), rows=complete.index, constant=tuple(constant)
    )


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
