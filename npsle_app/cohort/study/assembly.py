"""From the tables of a study to one row per participant."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from npsle_app.cohort.study.cells import UnusableError, as_level, each, read_smoking, read_values
from npsle_app.cohort.study.columns import describe_column, unit_factor
from npsle_app.cohort.study.defaults import POPULATIONS
from npsle_app.cohort.study.exclusion import EXCLUDED, find_exclusions, take_measures
from npsle_app.cohort.study.joining import (
    BASELINE,
    choose_baseline,
    join_visits,
    refuse_twice,
    with_prefix,
)
from npsle_app.cohort.study.measures import KEYS
from npsle_app.cohort.study.study import Study
from npsle_app.cohort.study.study_lines import StudyLine
from npsle_app.cohort.study.tables import Tables
from npsle_app.cohort.study.tidying import each_table, tidy
from npsle_app.decoding import say_nearest
from npsle_app.vocabulary import VOCABULARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """One row per participant, what was asked of them, and what was found on the way.

    Attributes
    ----------
    study
        What is asked; by it the tables were joined.
    tables
        As they were read, with the sessions that are not the baseline.
    frame
        `participant_id`, `baseline_session`, `excluded_because` (None: enters), then the
        columns under the app's names; numbers and yes/no (1, 0) as floats, levels as text.
    unusable
        Columns whose values cannot be trusted, and why; they are not in the frame.
    notes
        What a reader must know: warnings of the tables, in order.
    lines
        Of a study file, that would make unusable columns usable.
    """

    study: Study
    tables: Tables
    frame: pd.DataFrame
    unusable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lines: tuple[StudyLine, ...] = ()

    @property
    def included(self) -> pd.DataFrame:
        """The rows of those who enter."""
        return self.frame[self.frame[EXCLUDED].isna()]

    def find_absence(self, column: str) -> str:
        """Say why a column is not there; empty if it is."""
        if column in self.unusable:
            return self.unusable[column]
        return "" if column in self.frame else f"no column {column}"


def assemble(tables: Tables, *, study: Study) -> Cohort:
    """Join all tables at the baseline session of each participant, and check them.

    The baseline session is `study.baseline_session`, else the first session with measures (by
    dates, else by what labels tell), else the first visit. Of a column that several tables
    hold, that of participants.tsv is taken, then that of the visits in their order.

    Raises
    ------
    ValueError
        If a participant, or a visit in one table, is named twice, or if the study file names
        a column that no table has.
    """
    tables = tidy(tables, study=study)
    people = with_prefix(tables.participants, where="participants.tsv")
    refuse_twice(people, keys=["participant_id"], where="participants.tsv")
    visits = {name: with_prefix(table, where=name) for name, table in tables.visits.items()}
    for name, table in visits.items():
        refuse_twice(table, keys=[key for key in KEYS if key in table], where=name)
    sessions, by_order = choose_baseline(
        people,
        visits=visits,
        measures=tables.measures,
        dates=tables.dates,
        wanted=study.baseline_session,
    )
    joined, notes = join_visits(people, visits=visits, sessions=sessions)
    notes += by_order
    renamed = _rename(joined, study)
    units = _rename_units(tables.units, study) | dict(study.units)
    frame, errors, voided = _convert(
        renamed,
        units=units,
        people=sessions["participant_id"],
        void_odd_cells=study.table.odd_cells == "missing",
    )
    notes += voided
    measured, more = take_measures(tables.measures, sessions=sessions, rules=study.exclusions)
    clash = [name for name in measured if name in frame]
    frame = pd.concat([sessions, frame.drop(columns=clash), measured], axis=1)
    notes += [f"{name} of the tables is not used: the app measured it" for name in clash]
    reasons = find_exclusions(
        frame,
        listed=people["participant_id"],
        measured=tables.measures,
        study=study,
    )
    frame.insert(2, EXCLUDED, reasons)
    errors = {name: why for name, why in errors.items() if name not in measured}
    unusable = {name: str(error) for name, error in errors.items()}
    for name in sorted(unusable):
        notes.append(f"unusable column: {unusable[name]}")
    return Cohort(
        study=study,
        tables=tables,
        frame=frame,
        unusable=unusable,
        notes=(*tables.notes, *notes, *more),
        lines=tuple(line for name in sorted(errors) for line in errors[name].lines),
    )


def check_typed(cohort: Cohort, *, to_come: Collection[str] = ()) -> None:
    """Refuse a study file that asks for what the tables lack.

    Parameters
    ----------
    to_come
        Columns that are not there yet and will be: measures of a run that is to begin.

    Raises
    ------
    ValueError
        With the columns or the levels that there are.
    """
    study = cohort.study
    own = [one for one in study.populations.values() if one not in POPULATIONS]
    there = [str(name) for name in cohort.frame if name not in (BASELINE, EXCLUDED)]
    for name in sorted({*study.typed, *(column for one in own for column in one.where)}):
        if name not in cohort.frame and name not in cohort.unusable and name not in to_come:
            msg = (
                f"the study file names {name!r}, which no table has; there are {there}"
                f"{say_nearest(name, [*there, *to_come])}"
            )
            raise ValueError(msg)
    for population in own:
        for column, levels in population.where.items():
            if column in cohort.frame:
                _check_levels(cohort, population.name, column, levels)
    for name, unit in study.units.items():
        unit_factor(describe_column(name), given=unit)
    _check_table_rules(cohort)


def _check_table_rules(cohort: Cohort) -> None:
    """Refuse rules of a column that no table has, which would change nothing unsaid."""
    rules, study = cohort.study.table, cohort.study
    read = {str(name) for _, table in each_table(cohort.tables) for name in table}
    known = {*read, *cohort.tables.headings.values(), *study.columns}
    for section, names in (("missing", rules.missing), ("levels", rules.levels)):
        for name in names:
            if name not in known and name != "*":
                msg = (
                    f"table.{section}: no table has a column {name!r}; there are "
                    f"{sorted(known)}{say_nearest(name, known)}"
                )
                raise ValueError(msg)


def _check_levels(cohort: Cohort, population: str, column: str, levels: tuple[str, ...]) -> None:
    found = sorted(set(each(cohort.frame[column].dropna(), as_level)))
    if unknown := sorted(set(levels) - set(found)):
        msg = (
            f"populations.{population} asks for {unknown} of {column}; there are {found}"
            f"{say_nearest(unknown[0], found)}"
        )
        raise ValueError(msg)


def _rename(joined: pd.DataFrame, study: Study) -> pd.DataFrame:
    for name, theirs in study.columns.items():
        if theirs not in joined:
            there = sorted(map(str, joined.columns))
            msg = f"columns.{name}: no table has {theirs!r}; there are {there}"
            msg += say_nearest(theirs, there)
            raise ValueError(msg)
    hidden = [name for name in study.columns if name in joined and study.columns[name] != name]
    taken = joined.drop(columns=hidden)
    return taken.rename(columns={theirs: name for name, theirs in study.columns.items()})


def _rename_units(units: Mapping[str, str], study: Study) -> dict[str, str]:
    ours = {theirs: name for name, theirs in study.columns.items()}
    return {ours.get(name, name): unit for name, unit in units.items()}


def _convert(
    joined: pd.DataFrame,
    *,
    units: Mapping[str, str],
    people: pd.Series,
    void_odd_cells: bool,
) -> tuple[pd.DataFrame, dict[str, UnusableError], list[str]]:
    columns: dict[str, pd.Series] = {}
    unusable: dict[str, UnusableError] = {}
    notes: list[str] = []
    for name in map(str, joined.columns):
        column, unit = describe_column(name), units.get(name, "")
        read = partial(read_values, column=column, unit=unit, people=people)
        try:
            if void_odd_cells:
                columns[name], voided = _read_around_odd_cells(read, joined[name])
                notes += voided
            else:
                columns[name] = read(joined[name])
        except UnusableError as error:
            unusable[name] = error
    frame = pd.DataFrame(columns, index=joined.index)
    if "current_smoking" not in joined and "smoking" in frame:
        try:
            frame["current_smoking"] = read_smoking(frame["smoking"], people=people)
            notes += _tell_smoking(frame)
        except UnusableError as error:
            unusable["current_smoking"] = error
    return frame, unusable, notes


def _read_around_odd_cells(
    read: Callable[[pd.Series], pd.Series], texts: pd.Series
) -> tuple[pd.Series, list[str]]:
    """Take cells that cannot be read as missing: first odd texts, then impossible numbers."""
    notes: list[str] = []
    for _ in range(2):
        try:
            return read(texts), notes
        except UnusableError as error:
            if error.wrong is None:
                raise
            texts = texts.where(~error.wrong.astype(bool), None)
            notes.append(f"{int(error.wrong.sum())} cells are taken as missing: {error}")
    return read(texts), notes


def _tell_smoking(frame: pd.DataFrame) -> list[str]:
    """Say where a column of levels told smoking by yes and no."""
    levels = {str(level).lower() for level in frame["smoking"].dropna()}
    if not levels & set(VOCABULARY.yes_no):
        return []
    n = int(frame["current_smoking"].sum())
    return [f"smoking holds yes and no: read as smoking now ({n} yes)"]
