"""What a study file would have to say of tables that were not understood, as lines to paste."""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

import pandas as pd

from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.cells import as_level, ask_unit, each
from npsle_app.cohort.study.columns import CLINICAL, Column, describe_column
from npsle_app.cohort.study.exclusion import EXCLUDED
from npsle_app.cohort.study.joining import BASELINE
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.study_lines import UNKNOWN, StudyLine
from npsle_app.vocabulary import VOCABULARY

_MOST_LEVELS = 20
_ALIKE = 0.75
_OWN = ("participant_id", "session_id", BASELINE, EXCLUDED)


def propose_lines(cohort: Cohort) -> list[StudyLine]:
    """Propose lines for levels of no group, columns of other names, and unusable columns.

    What a person alone can say stands as `?`: the study file is refused until it is said.
    """
    return [*_propose_levels(cohort), *_propose_columns(cohort), *cohort.lines]


def find_ungrouped(cohort: Cohort) -> pd.DataFrame:
    """Return the rows of those who enter and are in no group of the study."""
    study, frame = cohort.study, cohort.frame
    inside = [members(frame, population=study.populations[name]) for name in study.groups]
    entering = frame[EXCLUDED].isna()
    grouped = pd.concat([entering & False, *inside], axis=1).any(axis=1)
    return frame[entering & ~grouped & bool(inside)]


def count_levels(people: pd.DataFrame, column: str) -> Counter[str | None]:
    """Count the levels of a column as a study file names them; None: without a value."""
    return Counter(level or None for level in each(people[column], as_level))


def list_group_columns(cohort: Cohort) -> list[str]:
    """List the columns by which people belong to groups."""
    study = cohort.study
    named = (column for name in study.groups for column in study.populations[name].where)
    return list(dict.fromkeys(named))


def list_asked_levels(cohort: Cohort, column: str) -> list[str]:
    """List the levels of a column that the groups ask for."""
    study = cohort.study
    asked = (study.populations[name].where.get(column, ()) for name in study.groups)
    return [level for levels in asked for level in levels]


def _propose_levels(cohort: Cohort) -> Iterator[StudyLine]:
    """Ask what levels of no group mean; a word for a group that leaves no doubt is written."""
    nowhere = find_ungrouped(cohort)
    for column in list_group_columns(cohort) if len(nowhere) else []:
        if column not in nowhere:
            continue
        known = list_asked_levels(cohort, column)
        counts = count_levels(nowhere, column).most_common(_MOST_LEVELS)
        for level, n in sorted(counts, key=lambda one: one[0] or ""):
            if level is not None and level not in known:
                meant = VOCABULARY.groups.get(level.casefold(), UNKNOWN)
                yield StudyLine(
                    section=("table", "levels", column),
                    key=level,
                    value=meant if meant in known else UNKNOWN,
                    remark=f"n = {n}; the groups ask for {', '.join(known)}",
                )


def _propose_columns(cohort: Cohort) -> Iterator[StudyLine]:
    """Propose which column of the app one of an unknown name is, and ask for its unit."""
    named = {*cohort.study.columns, *cohort.study.columns.values()}
    headings = [str(name) for name in cohort.frame if name not in (*_OWN, *named)]
    taken = {*cohort.frame, *named}
    for heading in headings:
        if describe_column(heading).kind != "unknown":
            continue
        column, sure = _find_meaning(heading, taken=taken)
        if column is None:
            continue
        taken.add(column.name)
        remark = "" if sure else "looks alike"
        yield StudyLine(
            section=("columns",), key=column.name, value=heading, remark=remark, sure=sure
        )
        if sure and column.conversions and column.unit != "year":
            yield ask_unit(column)


def _find_meaning(heading: str, *, taken: set[str]) -> tuple[Column | None, bool]:
    """Return the app's column that a heading may be, and whether its name leaves no doubt."""
    plain = re.sub(r"[\s_-]+", "_", re.sub(r"[\[(].*$", "", heading).strip().lower()).strip("_")
    words = {**{name: name for name in CLINICAL}, **VOCABULARY.columns}
    free = {word: name for word, name in words.items() if name not in taken}
    if plain in free:
        return CLINICAL[free[plain]], True
    near = get_close_matches(plain, free, n=1, cutoff=_ALIKE)
    return (CLINICAL[free[near[0]]], False) if near else (None, False)
