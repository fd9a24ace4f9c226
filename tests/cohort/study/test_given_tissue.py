"""Brain volumes of several programs in one study: told in a column, and warned of."""

import pandas as pd
import pytest

from npsle_app.cohort.study.exclusion import take_measures
from npsle_app.cohort.study.joining import BASELINE
from npsle_app.cohort.study.measures import GIVEN, add_given, pivot
from npsle_app.cohort.study.study import Exclusions

CAT12 = "lesions of hand; tissue maps of cat12"


def long_of(*given):
    rows = [
        (f"sub-{n}", None, measure, 600.0, "pass", told if measure == "gm_ml" else "")
        for n, told in enumerate(given)
        for measure in ("tiv_ml", "gm_ml")
    ]
    columns = ["participant_id", "session_id", "measure", "value", "qc", "given_by"]
    return pd.DataFrame(rows, columns=columns)


def notes_of(wide):
    sessions = wide[["participant_id"]].assign(**{BASELINE: None})
    return take_measures(wide, sessions=sessions, rules=Exclusions())[1]


def test_each_row_says_whose_tissues_it_rests_on():
    long = long_of(CAT12, "", "brain mask of hdbet; tissue maps of cat12")
    wide = add_given(pivot(long), long=long)

    assert wide[GIVEN].tolist() == [
        "tissue maps of cat12", "npsle_app", "brain mask of hdbet; tissue maps of cat12"
    ]  # fmt: skip


@pytest.mark.parametrize("given", [("", ""), ("lesions of reading", "")])
def test_where_nobody_was_given_any_there_is_no_column(given):
    long = long_of(*given)

    assert GIVEN not in add_given(pivot(long), long=long)


@pytest.mark.fault(
    "Tables",
    "brain volumes by given tissues of some people, and by the app's own of others",
    "told before the statistics, with the line to write",
)
def test_a_mixture_is_warned_of_and_one_program_is_not():
    mixed, alike = (long_of(CAT12, other) for other in ("", CAT12))

    (told,) = notes_of(add_given(pivot(mixed), long=mixed))
    assert told.startswith("brain volumes rest on npsle_app (1), tissue maps of cat12 (1)")
    assert not notes_of(add_given(pivot(alike), long=alike))
