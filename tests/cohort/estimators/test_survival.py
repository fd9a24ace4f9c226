"""Remission of leukaemia (Freireich 1963), whose results R's survival package prints.

R: survdiff(Surv(time, cens) ~ treat, data = MASS::gehan) gives χ² 16.8; survfit(...) gives the
survival of those treated.
"""

import numpy as np
import pytest

from npsle_app.cohort.estimators.survival import compare_survival, count_at_risk, estimate_survival
from tests.cohort.estimators.leukaemia import EVENT, GROUPS, TIME


def test_survival_of_the_treated_is_that_of_survfit():
    found = estimate_survival(TIME[:21], event=EVENT[:21]).set_index("time")
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert found["survival"].drop(0).round(3).to_dict() == printed
    assert found["at_risk"].tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert found.loc[6, "events"] == 3
    assert found.loc[10, ["low", "high"]].round(3).tolist() == [0.503, 0.889]


def test_survival_without_censoring_is_the_share_that_is_left():
    found = estimate_survival(TIME[21:], event=EVENT[21:]).set_index("time")
    for time in (1, 4, 8, 23):
        assert found.loc[time, "survival"] == pytest.approx((TIME[21:] > time).mean())
    assert np.isnan(found.loc[23, "low"])


def test_without_an_event_nobody_is_lost():
    found = estimate_survival(np.array([2.0, 5.0]), event=np.array([False, False]))
    assert found[["time", "at_risk", "events", "survival"]].to_numpy().tolist() == [[0, 2, 0, 1]]
    assert found[["low", "high"]].isna().all(axis=None)


def test_one_event_has_limits_by_hand():
    """S = 3/4; Greenwood's variance of ln S is 1 / (4 · 3)."""
    found = estimate_survival(np.arange(1.0, 5), event=np.arange(4) == 0).set_index("time")
    reach = 1.959963984540054 * np.sqrt(1 / 12) / abs(np.log(0.75))
    expected = 0.75 ** np.exp([reach, -reach])
    np.testing.assert_allclose(found.loc[1.0, ["low", "high"]].to_numpy(float), expected)


def test_log_rank_is_that_of_survdiff():
    found = compare_survival(TIME, event=EVENT, groups=GROUPS)
    assert found.chi2 == pytest.approx(16.79, abs=0.01)
    assert found.df == 1
    assert found.p == pytest.approx(4.17e-5, rel=0.01)


def test_those_at_risk_are_counted_just_before_each_time():
    assert count_at_risk(TIME[:21], at=[0, 6, 7, 36]) == [21, 21, 17, 0]


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([1.0, np.nan, 2.0], [1, 1, 1], "1 of 3 follow-up times are missing or not above 0"),
        ([1.0, 0.0, 2.0], [1, 1, 1], "1 of 3 follow-up times are missing or not above 0"),
        ([1.0, 3.0, 2.0], [0, 1, 0], "1 of 3 people had the event: too few"),
    ],
)
def test_follow_up_that_cannot_be_analysed_is_refused(time, event, message):
    with pytest.raises(ValueError, match=message):
        compare_survival(np.array(time), event=np.array(event, dtype=bool), groups=["a", "b", "b"])


def test_one_group_is_no_comparison():
    with pytest.raises(ValueError, match="all 42 people are in one group"):
        compare_survival(TIME, event=EVENT, groups=["a"] * 42)
