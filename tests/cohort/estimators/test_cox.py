"""Remission of leukaemia (Freireich 1963), whose results R's survival package prints.

R: coxph(Surv(time, cens) ~ treat, data = MASS::gehan) gives 1.5721, s.e. 0.4124.
"""

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.estimators.cox import concordance, correct_concordance, fit_cox
from tests.cohort.estimators.leukaemia import CONTROL, EVENT, TIME


def simulate(rng, *, n=300, log_hazard=0.7):
    x = rng.normal(size=n)
    time = rng.exponential(np.exp(-log_hazard * x))
    censored = rng.exponential(2.0, n)
    return np.minimum(time, censored), time <= censored, pd.DataFrame({"x": x})


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
