"""Tables are compared cell by cell, JSON key by key, each within its own tolerance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsle_app.reproduce.tables import compare_json, compare_tables
from npsle_app.reproduce.tolerances import Compared, Rule, Tolerances

NOTHING_MAY = Tolerances(rules=())
TABLE = "measure\tvalue\tqc\ntiv_ml\t1400.5\tpass\ngm_ml\t600\tpass\nwm_ml\tn/a\tfail\n"


@pytest.fixture
def tables(tmp_path):
    def compare(before, now, *, tolerances=NOTHING_MAY):
        paths = tmp_path / "before.tsv", tmp_path / "now.tsv"
        for path, text in zip(paths, (before, now), strict=True):
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        return compare_tables(*paths, name="a.tsv", tolerances=tolerances)

    return compare


def rule(**told):
    return Tolerances(rules=(Rule(files="*", **told),))


def test_the_same_cells_agree(tables):
    assert tables(TABLE, TABLE) == []
    assert tables(TABLE, TABLE.replace("600", "600.0")) == []
    assert tables(TABLE, TABLE.replace("\n", "\r\n")) == []


def test_a_changed_cell_is_named_by_row_and_column(tables):
    (found,) = tables(TABLE, TABLE.replace("600", "601.5"))
    assert found.part == "value, row 2 (gm_ml)"
    assert (found.recorded, found.reproduced, found.largest) == ("600", "601.5", 1.5)
    assert not found.agrees


@pytest.mark.parametrize(
    ("told", "agrees"),
    [
        ({"absolute": 1.5}, True),
        ({"absolute": 1.4}, False),
        ({"relative": 0.003}, True),
        ({"relative": 0.002}, False),
        ({"part": "value", "absolute": 2}, True),
        ({"part": "qc", "absolute": 2}, False),
    ],
)
def test_numbers_may_differ_by_the_tolerance_of_their_column(tables, told, agrees):
    (found,) = tables(TABLE, TABLE.replace("600", "601.5"), tolerances=rule(**told))
    assert found.agrees is agrees


@pytest.mark.parametrize("word", ["n/a", "nan", "inf", ""])
def test_what_is_no_number_agrees_with_the_same_word_alone(tables, word):
    most = rule(absolute=1e300)
    with_word = TABLE.replace("1400.5", word)
    assert tables(with_word, with_word, tolerances=most) == []
    (found,) = tables(TABLE, with_word, tolerances=most)
    assert (found.part, found.largest, found.agrees) == ("value, row 1 (tiv_ml)", None, False)


def test_a_column_that_is_not_compared_may_differ_or_lack(tables):
    passed_over = rule(part="qc", compared=Compared.NOT)
    assert tables(TABLE, TABLE.replace("fail", "pass"), tolerances=passed_over) == []
    without = "\n".join(line.rpartition("\t")[0] for line in TABLE.splitlines())
    assert tables(TABLE, without, tolerances=passed_over) == []
    (found,) = tables(TABLE, without)
    assert (found.part, found.reproduced) == ("column qc", "missing")


def test_rows_that_came_or_went_are_named_and_the_others_compared(tables):
    shorter = TABLE.replace("gm_ml\t600\tpass\n", "").replace("1400.5", "1400.6")
    found = tables(TABLE, shorter)
    assert {(one.part, one.reproduced) for one in found} == {
        ("row gm_ml", "missing"),
        ("value, tiv_ml", "1400.6"),
    }


def test_rows_without_names_of_their_own_are_counted(tables):
    many = "a\tb\n" + "x\t1\n" * 3
    (found,) = tables(many, many + "x\t1\n")
    assert (found.part, found.recorded, found.reproduced) == ("rows", "3 rows", "4 rows")


def test_of_many_changed_cells_the_rest_is_counted_and_none_forgotten(tables):
    before = "a\tb\n" + "".join(f"r{number}\t{number}\n" for number in range(1000))
    now = "a\tb\n" + "".join(f"r{number}\t{number + 1}\n" for number in range(999)) + "r999\t9999\n"
    found = tables(before, now)
    assert sum(one.n_different for one in found) == 1000
    assert found[-1].part == "further cells"
    assert found[-1].largest == 9000
    assert not found[-1].agrees


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_what_is_no_table_is_a_difference(tables, content):
    (found,) = tables(TABLE, content)
    assert (found.part, found.reproduced, found.agrees) == ("file", "no table", False)


@given(st.lists(st.tuples(st.text("ab\t/", max_size=3), st.floats()), min_size=1, max_size=6))
def test_any_table_agrees_with_itself_and_with_no_other(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    text = "k\tv\n" + "".join(f"{key}\t{value}\n" for key, value in rows)
    for name, content in (("a", text), ("b", text), ("c", text + "zz\t1\n")):
        (folder / name).write_text(content)
    same = compare_tables(folder / "a", folder / "b", name="a", tolerances=NOTHING_MAY)
    other = compare_tables(folder / "a", folder / "c", name="a", tolerances=NOTHING_MAY)
    assert same == []
    assert other


@pytest.fixture
def documents(tmp_path):
    def compare(before, now, *, tolerances=NOTHING_MAY):
        paths = tmp_path / "before.json", tmp_path / "now.json"
        for path, text in zip(paths, (before, now), strict=True):
            path.write_text(text)
        return compare_json(*paths, name="a.json", tolerances=tolerances)

    return compare


JSON = '{"a": {"b": [1, 2.5, null]}, "c": "x", "d": []}'


def test_json_is_compared_key_by_key(documents):
    assert documents(JSON, JSON.replace(": ", ":")) == []
    (found,) = documents(JSON, JSON.replace("2.5", "2.75"))
    assert (found.part, found.largest, found.agrees) == ("a.b[1]", 0.25, False)
    (found,) = documents(JSON, JSON.replace("2.5", "2.75"), tolerances=rule(absolute=0.3))
    assert found.agrees
    (found,) = documents(JSON, JSON.replace('"c": "x"', '"e": "x"').replace("null", "null"))[:1]
    assert found.part == "key c"


def test_null_agrees_with_null_alone(documents):
    (found,) = documents(JSON, JSON.replace("null", "0"), tolerances=rule(absolute=1e9))
    assert not found.agrees


def test_json_that_cannot_be_read_is_a_difference(documents):
    (found,) = documents(JSON, "{")
    assert found.recorded == ""
    assert found.reproduced.startswith("cannot be read")
    (found,) = documents(JSON, "[" * 100_000)
    assert not found.agrees
