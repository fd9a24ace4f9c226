"""A record comes back as it was written; what does not fit is named with what is expected."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from npsle_app.decoding import decode, encode, overlay


class State(StrEnum):
    PASS = "pass"  # noqa: S105 - a state, not a secret
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    name: str
    volume_ml: Annotated[float, Field(ge=0, le=100)]
    voxels: int = 1
    state: State = State.PASS

    def __post_init__(self) -> None:
        if self.name == "none":
            msg = "a lesion needs a name"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    lesions: tuple[Lesion, ...] = ()
    range_mm: tuple[float, float] = (0.0, 1.0)
    side: Literal["left", "right"] = "left"
    path: Path | None = None
    by_lobe: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    matrix: tuple[tuple[float, ...], ...] = ()
    sides: tuple[Literal["left", "right"], ...] = ()
    checked: bool = False
    seed: Annotated[int, Field(ge=1)] | None = None
    rest: Any = None


WHOLE = Map(
    lesions=(Lesion(name="a", volume_ml=1.5, state=State.FAIL), Lesion(name="b", volume_ml=2)),
    range_mm=(-1.0, 2.5),
    side="right",
    path=Path("a/b"),
    by_lobe={"frontal": ("a", "b"), "": ()},
    matrix=((1.0, 2.0), ()),
    sides=("left", "right"),
    checked=True,
    seed=3,
    rest={"free": [1, None, {"x": 0.1}]},
)


def test_a_record_comes_back_from_its_json() -> None:
    assert decode(Map, json.loads(json.dumps(encode(WHOLE))), what="it") == WHOLE


def test_keys_are_written_in_the_order_of_the_record() -> None:
    assert list(encode(WHOLE)) == list(Map.__dataclass_fields__)
    assert list(encode(WHOLE)["lesions"][0]) == ["name", "volume_ml", "voxels", "state"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_come_back_to_the_last_digit(numbers: list[float]) -> None:
    made = Map(matrix=(tuple(numbers),))
    assert decode(Map, encode(made), what="it") == made


def test_a_whole_number_is_a_number_and_what_is_missing_its_default() -> None:
    made = decode(Map, {"range_mm": [1, 2]}, what="it")
    assert made == Map(range_mm=(1.0, 2.0))
    assert isinstance(made.range_mm[0], float)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (3, "the map: expected a table, got 3"),
        (
            {"lesion": []},
            r"the map has no key 'lesion'; there are \['by_lobe', .*: is it 'lesions'\?",
        ),
        ({"xyz": 1}, r"the map has no key 'xyz'; there are \['by_lobe', .*'sides'\]$"),
        ({"lesions": [{"volume_ml": 1}]}, r"^lesions\[0\] lacks the key 'name'$"),
        ({"lesions": [{}]}, r"lesions\[0\] lacks the key 'name'; lesions\[0\] lacks the key 'vol"),
        ({"lesions": {}}, r"lesions: expected a list of tables, got \{\}"),
        ({"lesions": [3]}, r"lesions\[0\]: expected a table, got 3"),
        (
            {"lesions": [{"name": "a", "volume_ml": 101}]},
            r"lesions\[0\]\.volume_ml must be from 0 to 100, got 101",
        ),
        (
            {"lesions": [{"name": "a", "volume_ml": float("nan")}]},
            r"lesions\[0\]\.volume_ml must be from 0 to 100, got nan",
        ),
        ({"lesions": [{"name": "none", "volume_ml": 1}]}, r"lesions\[0\]: a lesion needs a name"),
        (
            {"lesions": [{"name": 1, "volume_ml": "1", "voxels": 1.5, "state": "x"}]},
            (
                r"lesions\[0\]\.name: expected a text, got 1; "
                r"lesions\[0\]\.volume_ml: expected a number, got '1'; "
                r"lesions\[0\]\.voxels: expected a whole number, got 1\.5; "
                r"lesions\[0\]\.state: expected 'pass' or 'fail', got 'x'"
            ),
        ),
        ({"range_mm": [1]}, r"range_mm: expected a list of 2 numbers, got \[1\]"),
        ({"range_mm": [1, 2, 3]}, r"range_mm: expected a list of 2 numbers, got \[1, 2, 3\]"),
        ({"range_mm": [1, "a"]}, r"range_mm: expected a number, got 'a'"),
        ({"range_mm": [1, float("inf")]}, r"range_mm: expected a number, got inf"),
        ({"side": "up"}, r"side: expected 'left' or 'right', got 'up'"),
        ({"sides": "up"}, r"sides: expected a list of texts, got 'up'"),
        ({"path": 3}, r"path: expected a path, got 3"),
        ({"by_lobe": {"frontal": "a"}}, r"by_lobe\.frontal: expected a list of texts, got 'a'"),
        ({"by_lobe": []}, r"by_lobe: expected a table, got \[\]"),
        ({"matrix": [1]}, r"matrix: expected a list of numbers, got 1"),
        ({"matrix": 1}, r"matrix: expected a list of lists, got 1"),
        ({"checked": 1}, r"checked: expected true or false, got 1"),
        ({"seed": True}, r"seed: expected a whole number, got True"),
        ({"seed": 0}, r"seed must be at least 1, got 0"),
        ({"side": "x" * 1000}, r"got 'x{99}$"),
        ({str(n): 1 for n in range(9)}, r"; and 4 more$"),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_expected(content: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode(Map, content, what="the map")


def test_keys_are_spelt_as_their_readers_write_them() -> None:
    with pytest.raises(ValueError, match=r"^--range-mm: expected a list of 2 numbers, got 3$"):
        decode(Map, {"range_mm": 3}, what="it", spelt=lambda key: f"--{key.replace('_', '-')}")


def test_the_last_layer_that_says_something_wins() -> None:
    assert overlay({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}}, {"c": {}}) == {
        "a": {"x": 1, "y": 3},
        "b": 1,
        "c": {},
    }
    assert overlay({"a": {"x": 1}}, {"a": [1]}) == {"a": [1]}
    assert overlay({"a": [1, 2]}, {"a": {"x": 1}}) == {"a": {"x": 1}}
