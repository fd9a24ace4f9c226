"""Tables come back as they were written, and as strangers' spreadsheets save them."""

import pandas as pd

from npsle_app.bids.output.writer import write_tsv
from npsle_app.bids.tables import read_table, read_texts


def test_what_was_written_comes_back(tmp_path):
    rows = pd.DataFrame({"name": ['"A" & b', "", None], "n": [0.1 + 0.2, None, 3.0]})
    write_tsv(tmp_path / "a.tsv", rows)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.tsv"), rows, check_dtype=False)


def test_texts_stay_texts_and_empty_cells_are_missing(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('id\tcode\tnote\n01\t007\tNA "so"\n02\tn/a\t\n', encoding="utf-8-sig")
    table = read_texts(path)
    assert list(table) == ["id", "code", "note"]
    assert table.iloc[0].tolist() == ["01", "007", 'NA "so"']
    assert table.iloc[1, 1:].isna().all()
