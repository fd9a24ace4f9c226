"""What the volume of one person is worth."""

import numpy as np
import pytest

from npsle_app.imaging.wmh.volume_error import interval_ml, parse_errors
from npsle_app.resources import read_table

ROWS = [(0, 0, 0, 0.2), (0, 1, 0.5, 1.5), (0, 10, 8, 12), (3, 0, 0, 0.5), (3, 1, 0.3, 3)]
NAMES = ("slice_mm_from", "measured_ml", "low_ml", "high_ml")


def parse(*rows):
    return parse_errors(dict(zip(NAMES, map(str, row), strict=True)) for row in rows)


@pytest.mark.parametrize(
    ("measured", "slice_mm", "ends"),
    [
        (0, 1, (0, 0.2)),
        (1, 1, (0.5, 1.5)),
        (5.5, 1, (4.25, 6.75)),
        (20, 1, (16, 24)),
        (1, 2.9, (0.5, 1.5)),
        (1, 3, (0.3, 3)),
        (2, 7, (0.6, 6)),
    ],
)
def test_the_interval_is_that_of_the_volume_and_the_slices(measured, slice_mm, ends):
    assert interval_ml(measured, slice_mm=slice_mm, errors=parse(*ROWS)) == pytest.approx(ends)


def test_the_ends_rise_with_the_volume():
    errors = parse(*ROWS)
    ends = [interval_ml(ml, slice_mm=1, errors=errors) for ml in np.linspace(0, 30, 200)]

    assert (np.diff(ends, axis=0) >= 0).all()


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 1, 0.5, 1.5)],
        [(0, 0, 0, 1), (0, 0, 0, 2)],
        [(0, 0, 0, 1), (0, 1, 0.5, 0.9)],
    ],
    ids=["no row for 0 mL", "one volume twice", "an end that falls"],
)
def test_a_table_that_tells_no_interval_of_some_volume_is_refused(rows):
    with pytest.raises(ValueError, match="slices from 0 mm: expected volumes from 0"):
        parse(*rows)


def test_an_end_below_the_other_is_refused():
    with pytest.raises(ValueError, match="low_ml ≤ high_ml, got 2 and 1"):
        parse((0, 0, 2, 1))


def test_the_table_of_the_package_holds_each_measured_volume():
    errors = parse_errors(read_table("wmh_error.tsv"))

    for slice_mm in (1, 3, 6):
        for ml in (0, 0.1, 0.5, 1, 5, 50):
            low, high = interval_ml(ml, slice_mm=slice_mm, errors=errors)
            assert low <= ml <= high
