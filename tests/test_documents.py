"""What cannot be trusted in a stranger's JSON or TOML is refused at the one door."""

import json
import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsle_app import documents
from npsle_app.bids.output.writer import write_tsv
from npsle_app.documents import DEEPEST, null_where_unknown, read_json, read_text, read_toml


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "content"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_what_is_right_is_read_with_and_without_byte_order_mark(tmp_path: Path) -> None:
    assert read_json(written(tmp_path, '{"a": [1, 2.5, null, "é", 12345678901234567890]}')) == {
        "a": [1, 2.5, None, "é", 12345678901234567890]
    }
    assert read_json(written(tmp_path, '\ufeff{"a": 1}')) == {"a": 1}
    assert read_toml(written(tmp_path, 'a.b = 1\r\n[c]\n"d e" = [0.5]\r\n')) == {
        "a": {"b": 1},
        "c": {"d e": [0.5]},
    }
    assert read_toml(written(tmp_path, "\ufeffa = 1")) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[" * 50_000, "nested more than 64 deep"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested more than 64 deep"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "nested more than 64 deep"),
        ('{"a": 1, "b": 2, "a": 3}', "it has the key 'a' twice"),
        ('{"a": {"b": 1, "b": 1}}', "it has the key 'b' twice"),
        ("[NaN]", "it holds NaN, which is not finite"),
        ("[-Infinity]", "it holds -Infinity, which is not finite"),
        ("[1e999]", "it holds 1e999, which is not finite"),
        ("9" * 5000, "Exceeds the limit"),
        ('["\\ud800"]', r"it holds '\\ud800', which is no letter"),
        ('{"\\udfff": 1}', r"it holds '\\udfff', which is no letter"),
        (b'{"a": "\xe9"}', r"it is no text in UTF-8 \(byte 7\)"),
        ("{}".encode("utf-16"), r"it is no text in UTF-8 \(byte 0\)"),
    ],
    ids=range(15),
)
def test_what_is_no_json_to_be_trusted_is_a_value_error(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        read_json(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a = ", "Invalid value"),
        ("a = 1\na = 2", "Cannot overwrite a value"),
        ("a = " + "[" * 50_000, "nested more than 64 deep"),
        ("a = " + "{a = " * 50_000, "nested more than 64 deep"),
        ("[" + ".".join("a" * 50_000) + "]", "nested more than 64 deep"),
        (".".join("a" * 50_000) + " = 1", "nested more than 64 deep"),
        ("x = {" + "'a b' . " * 50_000 + "a = 1}", "nested more than 64 deep"),
        ("x = {" + '"a" . ' * 50_000 + "a = 1}", "nested more than 64 deep"),
        (b"a = '\xe9'", r"it is no text in UTF-8 \(byte 5\)"),
    ],
    ids=range(9),
)
def test_what_is_no_toml_to_be_trusted_is_a_value_error(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        read_toml(written(tmp_path, content))


def test_what_is_as_deep_as_may_be_is_read(tmp_path: Path) -> None:
    assert read_json(written(tmp_path, "[" * DEEPEST + "]" * DEEPEST))
    assert read_toml(written(tmp_path, "a." * (DEEPEST - 1) + "a = 1"))


def test_many_dots_that_are_no_key_are_no_depth(tmp_path: Path) -> None:
    numbers = "0.5, " * 1000
    assert read_toml(written(tmp_path, f"a = [{numbers}]\nb = '{'So. ' * 60}'"))


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(10 * 2**30)  # of holes: it takes no room
    monkeypatch.setattr(Path, "read_text", None)
    with pytest.raises(ValueError, match="it has 10240 MB, more than 16 MB"):
        read_json(path)


def test_the_largest_file_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST_BYTES", 4)
    assert read_json(written(tmp_path, "1234")) == 1234


@pytest.mark.parametrize("read", [read_json, read_toml, read_text])
def test_a_pipe_is_not_waited_for(tmp_path: Path, read: object) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert callable(read)
    for place in (path, Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=f"{place} is a pipe, a device or a folder"):
            read(place)


def test_what_is_not_there_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing")


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TREES = st.recursive(
    NUMBERS | st.none() | st.booleans() | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(TREES)
def test_whatever_number_a_statistic_gives_what_is_written_as_json_can_be_read(content) -> None:
    plain = null_where_unknown(content)
    text = json.dumps(plain, allow_nan=False)
    assert json.loads(text) == plain
    assert null_where_unknown(plain) == plain


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_whatever_number_a_statistic_gives_a_table_holds_it_or_na(numbers) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.tsv"
        write_tsv(path, pd.DataFrame({"p": numbers, "name": "a"}))
        cells = [line.split("\t")[0] for line in path.read_text().splitlines()[1:]]
    for cell, number in zip(cells, numbers, strict=True):
        assert cell == "n/a" if not math.isfinite(number) else float(cell) == number
