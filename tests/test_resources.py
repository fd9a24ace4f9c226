"""Tables that come with the package."""

import pytest

from npsle_app.resources import parse_table


def test_cells_are_told_by_their_columns_and_na_is_empty():
    text = "name\trange\nfirst – 1\tn/a\n2\t3\n"
    assert parse_table(text, name="a.tsv") == (
        {"name": "first – 1", "range": ""},
        {"name": "2", "range": "3"},
    )


@pytest.mark.parametrize("line", ["1", "1\t2\t3", "1\t", "", "\t2"])
def test_a_broken_line_is_told_by_its_number(line):
    with pytest.raises(ValueError, match=r"a\.tsv, line 3: expected name, unit, n/a where"):
        parse_table(f"name\tunit\nx\ty\n{line}\n", name="a.tsv")
