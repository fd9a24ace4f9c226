import os

import numpy as np
import pytest

from npsle_app.bids.input.text_tables import TableForm, read_text_table

_ROWS = "participant_id{0}age{0}town{1}sub-01{0}31{0}Gen\u00e8ve{1}sub-02{0}n/a{0}{1}"


def _write(folder, content, name="participants.tsv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def _cells(table):
    return table.frame.astype(object).where(table.frame.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("separator", ["\t", ";", ",", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.fault(
    "Tables", "semicolons, commas, bars; CR, CRLF; UTF-8 with mark, UTF-16, Windows-1252", "read"
)
def test_separators_line_ends_and_encodings_give_the_same_cells(
    tmp_path, separator, line_end, encoding
):
    content = _ROWS.format(separator, line_end).encode(encoding)
    table = read_text_table(_write(tmp_path, content))
    assert list(table.frame) == ["participant_id", "age", "town"]
    assert _cells(table) == [["sub-01", "31", "Gen\u00e8ve"], ["sub-02", None, None]]


@pytest.mark.fault("Tables", "GB 2312", "read, and said")
def test_chinese_tables_of_windows_are_read(tmp_path):
    content = "participant_id\tsite\nsub-01\t\u4e0a\u6d77\nsub-02\t\u5317\u4eac\n".encode("gb18030")
    table = read_text_table(_write(tmp_path, content))
    assert table.frame["site"].tolist() == ["\u4e0a\u6d77", "\u5317\u4eac"]
    assert table.notes == ("participants.tsv is not UTF-8: read as gb18030",)


@pytest.mark.fault("Tables", "a .tsv with semicolons in another encoding", "read, and said")
def test_another_encoding_and_separator_than_expected_is_said(tmp_path):
    table = read_text_table(_write(tmp_path, _ROWS.format(";", "\n").encode("cp1252")))
    assert table.notes == (
        "participants.tsv is not UTF-8: read as cp1252",
        "participants.tsv is separated by semicolons, not by tabs",
    )


@pytest.mark.fault("Tables", "empty rows and columns at the end", "left out")
def test_rows_and_columns_of_nothing_are_left_out(tmp_path):
    text = "participant_id\tage\t\t\nsub-01\t30\t\t\n\t\t\t\n\t\t\t\n"
    table = read_text_table(_write(tmp_path, text))
    assert list(table.frame) == ["participant_id", "age"]
    assert len(table.frame) == 1


@pytest.mark.fault("Tables", "titles and merged headings above the header", "left out, and said")
def test_titles_above_the_header_are_left_out_and_said(tmp_path):
    text = "Lupus cohort;;;\n;Demographics;;Blood\nSubject ID;age;sex;LDL (mg/dL)\n01;30;F;120\n"
    table = read_text_table(_write(tmp_path, text, "export.csv"))
    assert list(table.frame) == ["participant_id", "age", "sex", "LDL (mg/dL)"]
    assert "2 lines above the header are not read (Lupus cohort)" in table.notes
    assert "export.csv: the ids are taken from the column 'Subject ID'" in table.notes


def test_quoted_cells_may_hold_separators_and_line_breaks(tmp_path):
    text = 'participant_id,note\nsub-01,"headache, seizure"\nsub-02,"two\nlines"\n'
    table = read_text_table(_write(tmp_path, text, "export.csv"))
    assert table.frame["note"].tolist() == ["headache, seizure", "two\nlines"]


@pytest.mark.fault(
    "Tables", "spreadsheet with dates and whole numbers as decimals", "read as a person reads it"
)
def test_spreadsheets_give_what_a_person_reads_in_them(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Study", None, None, None],
        ["participant_id", "age", "scan", "group"],
        [7, 31.5, np.datetime64("2024-05-01").astype(object), " NPSLE "],
        ["sub-08", 40.0, np.datetime64("2024-05-02T09:30").astype(object), None],
        [None, None, None, None],
    ):
        sheet.append(row)
    book.save(tmp_path / "study.xlsx")
    table = read_text_table(tmp_path / "study.xlsx")
    assert _cells(table) == [
        ["7", "31.5", "2024-05-01", "NPSLE"],
        ["sub-08", "40", "2024-05-02T09:30:00", None],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"participant_id\tage\nsub-01\t30\t31\n", "has 2 columns, but the row of 'sub-01' has 3"),
        (b"participant_id\tage\tage\nsub-01\t1\t2\n", "has two columns 'age'"),
        (b"participant_id\tage\nsub-01\t3\x000\n", "NUL characters"),
        (b"participant_id\t" + b"\t".join(b"c%d" % n for n in range(6000)) + b"\n", "6001 columns"),
    ],
)
@pytest.mark.fault(
    "Tables",
    "empty file, ragged rows, a column twice, NUL, thousands of columns",
    "refused by name",
)
def test_what_is_no_table_is_refused_by_name(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as error:
        read_text_table(_write(tmp_path, content))
    assert "participants.tsv" in str(error.value)


@pytest.mark.fault("Tables", "pipe in place of a table", "refused; does not hang")
def test_a_folder_or_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.tsv")
    with pytest.raises(ValueError, match="no regular file"):
        read_text_table(tmp_path / "pipe.tsv")


def test_what_the_study_file_says_of_the_form_is_taken(tmp_path):
    path = _write(tmp_path, "participant_id\tname\nsub-01\tM\u00fcller\n".encode("cp850"))
    table = read_text_table(path, form=TableForm(encoding="cp850"))
    assert table.frame["name"].tolist() == ["M\u00fcller"]
