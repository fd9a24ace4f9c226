"""Words of other people's tables whose meaning is certain: ids, missing values, yes, no, sex."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from npsle_app.resources import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Each in lower case; `sex`, `groups` and `columns` lead from a word to the app's own."""

    participant_id: frozenset[str]
    missing: frozenset[str]
    missing_codes: frozenset[str]
    baseline: frozenset[str]
    yes_no: Mapping[str, float]
    sex: Mapping[str, str]
    smoking_now: Mapping[str, float]
    groups: Mapping[str, str]
    columns: Mapping[str, str]


def read_vocabulary() -> Vocabulary:
    """Read `data/vocabulary.toml`.

    Raises
    ------
    ValueError
        If a word stands for two things.
    """
    told = tomllib.loads(read_text("vocabulary.toml"))
    smoking = told["smoking"]
    return Vocabulary(
        **{
            name: frozenset(told[name])
            for name in ("participant_id", "missing", "missing_codes", "baseline")
        },
        yes_no=_numbers(yes=told["yes"], no=told["no"]),
        sex=_invert(told["sex"]),
        smoking_now=_numbers(yes=smoking["now"], no=smoking["not_now"]),
        groups=_invert(told["groups"]),
        columns=_invert(told["columns"]),
    )


def _numbers(*, yes: list[str], no: list[str]) -> dict[str, float]:
    return {word: float(meaning) for word, meaning in _invert({"1": yes, "0": no}).items()}


def _invert(words: Mapping[str, list[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for meaning, spellings in words.items():
        for word in spellings:
            if word in found:
                msg = f"vocabulary.toml: {word!r} stands for {found[word]!r} and {meaning!r}"
                raise ValueError(msg)
            found[word] = meaning
    return found


VOCABULARY = read_vocabulary()
