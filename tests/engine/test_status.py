"""The tables of how each stage ended."""

import pytest

from npsle_app.engine.stage import Outcome, Status
from npsle_app.engine.status import Row, merge_tables, read_rows, to_row, update_rows, write_rows

COST = Outcome(Status.DONE, seconds=12.34, cpu_seconds=11.06, peak_mb=99.6)
DONE = to_row("01", "1", stage="anat", outcome=COST)
FAILED = to_row("02", None, stage="anat", outcome=Outcome(Status.FAILED, reason="a\tb\nc"))


def test_rows_come_back_as_they_were_written(tmp_path):
    write_rows(tmp_path / "status.tsv", [DONE, FAILED])

    assert read_rows(tmp_path / "status.tsv") == [DONE, FAILED]


def test_a_reason_with_tabs_and_newlines_stays_in_its_cell(tmp_path):
    write_rows(tmp_path / "status.tsv", [Row(participant="0\t1", stage="x", status="y\nz")])

    assert (tmp_path / "status.tsv").read_text().splitlines()[1].split("\t")[:4] == [
        "0 1",
        "n/a",
        "x",
        "y z",
    ]


def test_what_was_not_computed_has_no_cost():
    assert (DONE.seconds, DONE.cpu_seconds, DONE.peak_mb) == ("12.3", "11.1", "100")
    assert (FAILED.seconds, FAILED.cpu_seconds, FAILED.peak_mb) == ("n/a", "n/a", "n/a")


def test_other_sessions_keep_their_rows(tmp_path):
    path = tmp_path / "status.tsv"
    update_rows(path, [DONE, to_row("01", "2", stage="anat", outcome=Outcome(Status.DONE))])

    update_rows(path, [to_row("01", "2", stage="anat", outcome=Outcome(Status.REUSED))])

    assert [(row.session, row.status) for row in read_rows(path)] == [
        ("1", "done"),
        ("2", "reused"),
    ]


def test_tables_are_merged_in_order_and_foreign_ones_left_out(tmp_path):
    write_rows(tmp_path / "b.tsv", [FAILED])
    write_rows(tmp_path / "a.tsv", [DONE])
    (tmp_path / "c.tsv").write_text("something\telse\n1\t2\n")

    rows = merge_tables(tmp_path / "all.tsv", tmp_path.glob("?.tsv"))

    assert rows == read_rows(tmp_path / "all.tsv") == [DONE, FAILED]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"participant\n01\n"])
def test_a_table_that_cannot_be_read_has_no_rows(tmp_path, content):
    (tmp_path / "status.tsv").write_bytes(content)

    assert read_rows(tmp_path / "status.tsv") == []
