"""Who was scanned at which site, where measures are to be harmonised over sites."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats, Ints
from npsle_app.cohort.estimators.combat import LEAST_PER_SITE
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.cells import as_level, each
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.covariates import take_covariates

_TWO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The sites of those who have one, and all covariates.

    Attributes
    ----------
    numbers : (n,) array
        Of each person's site, from 0.
    names
        Of the sites, in this order.
    covariates : (n, k) array
        What measures may differ by and keep.
    used
        Names of the covariates.
    rows
        Labels of the rows of the frame.
    notes
        Sites that have people of one group alone.
    """

    numbers: Ints
    names: tuple[str, ...]
    covariates: Floats
    used: tuple[str, ...]
    rows: pd.Index
    notes: tuple[str, ...]


def take_sites(
    cohort: Cohort,
    *,
    people: pd.DataFrame,
    groups: pd.Series,
    without: frozenset[str] = frozenset(),
) -> Sites:
    """Take the sites of the study's `combat` and what measures keep.

    Parameters
    ----------
    people
        Rows of the frame.
    groups
        What is to be compared, by the rows' labels; missing where it is neither.
    without
        Covariates that must not be known, for they tell the groups.

    Raises
    ------
    ValueError
        If there is no such column, one site alone or one with fewer than three people, or if
        what sites differ by cannot be told from groups or covariates.
    """
    asked = cohort.study.combat
    wanted = [one for one in asked.covariates if one != asked.site and one not in without]
    there = [one for one in wanted if one in cohort.study.typed or not cohort.find_absence(one)]
    taken = take_covariates(cohort, rows=people, names=tuple(there), needed=(asked.site,))
    levels = each(people.loc[taken.rows, asked.site], as_level)
    named = describe_column(asked.site).label.lower()
    counts = levels.value_counts().sort_index()
    if len(counts) < _TWO:
        msg = f"everyone is of {named} {counts.index[0]}: there is nothing to harmonise"
        raise ValueError(msg)
    if few := [f"{name} has {n}" for name, n in counts.items() if n < LEAST_PER_SITE]:
        msg = f"ComBat needs {LEAST_PER_SITE} people of each {named}: {', '.join(few)}"
        raise ValueError(msg)
    single = _list_of_one_group(levels, groups)
    if len(single) == len(counts):
        msg = (
            f"no {named} has people of more than one group: what ComBat would take away may be "
            "the disease, and nothing can tell"
        )
        raise ValueError(msg)
    names = tuple(map(str, counts.index))
    numbers = pd.Categorical(levels, categories=counts.index).codes.astype(np.int64)
    design = np.column_stack([np.eye(len(names))[numbers], taken.matrix])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        msg = f"{', '.join(taken.used)} tell {named}s apart: no one can say which of them it is"
        raise ValueError(msg)
    told = f"people of one group alone at {named} {', '.join(single)}"
    return Sites(
        numbers=numbers,
        names=names,
        covariates=taken.matrix,
        used=taken.used,
        rows=taken.rows,
        notes=(told,) if single else (),
    )


def _list_of_one_group(levels: pd.Series, groups: pd.Series) -> list[str]:
    known = groups.reindex(levels.index).dropna()
    kinds = known.groupby(levels[known.index]).nunique()
    return [str(name) for name in sorted(set(levels)) if kinds.get(name, 0) <= 1]
