"""Spreadsheet and SPSS file hold the table with its labels, and nothing of the hour."""

import time

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from npsle_app.bids.output.exchange import write_spreadsheet, write_spss

FRAME = pd.DataFrame(
    {
        "participant_id": ["sub-01", "sub-02", "sub-03"],
        "age": [31.5, np.nan, 47.0],
        "hypertension": [1.0, 0.0, np.nan],
        "site": ["上海", None, "=1+1\n"],
        "2nd score": [1.0, 2.0, 3.0],
    }
)
DICTIONARY = {
    "age": {"LongName": "Age", "Description": "Age at the baseline session", "Units": "year"},
    "hypertension": {"LongName": "Hypertension", "Levels": {"1": "yes", "0": "no"}},
}


def test_a_spreadsheet_holds_values_and_labels_and_no_formula(tmp_path):
    write_spreadsheet(tmp_path / "a.xlsx", FRAME, dictionary=DICTIONARY)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    data = [[cell.value for cell in row] for row in book["data"].iter_rows()]
    assert data[0] == list(FRAME)
    assert data[1] == ["sub-01", 31.5, 1, "上海", 1]
    assert data[2][1] is None
    cell = book["data"]["D4"]
    assert (cell.value, cell.data_type) == ("=1+1 ", "s")
    labels = [[cell.value for cell in row] for row in book["labels"].iter_rows()]
    assert labels[2] == ["age", "Age", "Age at the baseline session", "year", None]
    assert labels[3][4] == "1 = yes; 0 = no"


def test_a_spreadsheet_keeps_kinds_of_cells_apart(tmp_path):
    frame = pd.DataFrame(
        {
            "<a>": ["</t>&", "  b  ", "\x00\ufffe"],
            "yes": pd.Series([True, None, False], dtype=object),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "far": [np.inf, -np.inf, 1e-300],
        }
    )
    write_spreadsheet(tmp_path / "a.xlsx", frame, dictionary={})
    cells = openpyxl.load_workbook(tmp_path / "a.xlsx")["data"].iter_rows(values_only=True)
    assert list(cells) == [
        ("<a>", "yes", "n", "far"),
        ("</t>&", True, 1, None),
        ("  b  ", None, None, None),
        ("  ", False, 3, 1e-300),
    ]


def test_a_spreadsheet_of_nobody_holds_its_names(tmp_path):
    write_spreadsheet(tmp_path / "a.xlsx", FRAME.iloc[:0], dictionary={})
    cells = openpyxl.load_workbook(tmp_path / "a.xlsx")["data"].iter_rows(values_only=True)
    assert list(cells) == [tuple(FRAME)]


def test_an_spss_file_holds_values_labels_and_levels(tmp_path):
    write_spss(tmp_path / "a.sav", FRAME, dictionary=DICTIONARY)
    found, told = pyreadstat.read_sav(tmp_path / "a.sav")
    assert list(found) == ["participant_id", "age", "hypertension", "site", "v_2nd_score"]
    assert found["age"].tolist() == pytest.approx([31.5, np.nan, 47.0], nan_ok=True)
    assert found["site"].tolist() == ["上海", "", "=1+1"]
    assert told.column_names_to_labels["age"] == "Age, year"
    assert told.column_names_to_labels["v_2nd_score"] == "2nd score"
    assert told.variable_value_labels["hypertension"] == {0.0: "no", 1.0: "yes"}


@pytest.mark.parametrize(("write", "name"), [(write_spreadsheet, "a.xlsx"), (write_spss, "a.sav")])
def test_the_same_table_gives_the_same_bytes_a_second_later(tmp_path, write, name):
    write(tmp_path / name, FRAME, dictionary=DICTIONARY)
    first = (tmp_path / name).read_bytes()
    time.sleep(2.1)  # a zip file tells two seconds apart
    write(tmp_path / name, FRAME, dictionary=DICTIONARY)
    assert (tmp_path / name).read_bytes() == first


def test_names_and_texts_of_strangers_are_made_so_that_spss_reads_them(tmp_path):
    frame = pd.DataFrame({"狼疮" * 40: [1.0], "a b": [2.0], "A_B": [3.0], "with": ["x" * 4000]})
    write_spss(tmp_path / "a.sav", frame, dictionary={})
    found, _ = pyreadstat.read_sav(tmp_path / "a.sav")
    assert list(found)[1:] == ["a_b", "A_B_2", "with_"]
    assert len(found["with_"][0]) == 255
