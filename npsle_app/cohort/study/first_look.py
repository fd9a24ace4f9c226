"""What a table of participants holds beside the images, before anything is computed."""

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from npsle_app.cohort.study.assembly import Cohort
from npsle_app.cohort.study.cells import as_level, each
from npsle_app.cohort.study.exclusion import EXCLUDED, NOT_LISTED, NOT_MEASURED
from npsle_app.cohort.study.populations import members

_SHOWN = 5
_NOTHING = "nothing"


def look_at_cohort(cohort: Cohort) -> list[str]:
    """Say who of the table was matched, how many each group has, and what was not understood.

    Returns
    -------
    list of str
        Lines to show before computing; each that tells of a loss names what to write in the
        study file.

    Raises
    ------
    ValueError
        If participants are listed and none of them is matched.
    """
    lines = [_tell_matched(cohort), *_tell_groups(cohort)]
    lines += [f"not understood: {cohort.unusable[name]}" for name in sorted(cohort.unusable)]
    return [*lines, *(note for note in cohort.notes if not note.startswith("unusable column"))]


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
    inside = {name: members(frame, population=study.populations[name]) for name in study.groups}
    sizes = [f"{study.label(name)} {int(rows.sum())}" for name, rows in inside.items()]
    if sizes:
        yield f"groups: {', '.join(sizes)}"
    entering = frame[EXCLUDED].isna()
    grouped = pd.concat([entering & False, *inside.values()], axis=1).any(axis=1)
    nowhere = frame[entering & ~grouped & bool(inside)]
    columns = dict.fromkeys(
        column for name in study.groups for column in study.populations[name].where
    )
    if len(nowhere):
        yield f"{len(nowhere)} participants are in no group: {_name(nowhere['participant_id'])}"
        yield from _tell_levels(nowhere, cohort, columns=list(columns))


def _tell_levels(nowhere: pd.DataFrame, cohort: Cohort, *, columns: list[str]) -> Iterator[str]:
    """Name the levels that no group asks for, and the line that would give them one."""
    study = cohort.study
    for column in columns:
        if column not in nowhere:
            yield f"  {cohort.find_absence(column)}: name it under [columns] of the study file"
            continue
        counts = Counter(each(nowhere[column], as_level).fillna(_NOTHING))
        held = ", ".join(f"{level!r} ({n})" for level, n in counts.most_common(_SHOWN))
        asked = [study.populations[name].where.get(column, ()) for name in study.groups]
        known = [level for levels in asked for level in levels]
        told = f"  {column} holds {held} there, and the groups ask for {known}"
        odd = [level for level, _ in counts.most_common() if level != _NOTHING]
        yield told + (
            f"; say what they mean under [table.levels.{column}] of the study file: "
            f'"{odd[0]}" = "{known[-1]}"'
            if odd
            else ""
        )


def _name(people: pd.Series) -> str:
    shown = ", ".join(people[:_SHOWN])
    return shown + (f" and {len(people) - _SHOWN} more" if len(people) > _SHOWN else "")
