"""From the parsed content of a study file to its records."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from npsle_app.cohort.study.defaults import DEFAULT_STUDY, contrast_of
from npsle_app.cohort.study.study import Contrast, Family, Population, Study

_SECTIONS = (
    "table1",
    "group_tests",
    "correlations",
    "regressions",
    "classifier",
    "normative",
    "exclusions",
    "imputation",
)
_PLAIN = ("title", "mode", "alpha", "baseline_session", "groups", "reference_group")
_TABLES = ("columns", "units", "populations", "contrasts", "families")
Record = TypeVar("Record")


def parse_study(content: Mapping[str, Any]) -> Study:
    """Read a study; what is not said is that of the papers (`DEFAULT_STUDY`).

    Parameters
    ----------
    content
        The parsed TOML. A group that no population defines is that level of the column
        `group`; groups without contrasts are each compared with the reference group.

    Raises
    ------
    ValueError
        For an unknown name or a value of another type; the message lists what there is.

    Examples
    --------
    >>> study = parse_study({"groups": ["HC", "MS"], "reference_group": "HC"})
    >>> [contrast.label for contrast in study.contrasts]
    ['MS v Controls']
    """
    _check(content, [*_PLAIN, *_TABLES, *_SECTIONS], where="the study file")
    populations = _populations(content)
    parts: dict[str, Any] = {
        name: _value(content[name], getattr(DEFAULT_STUDY, name), where=name)
        for name in _PLAIN
        if name in content
    }
    for name in ("columns", "units"):
        parts[name] = _texts(content.get(name, {}), where=name)
    for name in _SECTIONS:
        parts[name] = _section(getattr(DEFAULT_STUDY, name), content.get(name, {}), where=name)
    if "groups" in parts and "reference_group" not in parts:
        parts["reference_group"] = parts["groups"][0] if parts["groups"] else ""
    parts["contrasts"] = _contrasts(content, parts)
    parts["families"] = _families(content)
    if "groups" in content and "classifier" not in content:
        first = parts["contrasts"][0].name if parts["contrasts"] else ""
        parts["classifier"] = replace(parts["classifier"], contrast=first)
    return replace(DEFAULT_STUDY, **parts, populations=populations, typed=_typed(content))


def _populations(content: Mapping[str, Any]) -> dict[str, Population]:
    known = dict(DEFAULT_STUDY.populations)
    for name, told in _table(content.get("populations", {}), where="populations").items():
        where = f"populations.{name}"
        _check(told, ["label", "where"], where=where)
        levels = {
            column: _value(given, (), where=f"{where}.where.{column}")
            for column, given in _table(told.get("where", {}), where=f"{where}.where").items()
        }
        label = _value(told.get("label", name), "", where=f"{where}.label")
        known[name] = Population(name=name, label=label, where=levels)
    for name in _value(content.get("groups", []), (), where="groups"):
        known.setdefault(name, Population(name=name, label=name, where={"group": (name,)}))
    return known


def _contrasts(content: Mapping[str, Any], parts: Mapping[str, Any]) -> tuple[Contrast, ...]:
    if "contrasts" in content:
        told = _table(content["contrasts"], where="contrasts")
        return tuple(_contrast(name, one) for name, one in told.items())
    if "groups" not in content:
        return DEFAULT_STUDY.contrasts
    reference = parts["reference_group"]
    return tuple(
        contrast_of(f"{name}_v_{reference}", name, reference)
        for name in parts["groups"]
        if name != reference
    )


def _contrast(name: str, told: Any) -> Contrast:
    where = f"contrasts.{name}"
    _check(told, ["label", "group", "against"], where=where)
    if missing := [key for key in ("group", "against") if key not in told]:
        msg = f"{where} lacks {missing}: name the two populations to compare"
        raise ValueError(msg)
    group, against = (_value(told[key], "", where=where) for key in ("group", "against"))
    label = _value(told.get("label", f"{group} v {against}"), "", where=f"{where}.label")
    return Contrast(name=name, label=label, group=group, against=against)


def _families(content: Mapping[str, Any]) -> tuple[Family, ...]:
    """Put the families of the file first: a test belongs to the first that it fits."""
    given = content.get("families", [])
    if not isinstance(given, list):
        msg = f"families must be a list of tables ([[families]]), got {given!r}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong file
    blank = Family(name="", analysis="group_tests")
    own = tuple(_section(blank, one, where="families") for one in given)
    return own + DEFAULT_STUDY.families


def _section(default: Record, told: Any, *, where: str) -> Record:
    names = [one.name for one in fields(default)]  # type: ignore[arg-type]
    _check(told, names, where=where)
    values = {
        name: _value(given, getattr(default, name), where=f"{where}.{name}")
        for name, given in told.items()
    }
    try:
        return replace(default, **values)  # type: ignore[type-var]
    except ValueError as error:
        msg = f"{where}: {error}"
        raise ValueError(msg) from error


def _value(given: Any, default: Any, *, where: str) -> Any:
    """Take a value of the type of the default; lists become tuples."""
    if isinstance(default, tuple) and isinstance(given, list):
        if all(isinstance(item, list) for item in given) and given:
            return tuple(_value(item, (), where=where) for item in given)
        return tuple(_value(item, "", where=where) for item in given)
    number = isinstance(default, float) and isinstance(given, int) and not isinstance(given, bool)
    if number or type(given) is type(default):
        return float(given) if number else given
    msg = f"{where}: expected {_NAMES[type(default)]}, got {given!r}"
    raise ValueError(msg)


_NAMES = {str: "a text", float: "a number", int: "a whole number", tuple: "a list of texts"}


def _texts(given: Any, *, where: str) -> dict[str, str]:
    table = _table(given, where=where)
    return {name: _value(text, "", where=f"{where}.{name}") for name, text in table.items()}


def _table(given: Any, *, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        msg = f"{where} must be a table ([{where}]), got {given!r}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong file
    return given


def _check(given: Any, known: Collection[str], *, where: str) -> None:
    for name in _table(given, where=where):
        if name not in known:
            msg = f"{where} has no key {name!r}; there are {sorted(known)}"
            raise ValueError(msg)


def _typed(content: Mapping[str, Any]) -> frozenset[str]:
    """Collect the columns that the file itself names."""
    typed = {*content.get("columns", {}), *content.get("units", {})}
    for told in content.get("populations", {}).values():
        typed |= set(told.get("where", {}))
    for section in ("table1", "group_tests", "correlations", "regressions", "classifier"):
        for name, given in content.get(section, {}).items():
            if isinstance(given, list) and name != "comparisons":
                typed |= set(given)
    typed |= set(content.get("exclusions", {}).get("columns", []))
    asked = content.get("normative", {})
    for name in ("scores", "covariates", "count_covariates", "site"):
        typed |= set(asked.get(name, []))
    typed |= {asked[name] for name in ("time", "event") if name in asked}
    return frozenset(typed - {"*"})
