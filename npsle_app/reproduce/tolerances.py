"""How far what is made again may lie from what was recorded, file by file: a table of rules."""

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from npsle_app.documents import read_text
from npsle_app.resources import parse_table
from npsle_app.resources import read_text as read_data

DEFAULTS = "tolerances.tsv"
_COLUMNS = ("files", "part", "compared", "absolute", "relative", "share", "reason")
_WHOLE = ""


class Compared(StrEnum):
    """How a file or a part of it is compared."""

    CONTENT = "content"  # by its kind: voxels, cells, keys, pixels; else bytes
    THERE = "there"  # that it is there
    NOT = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What may differ in files of a kind.

    Attributes
    ----------
    files, part
        Patterns of paths within the output folder, and of columns or keys in them (empty for all).
    compared
        Whether they are compared at all.
    absolute, relative
        A number may differ by `absolute` + `relative` × the one recorded; in images relative to
        the largest value of the image. `absolute` is in the unit of the number.
    share
        Largest share of voxels (0 to 1) whose label may differ.
    reason
        Why.
    """

    files: str
    part: str = _WHOLE
    compared: Compared = Compared.CONTENT
    absolute: float = 0.0
    relative: float = 0.0
    share: float = 0.0
    reason: str = ""

    def allows(self, difference: float, *, size: float) -> bool:
        """Say whether a number of this size may differ so much."""
        return difference <= self.absolute + self.relative * abs(size)

    @property
    def text(self) -> str:
        """The tolerance in words; empty where nothing may differ."""
        parts = {
            f"{self.absolute:g}": self.absolute,
            f"{self.relative:g} of the value": self.relative,
            f"{self.share:g} of the voxels": self.share,
        }
        return " + ".join(text for text, value in parts.items() if value)


EXACT = Rule(files="*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """Rules in their order: the first that fits a file, or a part of it, holds.

    What `least` allows is allowed everywhere.
    """

    rules: tuple[Rule, ...]
    least: Rule = EXACT

    def of_file(self, name: str) -> Rule:
        """Return the rule of a file as a whole."""
        fitting = (one for one in self.rules if not one.part and fnmatchcase(name, one.files))
        return self._widen(next(fitting, EXACT))

    def of_part(self, name: str, part: str) -> Rule:
        """Return the rule of a column or key of a file."""
        fitting = (
            one
            for one in self.rules
            if fnmatchcase(name, one.files) and (not one.part or fnmatchcase(part, one.part))
        )
        return self._widen(next(fitting, EXACT))

    def _widen(self, rule: Rule) -> Rule:
        return replace(
            rule,
            absolute=max(rule.absolute, self.least.absolute),
            relative=max(rule.relative, self.least.relative),
            share=max(rule.share, self.least.share),
        )


def read_tolerances(path: Path | None = None, *, least: Rule = EXACT) -> Tolerances:
    """Read the rules that come with the app, with those of a file before them.

    Raises
    ------
    ValueError
        If a table has other columns, or holds a tolerance that is no number of at least 0.
    """
    own = _parse(_read(path), name=str(path)) if path else ()
    return Tolerances(rules=(*own, *_parse(read_data(DEFAULTS), name=DEFAULTS)), least=least)


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        msg = f"cannot read the tolerances {path}: {error}"
        raise ValueError(msg) from error


def _parse(text: str, *, name: str) -> tuple[Rule, ...]:
    rows = parse_table(text.replace("\r\n", "\n"), name=name)
    header = tuple(text.replace("\r\n", "\n").split("\n", 1)[0].split("\t"))
    if header != _COLUMNS:
        msg = f"{name}: expected the columns {', '.join(_COLUMNS)}; got {', '.join(header)}"
        raise ValueError(msg)
    return tuple(_to_rule(row, where=f"{name}, line {line}") for line, row in enumerate(rows, 2))


def _to_rule(row: dict[str, str], *, where: str) -> Rule:
    try:
        compared = Compared(row["compared"])
        numbers = [float(row[key] or 0) for key in ("absolute", "relative", "share")]
    except ValueError as error:
        msg = f"{where}: {error}; compared is {', '.join(Compared)}, tolerances are numbers"
        raise ValueError(msg) from error
    if not all(0 <= one < float("inf") for one in numbers):
        msg = f"{where}: a tolerance is a number from 0 on; got {numbers}"
        raise ValueError(msg)
    absolute, relative, share = numbers
    return Rule(
        files=row["files"],
        part=row["part"],
        compared=compared,
        absolute=absolute,
        relative=relative,
        share=share,
        reason=row["reason"],
    )
