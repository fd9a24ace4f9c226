"""Settings and flags as TOML: read from a config file, written with every run."""

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
from pydantic.dataclasses import dataclass

from npsle_app.cli.errors import RefusedError
from npsle_app.cli.options import Options, Request
from npsle_app.decoding import STRICT, decode, overlay
from npsle_app.documents import read_toml
from npsle_app.settings import Settings

_RUN = "run"
_ENVIRONMENT = "environment"
# Flags that set a key, in each section that has it.
_KEY_OF_FLAG = {
    "random_seed": "random_seed",
    "study": "study_file",
    "apply": "model_file",
    "normative_reference": "reference_file",
    "deviation_tail": "tail",
    "allow_foreign_reference": "allow_foreign",
    "nprocs": "processes",
    "wmh_threshold": "threshold",
}
_SLOPPY = {
    "anat": {"affine_sampling_mm": 6.0, "warp_sampling_mm": 4.0, "warp_iterations": [20, 2, 0]},
    "filling": {"max_passes": 20},
    "tissue": {"iterations": 2},
    "dwi": {"denoise": False, "remove_gibbs_ringing": False},
    "classifier": {"repeats": 2, "bootstrap_samples": 20, "permutations": 19},
    "vessel_wall": {"sought": ["BA"]},
    "normative": {"permutations": 99, "bootstrap_samples": 20},
    "population": {"permutations": 99, "bootstrap_samples": 20},
}


class Configuration(NamedTuple):
    """What a run goes by: its flags, and the settings of each stage."""

    options: Options
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _ConfigFile(Settings):
    run: Options = field(default_factory=Options)
    environment: Any = None  # written for people; not read back


def resolve(request: Request) -> Configuration:
    """Put together defaults, config file and command line; the last one wins.

    Raises
    ------
    RefusedError
        For an unknown section or key, a value of another type, or one out of range.
    """
    content = _read(request.config_file) if request.config_file else {}
    try:
        told = decode(_ConfigFile, content, what="it")
    except ValueError as error:
        msg = f"the config file {request.config_file}: {error}"
        raise RefusedError(msg) from error
    try:
        typed = decode(Options, request.given, what="the command line", spelt=_flag)
        in_file = {name: one for name, one in content.items() if name not in (_RUN, _ENVIRONMENT)}
        layers = _of_flags(content.get(_RUN, {})), in_file, _of_flags(request.given)
        settings = decode(Settings, overlay(*layers), what="the settings")
    except ValueError as error:
        raise RefusedError(str(error)) from error
    given = {name: getattr(typed, name) for name in request.given}
    return Configuration(replace(told.run, **given), settings)


def to_toml(options: Options, settings: Settings, *, environment: Mapping[str, Any]) -> str:
    """Write flags and settings so that `resolve` reads the same ones back."""
    sections = {name: _plain(section) for name, section in asdict(settings).items()}
    content = {_ENVIRONMENT: _plain(environment), _RUN: _plain(asdict(options)), **sections}
    return tomli_w.dumps(content)


def make_sloppy() -> Settings:
    """Return settings that are coarse and fast, for tests."""
    return decode(Settings, _SLOPPY, what="the settings")


def _of_flags(flags: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the settings that flags stand for."""
    told = {key: flags[flag] for flag, key in _KEY_OF_FLAG.items() if flag in flags}
    sections = {
        name: {key: value for key, value in told.items() if key in section}
        for name, section in asdict(Settings()).items()
    }
    made: dict[str, dict[str, object]] = overlay(_SLOPPY if flags.get("sloppy") else {}, sections)
    return made


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except (OSError, ValueError) as error:
        msg = f"cannot read the config file {path}: {error}"
        raise RefusedError(msg) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value.absolute()) if isinstance(value, Path) else value
