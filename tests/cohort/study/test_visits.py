"""One row per participant and session, told apart by both ids."""

import pandas as pd

from npsle_app.cohort.study.assembly import assemble
from npsle_app.cohort.study.parsing import parse_study
from npsle_app.cohort.study.visits import SCAN, index_scans, list_visits, none_if_blank
from tests.cohort.deviations.studies import STUDY, make_tables, with_dates


def visits_of(tables) -> pd.DataFrame:
    return list_visits(assemble(with_dates(tables), study=parse_study(STUDY)))


def test_each_session_has_a_row_and_the_baseline_stands_first():
    visits = visits_of(make_tables(controls=2, patients=2, visits=3))
    assert visits[SCAN].to_numpy().tolist() == [
        *(["sub-000", "ses-1"], ["sub-001", "ses-1"]),
        *(["sub-002", "ses-1"], ["sub-002", "ses-2"], ["sub-002", "ses-3"]),
        *(["sub-003", "ses-1"], ["sub-003", "ses-2"], ["sub-003", "ses-3"]),
    ]
    assert visits["is_baseline"].tolist() == [True, True, True, False, False, True, False, False]


def test_without_sessions_the_second_id_is_empty_and_tables_have_none():
    visits = visits_of(make_tables(controls=2, patients=1))
    assert visits["session_id"].tolist() == ["", "", ""]
    assert none_if_blank(visits["session_id"]).tolist() == [None, None, None]


def test_ids_that_would_read_alike_in_one_word_stay_apart():
    table = pd.DataFrame({"participant_id": ["a", "ab"], "session_id": ["bc", "c"]})
    assert index_scans(table).nunique() == 2
    assert index_scans(table.assign(session_id=None)).tolist() == [("a", ""), ("ab", "")]
