"""Disability over time, equal to R's lme4 on the data of Potthoff 1964 (nlme::Orthodont).

R: lmer(distance ~ age + Sex + (1 | Subject), Orthodont), Sex as treatment contrast.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from npsle_app.cohort.estimators.longitudinal import (
    associate,
    bootstrap_over_time,
    fit_over_time,
    split_within_between,
)
from npsle_app.cohort.estimators.mixed_model import fit_mixed

BOYS = """26 25 29 31  21.5 22.5 23 26.5  23 22.5 24 27.5  25.5 27.5 26.5 27  20 23.5 22.5 26
24.5 25.5 27 28.5  22 22 24.5 26.5  24 21.5 24.5 25.5  23 20.5 31 26  27.5 28 31 31.5
23 23 23.5 25  21.5 23.5 24 28  17 24.5 26 29.5  22.5 25.5 25.5 26  23 24.5 26 30
22 21.5 23.5 25"""
GIRLS = """21 20 21.5 23  21 21.5 24 25.5  20.5 24 24.5 26  23.5 24.5 25 26.5  21.5 23 22.5 23.5
20 21 21 22.5  21.5 22.5 23 25  23 23 23.5 24  20 21 22 21.5  16.5 19 19 19.5  24.5 25 28 28"""


@pytest.fixture(scope="module")
def teeth():
    distance = np.array(f"{BOYS} {GIRLS}".split(), dtype=float)
    return pd.DataFrame(
        {
            "participant_id": np.repeat([f"sub-{child:02d}" for child in range(27)], 4),
            "time": np.tile([8.0, 10.0, 12.0, 14.0], 27),
            "girl": np.repeat([0.0] * 16 + [1.0] * 11, 4),
            "distance": distance,
        }
    )


def effects(fit):
    return fit.effects.set_index("variable")


def test_a_random_intercept_is_that_of_lme4(teeth):
    fit = fit_mixed(teeth, score="distance", fixed=["time", "girl"])
    found = effects(fit)
    assert found["b"].tolist() == pytest.approx([17.706713, 0.660185, -2.321023], abs=1e-5)
    assert found["se"].tolist() == pytest.approx([0.8339, 0.0616, 0.7614], abs=2e-4)
    assert fit.person_sd == pytest.approx(1.807425, abs=2e-4)
    assert fit.residual_sd == pytest.approx(1.431592, abs=2e-4)
    assert (fit.people, fit.visits, fit.random) == (27, 108, "intercept")


def study(rng, *, people=40, visits=4, between=0.5, within=0.2, slope_sd=0.0):
    """Scores that depend on a person's mean count and on its changes."""
    level = rng.normal(3, 1, people)
    person = rng.normal(0, 1, people)
    slopes = rng.normal(0, slope_sd, people) if slope_sd else np.zeros(people)
    rows = []
    for one in range(people):
        changes = rng.normal(0, 1, visits)
        changes -= changes.mean()
        for visit in range(visits):
            score = 2 + between * level[one] + within * changes[visit] + 0.1 * visit
            score += slopes[one] * visit + person[one] + rng.normal(0, 0.3)
            rows.append((f"sub-{one:02d}", float(visit), level[one] + changes[visit], score))
    return pd.DataFrame(rows, columns=["participant_id", "time", "n_deviations", "edss"])


def test_effects_between_people_and_within_them_are_told_apart(rng):
    fit = fit_over_time(study(rng), score="edss", predictor="n_deviations")
    found = effects(fit)
    assert found.loc["within", "b"] == pytest.approx(0.2, abs=0.08)
    assert found.loc["between", "low"] < 0.5 < found.loc["between", "high"]
    assert found.loc["time", "b"] == pytest.approx(0.1, abs=0.06)
    assert found.loc["within", "se"] < found.loc["between", "se"]


def test_slopes_that_differ_between_people_can_be_random(rng):
    table = study(rng, slope_sd=0.5)
    fit = fit_over_time(table, score="edss", predictor="n_deviations", random_slope=True)
    assert fit.random == "intercept and slope"
    assert fit.slope_sd == pytest.approx(0.5, abs=0.15)
    fixed = fit_over_time(table, score="edss", predictor="n_deviations")
    assert effects(fit).loc["time", "se"] > effects(fixed).loc["time", "se"]


def test_the_within_part_of_each_person_sums_to_zero(rng):
    split = split_within_between(study(rng), predictor="n_deviations")
    assert split.groupby("participant_id")["within"].sum().abs().max() < 1e-12
    assert (split["between"] + split["within"]).to_numpy() == pytest.approx(split["n_deviations"])


def test_too_few_visits_are_refused(rng):
    table = study(rng)
    with pytest.raises(ValueError, match="40 people have complete visits and 0 have two or more"):
        fit_over_time(table[table["time"] == 0], score="edss", predictor="n_deviations")
    with pytest.raises(ValueError, match="no column fss_mean"):
        fit_over_time(table, score="fss_mean", predictor="n_deviations")
    with pytest.raises(ValueError, match="between, within: the same at all visits"):
        fit_over_time(table.assign(n_deviations=1.0), score="edss", predictor="n_deviations")


def test_an_association_across_people_is_that_of_linregress(rng):
    table = pd.DataFrame({"n": rng.normal(size=50)})
    table["edss"] = 0.4 * table["n"] + rng.normal(size=50)
    table.loc[3, "edss"] = np.nan
    found = associate(table, score="edss", predictor="n", covariates=[])
    complete = table.dropna()
    theirs = stats.linregress(complete["n"], complete["edss"])
    assert found.n == 49
    assert found.estimate == pytest.approx(theirs.slope)
    assert found.classic.p == pytest.approx(theirs.pvalue)


def test_people_who_do_not_differ_leave_least_squares(rng):
    table = study(rng, people=30)
    table["edss"] = rng.permutation(np.tile([1.0, 2.0, 3.0], 40))
    fit = fit_over_time(table, score="edss", predictor="n_deviations")
    assert np.isfinite(fit.effects["p"]).all()
    assert fit.person_sd < 0.3


def test_a_score_that_differs_within_people_alone_is_told_to_have_no_variance_between(rng):
    table = study(rng, people=30)
    swing = np.tile([-1.5, -0.5, 0.5, 1.5], 30)
    noise = rng.normal(size=120).reshape(30, 4)
    table["edss"] = swing + (noise - noise.mean(axis=1, keepdims=True)).ravel()
    fit = fit_over_time(table, score="edss", predictor="n_deviations")
    assert fit.person_sd == pytest.approx(0, abs=0.05)
    assert "variance between people is zero" in fit.note
    assert effects(fit).loc["time", "b"] == pytest.approx(1, abs=0.2)


def test_limits_by_bootstrap_of_people_are_near_those_of_the_model(rng):
    table = study(rng, people=150)
    wanted = {"score": "edss", "predictor": "n_deviations"}
    fit = fit_over_time(table, **wanted)
    limits = bootstrap_over_time(table, fit=fit, **wanted, samples=400, seed=1)
    for name, (low, high) in limits.items():
        row = effects(fit).loc[name]
        assert low < row["b"] < high
        assert high - low == pytest.approx(row["high"] - row["low"], rel=0.3)


def test_too_few_samples_give_no_limits(rng):
    table = study(rng)
    wanted = {"score": "edss", "predictor": "n_deviations"}
    fit = fit_over_time(table, **wanted)
    assert bootstrap_over_time(table, fit=fit, **wanted, samples=3, seed=1) == {}
