"""Remission of leukaemia (Freireich 1963), whose results R's survival package prints.

R: coxph(Surv(time, cens) ~ treat, data = MASS::gehan) gives 1.5721, s.e. 0.4124;
survdiff(...) gives χ² 16.8; survfit(...) gives the survival of those treated.
"""

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.concordance import concordance
from npsle_app.cohort.cox import correct_concordance, fit_cox
from npsle_app.cohort.survival import (
    compare_survival,
    count_at_risk,
    estimate_survival,
)

TREATED = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
CONTROLS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TIME = np.array([*TREATED, *CONTROLS], dtype=float)
EVENT = np.array([*ENDED, *[1] * 21], dtype=bool)
CONTROL = np.repeat([0.0, 1.0], 21)
GROUPS = ["treated"] * 21 + ["control"] * 21


def simulate(rng, *, n=300, log_hazard=0.7):
    x = rng.normal(size=n)
    time = rng.exponential(np.exp(-log_hazard * x))
    censored = rng.exponential(2.0, n)
    return np.minimum(time, censored), time <= censored, pd.DataFrame({"x": x})


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


def test_log_rank_is_that_of_survdiff():
    found = compare_survival(TIME, event=EVENT, groups=GROUPS)
    assert found.chi2 == pytest.approx(16.79, abs=0.01)
    assert found.df == 1
    assert found.p == pytest.approx(4.17e-5, rel=0.01)


def test_cox_regression_is_that_of_coxph():
    found = fit_cox(TIME, event=EVENT, design=pd.DataFrame({"control": CONTROL}))
    effect = found.effects.iloc[0]
    assert effect["b"] == pytest.approx(1.5721, abs=5e-5)
    assert effect["se"] == pytest.approx(0.4124, abs=5e-5)
    assert effect["hazard_ratio"] == pytest.approx(4.817, abs=5e-4)
    assert found.concordance == pytest.approx(0.690, abs=5e-4)
    assert (found.n, found.events) == (42, 30)
    assert effect["schoenfeld_p"] > 0.5


def test_units_of_a_variable_change_its_coefficient_alone(rng):
    time, event, design = simulate(rng)
    one, other = (fit_cox(time, event=event, design=design * factor) for factor in (1, 1000))
    assert one.effects["b"].iloc[0] == pytest.approx(0.7, abs=0.2)
    assert other.effects["b"].iloc[0] * 1000 == pytest.approx(one.effects["b"].iloc[0])
    assert other.effects["p"].iloc[0] == pytest.approx(one.effects["p"].iloc[0])
    assert other.concordance == one.concordance


def test_a_hazard_that_turns_round_is_not_proportional(rng):
    group = np.repeat([0.0, 1.0], 150)
    early = rng.exponential(3.0, 300)
    late = 1 + rng.exponential(1.0, 300) * np.where(group == 1, 5.0, 0.3)
    time = np.where((group == 1) & (early < 1), early, late)
    found = fit_cox(time, event=np.ones(300, dtype=bool), design=pd.DataFrame({"x": group}))
    assert found.effects["schoenfeld_p"].iloc[0] < 0.001


def test_a_variable_that_tells_all_events_from_the_others_has_no_ratio(rng):
    time = np.concatenate([rng.uniform(0, 1, 20), rng.uniform(2, 3, 20)])
    design = pd.DataFrame({"risk": np.repeat([1.0, 0.0], 20)})
    with pytest.raises(ValueError, match="risk: tells all who had the event from the others"):
        fit_cox(time, event=np.repeat([True, False], 20), design=design)


def test_concordance_is_one_for_the_right_order_and_half_for_equal_risks():
    time = np.array([1.0, 2.0, 3.0, 4.0])
    event = np.array([True, True, True, False])
    assert concordance(-time, time=time, event=event) == 1
    assert concordance(time, time=time, event=event) == 0
    assert concordance(np.ones(4), time=time, event=event) == 0.5
    assert np.isnan(concordance(time, time=time, event=np.zeros(4, dtype=bool)))


def test_noise_has_an_optimistic_concordance_that_the_bootstrap_corrects(rng):
    time, event = rng.exponential(1.0, 40), rng.uniform(size=40) < 0.7
    design = pd.DataFrame(rng.normal(size=(40, 4)), columns=list("abcd"))
    apparent = fit_cox(time, event=event, design=design).concordance
    corrected = correct_concordance(time, event=event, design=design, samples=20, seed=1)
    assert corrected < apparent - 0.03


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


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"x": [1.0] * 42}, "x: all people have the same value"),
        ({"x": [np.nan, *[1.0] * 41]}, "x: values are missing"),
        ({f"x{k}": np.arange(42.0) ** (k / 9) for k in range(1, 32)}, "30 events are too few"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_refused(design, message):
    with pytest.raises(ValueError, match=message):
        fit_cox(TIME, event=EVENT, design=pd.DataFrame(design))
