"""The files of the group level: whose each is, and what the columns of each table are.

`data/group_tables.toml` says it once, and explains its own keys: the stages take the JSON
dictionaries of their tables from here, the page of the study its titles, headings and formats.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from npsle_app.resources import read_text

_FORMATS = ("", "p", "count", "measure", "unit")
_STAGE_KEYS = ("documents", "figures", "columns", "tables", "copies")
_TABLE_KEYS = ("title", "columns", "shown", "others", "session_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; `limits` and `value` name others of the same table."""

    name: str
    label: str = ""
    heading: str = ""
    description: str = ""
    unit: str = ""
    format: str = ""
    decimals: int | None = None
    limits: tuple[str, ...] = ()
    value: str = ""

    def __post_init__(self) -> None:
        if self.format not in _FORMATS:
            msg = f"the format {self.format!r} is none of {list(_FORMATS)}"
            raise ValueError(msg)
        if len(self.limits) not in (0, 2):
            msg = f"limits are a lower and an upper one, not {list(self.limits)}"
            raise ValueError(msg)
        if not (self.description or self.value):
            msg = "it has no description"
            raise ValueError(msg)

    @property
    def head(self) -> str:
        """What stands above the column on the page, with the interval if its cells have one."""
        text = self.label or self.name
        return self.heading or (f"{text} (95 % CI)" if self.limits else text)

    @property
    def source(self) -> str:
        """The column of the file that holds the numbers."""
        return self.value or self.name

    def explain(self) -> dict[str, Any]:
        """Return the entry of the JSON dictionary."""
        texts = {"LongName": self.label, "Description": self.description, "Units": self.unit}
        return {key: text for key, text in texts.items() if text}


_COLUMN_KEYS = tuple(one.name for one in fields(Column) if one.name != "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTable:
    """One table: `columns` in the order of the file, `shown` in that of the page.

    `others` describes any column that is not named. A table without a `title` is not on the page.
    """

    name: str
    columns: tuple[Column, ...]
    title: str = ""
    shown: tuple[Column, ...] = ()
    others: Column | None = None
    session_file: str = ""

    def find(self, name: str) -> Column | None:
        """Return what is said of a column; None where nothing is."""
        for column in self.columns:
            if column.name == name:
                return column
        if self.others is None:
            return None
        return replace(self.others, name=name, label=self.others.label.format(name=name))

    def choose(self, names: Iterable[str]) -> tuple[Column, ...]:
        """Choose what the page shows of a file with these columns, in its order."""
        described = (self.find(name) for name in names)
        return self.shown or tuple(column for column in described if column)

    def explain(
        self, names: Iterable[str], *, known: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, Mapping[str, Any]]:
        """Make the JSON dictionary of a file with these columns.

        `known` holds entries for columns that are those of the study, not of the table.

        Raises
        ------
        ValueError
            If a column is described nowhere.
        """
        entries: dict[str, Mapping[str, Any]] = {}
        for name in names:
            column = self.find(name)
            entry = column.explain() if column else (known or {}).get(name)
            if entry is None:
                msg = f"group_tables.toml does not describe the column {name} of {self.name}"
                raise ValueError(msg)
            entries[name] = entry
        return entries


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFiles:
    """What a stage owns: its tables by name, its other files, and how its figures are called."""

    tables: Mapping[str, GroupTable]
    documents: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @property
    def paths(self) -> dict[str, str]:
        """Where its files lie, from the root of the output, by name; figures are not among them."""
        group = [table.name for table in self.tables.values() if not table.session_file]
        return {name: f"group/{name}.tsv" for name in group} | {
            name: f"group/{name}.json" for name in self.documents
        }

    def draws(self, figure: str) -> bool:
        """Say whether a figure of this name is one of its own."""
        return any(fnmatchcase(figure, pattern) for pattern in self.figures)


@cache
def group_files() -> Mapping[str, StageFiles]:
    """Return what each stage of the group level owns, by the name of the stage."""
    return parse_group_files(read_text("group_tables.toml"))


def owner_of(file: str) -> str:
    """Return the stage that owns a file of this name.

    Raises
    ------
    LookupError
        If none does.
    """
    for name, stage in group_files().items():
        if file in stage.paths:
            return name
    msg = f"no stage of group_tables.toml owns the file {file}"
    raise LookupError(msg)


@cache
def group_tables() -> Mapping[str, GroupTable]:
    """Return the tables of all stages by name."""
    return {name: table for stage in group_files().values() for name, table in stage.tables.items()}


def parse_group_files(text: str) -> dict[str, StageFiles]:
    """Read such a text as `data/group_tables.toml` has.

    Raises
    ------
    ValueError
        With the place, what is wrong there, and what there may be.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"group_tables.toml cannot be read: {error}"
        raise ValueError(msg) from error
    shared = _read_columns(content.pop("columns", {}), where="columns")
    owners: dict[str, str] = {}
    stages: dict[str, StageFiles] = {}
    for stage, section in content.items():
        stages[stage] = _read_stage(stage, section, shared=shared, content=content)
        for name in stages[stage].paths:
            if (owner := owners.setdefault(name, stage)) != stage:
                msg = f"{name} of group_tables.toml has two owners, {owner} and {stage}"
                raise ValueError(msg)
    return stages


def _read_stage(
    stage: str,
    section: Mapping[str, Any],
    *,
    shared: Mapping[str, Column],
    content: Mapping[str, Any],
) -> StageFiles:
    _refuse_unknown(section, known=_STAGE_KEYS, where=stage)
    section = _with_copies(stage, section, content=content)
    columns = {**shared, **_read_columns(section.get("columns", {}), where=f"{stage}.columns")}
    if twice := set(section.get("documents", ())) & set(section.get("tables", {})):
        msg = f"{stage} of group_tables.toml has a document {twice.pop()} and a table of that name"
        raise ValueError(msg)
    return StageFiles(
        tables={
            name: _read_table(name, table, columns=columns, where=f"{stage}.tables.{name}")
            for name, table in section.get("tables", {}).items()
        },
        documents=tuple(section.get("documents", ())),
        figures=tuple(section.get("figures", ())),
    )


def _with_copies(
    stage: str, section: Mapping[str, Any], *, content: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Add the tables that a stage has like another one, and the columns of that one."""
    if not (copies := section.get("copies")):
        return section
    other = content.get(copies.get("stage"), {})
    _refuse_unknown(copies.get("tables", ()), known=other.get("tables", ()), where=stage)
    tables = {f"{stage}_{name}": other["tables"][name] for name in copies["tables"]}
    return {
        **section,
        "columns": {**other.get("columns", {}), **section.get("columns", {})},
        "tables": {**section.get("tables", {}), **tables},
    }


def _read_columns(section: Mapping[str, Any], *, where: str) -> dict[str, Column]:
    return {name: _read_column(name, entry, where=where) for name, entry in section.items()}


def _read_column(name: str, entry: Mapping[str, Any], *, where: str) -> Column:
    _refuse_unknown(entry, known=_COLUMN_KEYS, where=f"{where}.{name}")
    try:
        return Column(**{**entry, "name": name, "limits": tuple(entry.get("limits", ()))})
    except ValueError as error:
        msg = f"{where}.{name} of group_tables.toml: {error}"
        raise ValueError(msg) from error


def _read_table(
    name: str, section: Mapping[str, Any], *, columns: Mapping[str, Column], where: str
) -> GroupTable:
    _refuse_unknown(section, known=_TABLE_KEYS, where=where)
    named, shown = section.get("columns", []), section.get("shown", [])
    _refuse_unknown([*named, *shown], known=columns, where=where, what="column")
    on_page = [columns[name] for name in shown or (named if "title" in section else [])]
    needed = [name for column in on_page for name in (column.source, *column.limits)]
    _refuse_unknown(needed, known=named, where=where, what="column")
    others = section.get("others")
    return GroupTable(
        name=name,
        columns=tuple(columns[name] for name in named),
        title=section.get("title", ""),
        shown=tuple(columns[name] for name in shown),
        others=_read_column("others", others, where=where) if others else None,
        session_file=section.get("session_file", ""),
    )


def _refuse_unknown(
    named: Iterable[str], *, known: Iterable[str], where: str, what: str = "key"
) -> None:
    if unknown := sorted(set(named) - set(known)):
        msg = f"{where} of group_tables.toml has no {what} {unknown[0]!r}, but {sorted(known)}"
        raise ValueError(msg)
