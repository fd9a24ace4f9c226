"""What the study's page says first: what was found, or what it would take."""

import pandas as pd
import pytest

from npsle_app.cohort.statistics.statements import tell_low_q, tell_needed
from npsle_app.cohort.study.defaults import DEFAULT_STUDY


def _tell(q):
    table = pd.DataFrame({"label": [f"M{n}" for n in range(len(q))], "q": q})
    return tell_low_q(table, "q", noun="measure", study=DEFAULT_STUDY)


def test_rows_with_a_low_q_are_counted_and_the_lowest_named():
    assert _tell([0.2, 0.03, 0.0001]) == (
        "Of 3 measures, 2 had q < 0.05: M2 (q < 0.001), M1 (q = 0.030).",
    )


def test_of_many_the_first_are_named():
    (text,) = _tell([0.001 * (n + 1) for n in range(6)])
    assert text.startswith("Of 6 measures, 6 had q < 0.05, first M0")
    assert "M4" not in text


def test_nothing_found_is_said_and_nothing_tested_is_not():
    assert _tell([0.2, None]) == ("Of 2 measures, none had q < 0.05.",)
    assert _tell([]) == ()


@pytest.mark.parametrize("sizes", [(1, 1, 1), (0, 50, 9), (3,)])
def test_small_groups_are_told_what_a_comparison_takes(sizes):
    text = tell_needed(sizes, study=DEFAULT_STUDY)
    assert "takes 26 people in each of two groups, a medium one (d = 0.5) 64." in text


def test_two_large_groups_need_no_such_word():
    assert tell_needed((0, 10, 30), study=DEFAULT_STUDY) == ""
