"""What a table of participants holds beside the images, before anything is computed."""

from collections.abc import Iterator

import pandas as pd

from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.exclusion import EXCLUDED, NOT_LISTED, NOT_MEASURED
from npsle_app.cohort.study.populations import members
from npsle_app.cohort.study.proposal import (
    count_levels,
    find_ungrouped,
    list_asked_levels,
    list_group_columns,
    propose_lines,
)
from npsle_app.cohort.study.study_lines import write_lines
from npsle_app.formatting import format_how_many

_SHOWN = 5


def look_at_cohort(cohort: Cohort) -> list[str]:
    """Say who of the table was matched, how many each group has, and what was not understood.

    Returns
    -------
    list of str
        Lines to show before computing; each that tells of a loss names what to write in the
        study file. The last ones are these lines together, as TOML.

    Raises
    ------
    ValueError
        If participants are listed and none of them is matched.
    """
    lines = [_tell_matched(cohort), *_tell_groups(cohort)]
    lines += [f"not understood: {cohort.unusable[name]}" for name in sorted(cohort.unusable)]
    lines += [note for note in cohort.notes if not note.startswith("unusable column")]
    return [*lines, *write_lines(propose_lines(cohort))]


def _tell_matched(cohort: Cohort) -> str:
    reasons, people = cohort.frame[EXCLUDED], cohort.frame["participant_id"]
    unlisted, absent = (people[reasons == reason] for reason in (NOT_LISTED, NOT_MEASURED))
    listed = len(people) - len(unlisted)
    matched = listed - len(absent)
    if listed and not matched:
        msg = (
            f"none of the {listed} participants of the table has images or measures: it names "
            f"{_name(absent)}, and the folders are called {_name(unlisted) or 'nothing'}; "
            "participant_id must hold the names of the folders"
        )
        raise ValueError(msg)
    text = f"{matched} of {listed} participants of the table have images or measures"
    if len(absent):
        text += f"; not {_name(absent)}"
    if len(unlisted):
        text += f"; {len(unlisted)} more have some and are not in the table ({_name(unlisted)})"
    return text


def _tell_groups(cohort: Cohort) -> Iterator[str]:
    study, frame = cohort.study, cohort.frame
    sizes = [
        f"{study.label(name)} {int(members(frame, population=study.populations[name]).sum())}"
        for name in study.groups
    ]
    if sizes:
        yield f"groups: {', '.join(sizes)}"
    nowhere = find_ungrouped(cohort)
    if len(nowhere):
        are = "is" if len(nowhere) == 1 else "are"
        told = format_how_many(len(nowhere), "participant")
        yield f"{told} {are} in no group: {_name(nowhere['participant_id'])}"
        yield from _tell_levels(nowhere, cohort)


def _tell_levels(nowhere: pd.DataFrame, cohort: Cohort) -> Iterator[str]:
    """Name the levels that no group asks for, and where to say what they mean."""
    for column in list_group_columns(cohort):
        if column not in nowhere:
            yield f"  {cohort.find_absence(column)}: name it under [columns] of the study file"
            continue
        counts = count_levels(nowhere, column)
        empty = counts.pop(None, 0)
        known = list_asked_levels(cohort, column)
        if empty:
            yield f"  {column} is empty for {empty} of them"
        odd = [level for level, _ in counts.most_common() if level not in known]
        if odd:
            held = ", ".join(f"{level!r} ({n})" for level, n in counts.most_common(_SHOWN))
            yield (
                f"  {column} holds {held} there, and the groups ask for {known}; say what they "
                f'mean under [table.levels.{column}] of the study file: "{odd[0]}" = …'
            )


def _name(people: pd.Series) -> str:
    shown = ", ".join(people[:_SHOWN])
    return shown + (f" and {len(people) - _SHOWN} more" if len(people) > _SHOWN else "")
