import pandas as pd

from npsle_app.report.flags import MOST, list_flags
from npsle_app.report.strips import draw_strip


def _wide(n, **columns):
    return pd.DataFrame(columns, index=[f"sub-{number:04d}" for number in range(n)])


def test_ratings_come_first_then_values_then_failed_checks():
    wide = _wide(
        3,
        tiv_ml=[1400.0, 2500.0, 1400.0],
        tiv_ml_qc=["fail", "pass", "pass"],
        qc_exclude=[None, None, "yes"],
        qc_stages=["anat", None, None],
    )
    strip = draw_strip("tiv_ml", wide["tiv_ml"])
    flags = list_flags(wide, [strip])
    assert [(flag.session, flag.state, flag.measure) for flag in flags.shown] == [
        ("sub-0002", "exclude", ""),
        ("sub-0000", "", ""),
        ("sub-0001", "", "tiv_ml"),
        ("sub-0000", "fail", "tiv_ml"),
    ]
    assert flags.left_out == 0
    assert flags.shown[2].text.startswith("= 2500 mL: outside the plausible range")


def test_single_measures_that_a_reader_rejected_are_told():
    wide = _wide(2, qc_exclude="no", qc_measures=[None, "alps_left,alps_mean"])
    (flag,) = list_flags(wide, []).shown
    assert (flag.session, flag.text) == (
        "sub-0001", "measures not to be used by rating: alps_left and 1 more",
    )  # fmt: skip


def test_many_flags_are_cut_and_those_left_out_counted():
    n = MOST + 50
    wide = _wide(n, tiv_ml=[2500.0] * n, tiv_ml_qc=["fail"] * n)
    strip = draw_strip("tiv_ml", wide["tiv_ml"], most=20)
    flags = list_flags(wide, [strip])
    assert len(flags.shown) == MOST
    assert len(flags.shown) + flags.left_out == 2 * n


def test_a_study_without_measures_has_no_flags():
    assert list_flags(pd.DataFrame(), []).shown == ()
