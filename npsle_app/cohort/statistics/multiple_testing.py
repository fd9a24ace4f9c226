"""Families of tests that share one false discovery rate."""

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.study.study import Family, Study


def control_false_discoveries(p: Floats) -> Floats:
    """Return q-values (Benjamini 1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    A missing p-value is no test: its q is missing and it does not count.

    Examples
    --------
    >>> control_false_discoveries(np.array([0.01, np.nan, 0.03, 0.5])).tolist()
    [0.03, nan, 0.045, 0.5]
    """
    from scipy import stats

    q = np.full(len(p), np.nan)
    tested = np.isfinite(p)
    if tested.any():
        q[tested] = stats.false_discovery_control(p[tested])
    return q


def add_families(
    table: pd.DataFrame,
    *,
    study: Study,
    analysis: str,
    p_columns: tuple[str, ...],
    apart: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Add the column `family`, and a q-value beside each p-value.

    A row belongs to the first family of the study that fits it. Rows that differ in one of
    the columns `apart` (a method, a model) answer the same question another way and are
    corrected apart.
    """
    names = [_find_family(row, study=study, analysis=analysis) for _, row in table.iterrows()]
    table = table.assign(family=pd.Series(names, index=table.index, dtype=object))
    for column in p_columns:
        q = pd.Series(np.nan, index=table.index)
        for _, rows in table.groupby(["family", *apart], sort=False):
            p = rows[column].to_numpy(dtype=float)
            q[rows.index] = control_false_discoveries(p)
        table.insert(int(table.columns.get_loc(column)) + 1, f"q{column[1:]}", q)  # type: ignore[arg-type]
    return table


def count_expected(table: pd.DataFrame, *, p_column: str, alpha: float) -> tuple[int, float, int]:
    """Return the number of tests, of p < alpha expected by chance alone, and of those seen."""
    p = table[p_column].dropna()
    return len(p), alpha * len(p), int((p < alpha).sum())


def _find_family(row: pd.Series, *, study: Study, analysis: str) -> str:
    for family in study.families:
        if family.analysis == analysis and _fits(row, family):
            return family.name
    return analysis


def _fits(row: pd.Series, family: Family) -> bool:
    wanted = {
        "measure": family.measures,
        "contrast": family.contrasts,
        "clinical": family.clinical,
    }
    return all(not names or row.get(column) in names for column, names in wanted.items())
