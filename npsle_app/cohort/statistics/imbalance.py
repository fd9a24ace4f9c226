"""Whether groups were scanned alike: what tells a site or a scanner may pass for a disease."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from npsle_app.cohort.estimators.two_sample import compare_counts
from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.columns import describe_column
from npsle_app.cohort.study.populations import find_members
from npsle_app.formatting import equals_p

_OTHERS = ("flair_type",)
_NOTABLE_P = 0.05
_PAIR = 2
_SHOWN = 4


def find_imbalances(cohort: Cohort) -> list[str]:
    """Say between which populations sites, scanners or types of scan differ.

    Looked at are the groups together, then each contrast whose sides are not among the groups;
    Pearson's χ² or, where counts are small, Fisher's test. Nothing is taken away: the sentences
    stand before any number.
    """
    inside = find_members(cohort)
    columns = dict.fromkeys((*cohort.study.acquisition, *_OTHERS))
    there = [one for one in columns if one in cohort.frame]
    return list(
        dict.fromkeys(
            sentence
            for names in _list_comparisons(cohort)
            for column in there
            for sentence in _compare(cohort, names, column, inside)
        )
    )


def _list_comparisons(cohort: Cohort) -> Iterator[Sequence[str]]:
    study = cohort.study
    yield study.groups
    for contrast in study.contrasts:
        sides = (contrast.against, contrast.group)
        if not set(sides) <= set(study.groups):
            yield sides


def _compare(
    cohort: Cohort, names: Sequence[str], column: str, inside: dict[str, pd.Series]
) -> Iterator[str]:
    values = {
        cohort.study.label(name): cohort.frame.loc[inside[name], column].dropna().map(str)
        for name in names
    }
    known = {label: one for label, one in values.items() if len(one)}
    levels = sorted({level for one in known.values() for level in one})
    if min(len(known), len(levels)) < _PAIR:
        return
    table = np.array([[(one == level).sum() for level in levels] for one in known.values()])
    p = compare_counts(table, recommended=True).p
    alone = bool(((table > 0).sum(axis=0) == 1).all())
    if p >= _NOTABLE_P and not alone:
        return
    name, groups = describe_column(column).label, " and ".join(known)
    if alone:
        yield (
            f"{name} tells {groups} apart: no {name.lower()} has more than one of them, so a "
            f"difference between them may be that of the {name.lower()}, and no model can adjust "
            "for it"
        )
        return
    counts = "; ".join(
        f"{label} {', '.join(_count(row, levels))}" for label, row in zip(known, table, strict=True)
    )
    adjusted = column in cohort.study.adjusts_for
    yield (
        f"{name}: {groups} were not scanned alike ({counts}; {equals_p(p)}): a difference between "
        f"them may be that of the {name.lower()}; "
        + (
            "models are adjusted for it, tests of ranks are not"
            if adjusted
            else "nothing is adjusted for it"
        )
    )


def _count(row: np.ndarray, levels: Sequence[str]) -> Iterator[str]:
    for n, level in list(zip(row, levels, strict=True))[:_SHOWN]:
        yield f"{n} {level}"
    if len(levels) > _SHOWN:
        yield "…"
