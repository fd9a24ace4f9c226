import pandas as pd
import pytest

from npsle_app.cohort.study.measures import baseline, list_outliers, outliers, pivot

_COLUMNS = ["participant_id", "session_id", "measure", "value", "qc"]


def _long(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COLUMNS)


def test_each_session_has_one_row_and_each_measure_one_column():
    wide = pivot(
        _long(
            ("sub-01", "ses-1", "gm_ml", 600.0, "pass"),
            ("sub-01", "ses-1", "tiv_ml", 1400.0, "warn"),
            ("sub-01", "ses-2", "gm_ml", 590.0, "pass"),
        )
    )
    assert list(wide) == [
        "participant_id",
        "session_id",
        "tiv_ml",
        "gm_ml",
        "tiv_ml_qc",
        "gm_ml_qc",
    ]
    assert wide["gm_ml"].tolist() == [600, 590]
    assert wide["tiv_ml_qc"].tolist()[0] == "warn"
    assert wide[["tiv_ml", "tiv_ml_qc"]].iloc[1].isna().all()


def test_sessions_go_by_their_number():
    rows = [("sub-01", f"ses-{n}", "gm_ml", float(n), "pass") for n in (10, 2, 1)]
    wide = pivot(_long(*rows))
    assert wide["session_id"].tolist() == ["ses-1", "ses-2", "ses-10"]
    assert baseline(wide)["gm_ml"].tolist() == [1]


def test_a_participant_without_sessions_keeps_none():
    wide = pivot(_long(("sub-01", None, "gm_ml", 600.0, "pass")))
    assert wide["session_id"].isna().all()
    assert wide["gm_ml"].tolist() == [600]


def test_a_value_that_is_not_known_stays_so_and_keeps_its_state():
    wide = pivot(_long(("sub-01", None, "tiv_ml", None, "not assessable")))
    assert wide["tiv_ml"].isna().all()
    assert wide["tiv_ml_qc"].tolist() == ["not assessable"]


def test_counts_are_whole_numbers_even_with_a_gap():
    wide = pivot(
        _long(
            ("sub-01", None, "wmh_count", 12.0, "pass"),
            ("sub-02", None, "wmh_count", None, "pass"),
        )
    )
    assert wide.to_csv(na_rep="n/a", columns=["wmh_count"], index=False).split() == [
        "wmh_count",
        "12",
        "n/a",
    ]


def test_an_unknown_measure_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'happiness_ml'.*run it again"):
        pivot(_long(("sub-01", None, "happiness_ml", 1.0, "pass")))


def test_a_measure_given_twice_is_refused():
    row = ("sub-01", None, "gm_ml", 1.0, "pass")
    with pytest.raises(ValueError, match=r"twice for one session.*sub-01"):
        pivot(_long(row, row))


def test_small_samples_have_no_outliers():
    assert not outliers(pd.Series([1.0, 2.0, 1000.0])).any()
    assert outliers(pd.Series([1.0, 2, 3, 4, 1000])).tolist() == [False] * 4 + [True]


def test_missing_values_are_no_outliers():
    assert not outliers(pd.Series([None, 1.0, 2.0, 3.0, 2.5, 1.5])).any()


def test_outliers_are_listed_by_measure_with_who_has_them():
    wide = pd.DataFrame(
        {
            "participant_id": [f"sub-{number:02d}" for number in range(6)],
            "session_id": [None] * 5 + ["ses-1"],
            "wmh_count": pd.array([900, 1, 2, 3, 2, None], dtype="Int64"),
            "tiv_ml": [1400.0, 1410, 1420, 1430, 1440, 1990],
            "tiv_ml_qc": ["pass"] * 6,
        }
    )
    rows = list_outliers(wide).to_dict("records")
    assert [(row["participant_id"], row["measure"], row["value"]) for row in rows] == [
        ("sub-05", "tiv_ml", 1990.0),
        ("sub-00", "wmh_count", 900.0),
    ]
    assert rows[0]["session_id"] == "ses-1"


def test_without_measures_the_list_of_outliers_is_empty():
    listed = list_outliers(pd.DataFrame({"participant_id": ["sub-01"], "session_id": [None]}))
    assert list(listed) == ["participant_id", "session_id", "measure", "value"]
    assert listed.empty
