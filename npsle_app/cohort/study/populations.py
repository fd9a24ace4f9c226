"""Who belongs to which population, and why there is no one."""

from collections.abc import Iterable

import pandas as pd

from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.cells import as_level, each
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.study import Contrast, Population, Study


def members(frame: pd.DataFrame, *, population: Population) -> pd.Series:
    """Say which rows belong to a population; none if a column is not there.

    Those who are excluded belong to none.
    """
    inside = frame[EXCLUDED].isna()
    for column, levels in population.where.items():
        if column not in frame:
            return inside & False
        values = frame[column]
        inside &= (values if values.dtype == object else each(values, as_level)).isin(levels)
    return inside


def find_members(cohort: Cohort) -> dict[str, pd.Series]:
    """Say which rows belong to each population of the study, by its name."""
    return {
        name: members(cohort.frame, population=population)
        for name, population in cohort.study.populations.items()
    }


def contrast_sides(
    frame: pd.DataFrame, *, study: Study, contrast: Contrast
) -> tuple[pd.Series, pd.Series]:
    """Say which rows are in the group of a contrast and which in what it is compared with."""
    group, against = (
        members(frame, population=study.populations[name])
        for name in (contrast.group, contrast.against)
    )
    return group, against


def take(frame: pd.DataFrame, *, inside: pd.Series, columns: Iterable[str]) -> pd.DataFrame:
    """Take rows, and of the columns those that are there (all of them would be slow)."""
    kept = dict.fromkeys(("participant_id", *columns))
    return frame.loc[inside, [name for name in kept if name in frame]]


def explain_empty(cohort: Cohort, *, population: Population) -> str:
    """Say why a population has no members: a column or a level that is not there."""
    for column, levels in population.where.items():
        if absence := cohort.find_absence(column):
            return f"{population.label}: {absence}"
        values = cohort.frame.loc[cohort.frame[EXCLUDED].isna(), column]
        found = sorted(set(each(values.dropna().drop_duplicates(), as_level)))
        if not set(levels) & set(found):
            return f"{population.label}: {column} has none of {list(levels)}; it has {found}"
    return f"{population.label}: no one"
