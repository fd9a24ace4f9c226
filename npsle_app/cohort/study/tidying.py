"""Tables as hospitals export them, put right where their meaning is certain, with a note.

What is not certain stays as it is: `cells` then refuses its column, and says which line of the
study file would tell.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from npsle_app.cohort.study.cells import each
from npsle_app.cohort.study.columns import Column, describe_column, knows_unit
from npsle_app.cohort.study.joining import prefix_session
from npsle_app.cohort.study.study import Study, TableRules
from npsle_app.cohort.study.tables import Tables
from npsle_app.participant_ids import match_ids
from npsle_app.vocabulary import VOCABULARY

_ID = "participant_id"
_KEYS = (_ID, "session_id")
_UNIT_IN_HEADING = re.compile(r"^(?P<name>.+?)\s*[\[(](?P<unit>[^\[\]()]+)[\])]\s*$")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_SHOWN = 3


def tidy(tables: Tables, *, study: Study) -> Tables:
    """Put right what is certain in the tables of a study.

    Ids are matched with those of the measures, empty rows left out, units taken out of headings,
    missing values, decimal commas and spellings of levels made one. `notes` say each of these.
    """
    if tables.tidied:
        return tables
    tables = _drop_rows_without_id(tables)
    tables = _match_ids(tables)
    tables = _match_sessions(tables, told=study.table.sessions)
    tables = _rename_headings(tables, study=study)
    return replace(_clean_columns(tables, study=study), tidied=True)


def each_table(tables: Tables) -> Iterator[tuple[str, pd.DataFrame]]:
    """List the clinical tables with the names of their files, that of the participants first."""
    yield "participants.tsv", tables.participants
    yield from tables.visits.items()


def _with_tables(tables: Tables, frames: Mapping[str, pd.DataFrame], notes: list[str]) -> Tables:
    visits = {name: frames[name] for name in tables.visits}
    return replace(
        tables,
        participants=frames["participants.tsv"],
        visits=visits,
        notes=(*tables.notes, *notes),
    )


def _drop_rows_without_id(tables: Tables) -> Tables:
    frames, notes = {}, []
    for name, table in each_table(tables):
        if _ID not in table:
            msg = f"{name} has no column {_ID}, found {list(table.columns)}"
            raise ValueError(msg)
        cells = table.astype(object)
        blank = cells[_ID].isna() | (cells[_ID].astype(str).str.strip() == "")
        filled = cells.drop(columns=_ID).map(_says_something).any(axis=1) & blank
        if filled.any():
            notes.append(f"{name}: {int(filled.sum())} rows without {_ID} are left out")
        frames[name] = table[~blank].reset_index(drop=True)
    return _with_tables(tables, frames, notes)


def _says_something(value: object) -> bool:
    return value is not None and value == value and str(value).strip() != ""


def _match_ids(tables: Tables) -> Tables:
    known = set(map(str, tables.measures[_ID])) if _ID in tables.measures else set()
    frames: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for name, table in each_table(tables):
        matched = match_ids(map(str, table[_ID].unique()), known=known, where=name)
        frames[name] = table.assign(**{_ID: [matched.ids[str(one)] for one in table[_ID]]})
        notes += matched.notes
    return _with_tables(tables, frames, notes)


def _match_sessions(tables: Tables, *, told: Mapping[str, str]) -> Tables:
    """Call the sessions of a table as the measured ones are called."""
    given = {prefix_session(theirs): prefix_session(ours) for theirs, ours in told.items()}
    labels = tables.measures["session_id"] if "session_id" in tables.measures else pd.Series()
    measured = sorted({label for one in labels.dropna() if (label := prefix_session(one))})
    frames: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for name, table in each_table(tables):
        frames[name] = table
        if "session_id" not in table:
            continue
        theirs = each(table["session_id"], prefix_session)
        theirs = each(theirs, lambda one: given.get(one, one))
        meant, more = _meanings(theirs, measured, name=name)
        renamed = [meant.get(one, one) for one in theirs]
        frames[name] = table.assign(session_id=pd.Series(renamed, theirs.index, dtype=object))
        notes += more
    return _with_tables(tables, frames, notes)


def _meanings(
    theirs: pd.Series, measured: list[str], *, name: str
) -> tuple[dict[str, str | None], list[str]]:
    """Say which measured session each label of a table means, where that is certain."""
    strange = [label for label in dict.fromkeys(theirs.dropna()) if label not in measured]
    if not strange:
        return {}, []
    as_ids = {label: label.replace("ses-", "sub-") for label in strange}
    known = [label.replace("ses-", "sub-") for label in measured]
    matched = match_ids(as_ids.values(), known=known, where=name).ids
    meant: dict[str, str | None] = {
        label: matched[one].replace("sub-", "ses-")
        for label, one in as_ids.items()
        if matched[one] in known
    }
    open_labels = [label for label in strange if label not in meant]
    first = [label for label in open_labels if _is_first(label, among=theirs.dropna())]
    if len(first) == 1 and len(measured) < 2:
        meant[first[0]] = measured[0] if measured else None
    notes = [
        f"{name}: session {label} is taken as {one or 'the only one'}"
        for label, one in meant.items()
    ]
    for label in open_labels:
        if label not in meant:
            there = ", ".join(measured) or "none has a label"
            notes.append(
                f"{name}: no measured session is called {label} ({there}): the values of its "
                f"{int((theirs == label).sum())} rows are not used; say under [table.sessions] "
                f'of the study file which it is: {label.removeprefix("ses-")} = "…"'
            )
    return meant, notes


def _is_first(label: str, *, among: pd.Series) -> bool:
    """Say whether a label can only mean the first session."""
    plain = label.removeprefix("ses-").lower()
    return plain in VOCABULARY.baseline or (plain.lstrip("0") == "1" and len(set(among)) == 1)


def _rename_headings(tables: Tables, *, study: Study) -> Tables:
    """Give columns the app's names where their heading can mean nothing else."""
    taken = {str(column) for _, table in each_table(tables) for column in table}
    asked = set(study.columns.values())
    renamed: dict[str, str] = {}
    units, notes = dict(tables.units), []
    for heading in sorted(taken - asked - set(_KEYS)):
        name, unit = _read_heading(heading)
        free = name not in taken and name not in study.columns and name not in renamed.values()
        if name == heading or not free:
            continue
        renamed[heading] = name
        if unit:
            units.setdefault(name, unit)
        if heading in units:
            units.setdefault(name, units[heading])
        notes.append(f"column {heading!r} is read as {name}" + (f" in {unit}" if unit else ""))
    frames = {name: table.rename(columns=renamed) for name, table in each_table(tables)}
    headings = {ours: heading for heading, ours in renamed.items()}
    return _with_tables(replace(tables, units=units, headings=headings), frames, notes)


def _read_heading(heading: str) -> tuple[str, str]:
    """Return the app's name of a heading and the unit that it holds; itself if not known."""
    parts = _UNIT_IN_HEADING.match(heading.strip())
    name, unit = (parts["name"], parts["unit"]) if parts else (heading, "")
    plain = re.sub(r"[\s_-]+", "_", name.strip().lower())
    ours = VOCABULARY.columns.get(plain, plain)
    column = describe_column(ours)
    if column.kind == "unknown" or (unit and not knows_unit(column, given=unit)):
        return heading, ""
    needs_unit = bool(column.conversions) and column.unit not in ("", "year") and plain != ours
    return (heading, "") if needs_unit and not unit else (ours, unit)


def _clean_columns(tables: Tables, *, study: Study) -> Tables:
    ours = {theirs: name for name, theirs in study.columns.items()}
    frames = {name: table.copy() for name, table in each_table(tables)}
    names = dict.fromkeys(
        str(column) for table in frames.values() for column in table if column not in _KEYS
    )
    notes: list[str] = []
    for name in names:
        column = describe_column(ours.get(name, name))
        called = tuple(dict.fromkeys((name, column.name, tables.headings.get(name, name))))
        there = [where for where, table in frames.items() if name in table]
        texts = pd.concat([frames[where][name] for where in there], keys=there)
        cleaned, told = clean_column(
            _told_meanings(texts, *called, rules=study.table),
            column=column,
            levels=_levels_asked(study, column.name),
            rules=_rules_of(study.table, *called),
        )
        notes += told
        for where in there:
            frames[where][name] = cleaned.loc[where].to_numpy(dtype=object)
    return _with_tables(tables, frames, notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRules:
    """What the study file says of one column; `codes` is None where it says nothing."""

    codes: tuple[str, ...] | None = None
    comma_is_decimal: bool = False


def _rules_of(rules: TableRules, *names: str) -> ColumnRules:
    given = [rules.missing[name] for name in ("*", *names) if name in rules.missing]
    own = [rules.missing[name] for name in names if name in rules.missing]
    codes = tuple(code for one in (own or given) for code in one) if given else None
    return ColumnRules(codes=codes, comma_is_decimal=rules.decimal == ",")


def _told_meanings(texts: pd.Series, *names: str, rules: TableRules) -> pd.Series:
    """Put for each text what the study file says that it means."""
    told = {
        _plain(text): meaning
        for name in names
        for text, meaning in rules.levels.get(name, {}).items()
    }
    if not told:
        return texts
    return each(texts, lambda text: told.get(_plain(str(text).strip()), text) if text else None)


def _levels_asked(study: Study, column: str) -> tuple[str, ...]:
    """List the levels of a column that the study's populations name."""
    named = (one.where.get(column, ()) for one in study.populations.values())
    return tuple(dict.fromkeys(level for levels in named for level in levels))


def clean_column(
    texts: pd.Series,
    *,
    column: Column,
    levels: tuple[str, ...] = (),
    rules: ColumnRules | None = None,
) -> tuple[pd.Series, list[str]]:
    """Put right the texts of one column where their meaning is certain.

    Parameters
    ----------
    levels
        Levels as the study spells them.
    rules
        What the study file says of the column.

    Returns
    -------
    texts, notes
    """
    rules = rules or ColumnRules()
    cleaned = each(texts, _without_missing)
    if rules.codes:
        gone = {_plain(code) for code in rules.codes}
        cleaned = each(cleaned, lambda text: None if text and _plain(text) in gone else text)
    if column.kind in ("category", "yes_no"):
        return _spell_alike(cleaned, column, levels)
    cleaned, notes = _with_points(cleaned, column, sure=rules.comma_is_decimal)
    numbers = pd.to_numeric(cleaned, errors="coerce")
    if column.kind == "unknown" and (numbers.isna() & cleaned.notna()).any():
        return _spell_alike(cleaned, column, levels)
    if rules.codes is not None:
        return cleaned, notes
    without, more = _without_codes(cleaned, numbers, column)
    return without, [*notes, *more]


def _without_missing(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.lower() in VOCABULARY.missing else text


def _with_points(cleaned: pd.Series, column: Column, *, sure: bool) -> tuple[pd.Series, list[str]]:
    """Write decimal commas as points, unless they may part thousands or stand beside points."""
    with_comma = cleaned.map(lambda text: isinstance(text, str) and "," in text)
    if not with_comma.any():
        return cleaned, []
    texts = cleaned[with_comma]
    decimal = texts.map(lambda text: bool(_COMMA.fullmatch(text)))
    thousands = texts.map(lambda text: bool(_THOUSANDS.fullmatch(text)))
    with_point = cleaned[~with_comma].map(lambda text: isinstance(text, str) and "." in text)
    unsure = thousands.all() or with_point.any()
    if not decimal.all() or (unsure and not sure):
        return cleaned, []
    changed = cleaned.where(~with_comma, cleaned.str.replace(",", ".", regex=False))
    note = f"{column.name}: the comma of {len(texts)} values ({texts.iloc[0]!r}) is a decimal point"
    return changed, [note]


def _without_codes(
    cleaned: pd.Series, numbers: pd.Series, column: Column
) -> tuple[pd.Series, list[str]]:
    """Take for missing what is no possible value and a usual code for missing ones."""
    code = cleaned.map(
        lambda text: isinstance(text, str) and _plain(text) in VOCABULARY.missing_codes
    )
    if not code.any():
        return cleaned, []
    impossible = code & _cannot_be(numbers, column, among=numbers[~code])
    if not impossible.any():
        return cleaned, []
    counts = Counter(map(_plain, cleaned[impossible]))
    named = ", ".join(f"{text} ({n} times)" for text, n in sorted(counts.items()))
    note = f"{column.name}: {named} cannot be a value and is taken as missing"
    return cleaned.where(~impossible, None), [note]


def _plain(text: str) -> str:
    return re.sub(r"\.0+$", "", text)


def _cannot_be(numbers: pd.Series, column: Column, *, among: pd.Series) -> pd.Series:
    """Say which numbers are out of bounds, or negative where all others are not."""
    if column.bounds is not None:
        return (numbers < column.bounds[0]) | (numbers > column.bounds[1])
    others = among.dropna()
    return (numbers < -1) & bool(len(others) and others.min() >= 0)


def _spell_alike(
    cleaned: pd.Series, column: Column, levels: tuple[str, ...]
) -> tuple[pd.Series, list[str]]:
    """Give levels that differ by case, blanks and dashes one spelling.

    It is that of the study, else the commonest.
    """
    spelled = each(cleaned, lambda text: re.sub(r"\s+", " ", text) if text else None)
    counts = Counter(spelled.dropna())
    by_key: dict[str, list[str]] = {}
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        by_key.setdefault(_key(text), []).append(text)
    asked = {_key(level): level for level in reversed(levels)}
    chosen = {
        text: text if text in levels else asked.get(key, variants[0])
        for key, variants in by_key.items()
        for text in variants
    }
    changed = {text: one for text, one in chosen.items() if text != one}
    if not changed or column.name == "sex" or column.kind == "yes_no":
        return spelled, []
    shown = ", ".join(f"{text!r} as {one!r}" for text, one in list(changed.items())[:_SHOWN])
    n = sum(counts[text] for text in changed)
    rest = ", …" if len(changed) > _SHOWN else ""
    note = f"{column.name}: the spelling of {n} values differs ({shown}{rest}): taken as the same"
    return each(spelled, lambda text: chosen.get(text, text) if text else None), [note]


def _key(level: str) -> str:
    return re.sub(r"[\s_-]+", "-", _DASHES.sub("-", level).strip().casefold())
