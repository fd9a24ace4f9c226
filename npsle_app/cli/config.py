"""Settings and flags as TOML: read from a config file, written with every run."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options, Request
from npsle_app.settings import Settings

_RUN = "run"
_ENVIRONMENT = "environment"  # written for people; not read back
Section = TypeVar("Section")


def resolve(request: Request) -> tuple[Options, Settings]:
    """Put together defaults, config file and command line; the last one wins.

    Raises
    ------
    RefusedError
        For an unknown section or key, a value of another type, or one out of range.
    """
    content = _read(request.config_file) if request.config_file else {}
    known = [field.name for field in fields(Settings)]
    for name in content:
        _check_name(name, [_RUN, _ENVIRONMENT, *known], what="section")
    from_file = _fill(Options(), content.get(_RUN, {}), where=f"[{_RUN}]")
    settings = _apply_flags(Settings(), from_file)
    for name in known:
        section = _fill(getattr(settings, name), content.get(name, {}), where=f"[{name}]")
        settings = replace(settings, **{name: section})
    options = _fill(from_file, request.given, where="the command line")
    typed = _fill(Options(), request.given, where="the command line")
    return options, _apply_flags(settings, typed)


def to_toml(options: Options, settings: Settings, *, environment: Mapping[str, Any]) -> str:
    """Write flags and settings so that `resolve` reads the same ones back."""
    import tomli_w

    sections = {name: _plain(section) for name, section in asdict(settings).items()}
    content = {_ENVIRONMENT: _plain(environment), _RUN: _plain(asdict(options)), **sections}
    return tomli_w.dumps(content)


def make_sloppy(settings: Settings) -> Settings:
    """Make it coarse and fast, for tests."""
    anat = replace(
        settings.anat, affine_sampling_mm=6.0, warp_sampling_mm=4.0, warp_iterations=(20, 2, 0)
    )
    filling = replace(settings.filling, max_passes=20)
    tissue = replace(settings.tissue, iterations=2)
    dwi = replace(settings.dwi, denoise=False, remove_gibbs_ringing=False)
    few = replace(settings.classifier, repeats=2, bootstrap_samples=20, permutations=19)
    vessel_wall = replace(settings.vessel_wall, sought=("BA",))
    normative = replace(settings.normative, permutations=99, bootstrap_samples=20)
    coarse = replace(settings, anat=anat, filling=filling, tissue=tissue, dwi=dwi)
    return replace(coarse, classifier=few, vessel_wall=vessel_wall, normative=normative)


def _apply_flags(settings: Settings, options: Options) -> Settings:
    if options.sloppy:
        settings = make_sloppy(settings)
    if options.random_seed is not None:
        settings = _set_everywhere(settings, random_seed=options.random_seed)
    if options.study is not None:
        settings = _set_everywhere(settings, study_file=str(options.study))
    if options.apply is not None:
        settings = _set_everywhere(settings, model_file=str(options.apply))
    settings = _apply_reference(settings, options)
    if options.nprocs > 1:
        settings = _set_everywhere(settings, processes=options.nprocs)
    if options.wmh_threshold is not None:
        changed = {"threshold": options.wmh_threshold}
        section = _fill(settings.wmh, changed, where="--wmh-threshold")
        settings = replace(settings, wmh=section)
    return settings


def _apply_reference(settings: Settings, options: Options) -> Settings:
    changed: dict[str, object] = {}
    if options.normative_reference is not None:
        changed["reference_file"] = str(options.normative_reference)
    if options.deviation_tail is not None:
        changed["tail"] = options.deviation_tail
    if options.allow_foreign_reference:
        changed["allow_foreign"] = True
    section = _fill(settings.normative, changed, where="the command line")
    return replace(settings, normative=section)


def _set_everywhere(settings: Settings, **value: object) -> Settings:
    """Change a key in each section that has it."""
    (name,) = value
    sections = {field.name: getattr(settings, field.name) for field in fields(settings)}
    changed = {
        where: replace(section, **value)
        for where, section in sections.items()
        if hasattr(section, name)
    }
    return replace(settings, **changed)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"cannot read the config file {path}: {error}"
        raise RefusedError(msg) from error


def _fill(section: Section, values: Any, *, where: str) -> Section:
    if not isinstance(values, Mapping):
        msg = f"{where} must be a section of the config file, got {values!r}"
        raise RefusedError(msg)
    hints = get_type_hints(type(section))
    for name in values:
        _check_name(name, list(hints), what=f"key of {where}")
    try:
        converted = {name: convert(value, hints[name]) for name, value in values.items()}
        return replace(section, **converted)  # type: ignore[type-var]
    except (TypeError, ValueError) as error:
        msg = f"{where}: {error}"
        raise RefusedError(msg) from error


def convert(value: Any, hint: Any) -> Any:
    """Turn a value of a TOML file into what the hint says.

    Raises
    ------
    TypeError
        If it is of another type.

    Examples
    --------
    >>> convert([40, 20], tuple[int, ...])
    (40, 20)
    >>> convert(2, float)
    2.0
    """
    if get_origin(hint) in (Union, UnionType):
        return value if value is None else convert(value, _without_none(hint))
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        item = get_args(hint)[0]
        return tuple(convert(part, item) for part in value)
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    if hint is float and isinstance(value, int) and not _is_bool(value):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and _is_bool(value) == (hint is bool):
        return value
    msg = f"expected {_say(hint)}, got {value!r}"
    raise TypeError(msg)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)  # which Python also counts as an int


def _without_none(hint: Any) -> Any:
    return next(part for part in get_args(hint) if part is not NoneType)


def _say(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _check_name(name: str, known: list[str], *, what: str) -> None:
    if name not in known:
        msg = f"no {what} is called {name!r}; there are {', '.join(known)}"
        raise RefusedError(msg)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value.absolute()) if isinstance(value, Path) else value
