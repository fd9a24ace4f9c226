"""Oracles: the t test of a regression, closed forms, and printed pairs of r and P."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from npsle_app.cohort.estimators.partial_correlation import partial_correlation, residuals


@pytest.fixture
def data():
    rng = np.random.default_rng(5)
    age, bmi = rng.normal(45, 12, 57), rng.normal(25, 4, 57)
    sex = (rng.uniform(size=57) < 0.8).astype(float)
    ldl = np.exp(rng.normal(1, 0.4, 57)) + 0.02 * age
    alps = 1.5 - 0.004 * age - 0.03 * ldl + rng.normal(0, 0.1, 57)
    return pd.DataFrame({"alps": alps, "ldl": ldl, "age": age, "sex": sex, "bmi": bmi})


def _ours(data, covariates=("age", "sex", "bmi"), method="pearson"):
    return partial_correlation(
        data["alps"].to_numpy(),
        y=data["ldl"].to_numpy(),
        covariates=data[list(covariates)].to_numpy(),
        method=method,
    )


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_its_test_is_that_of_the_variable_in_a_regression(data, method):
    """r = t / √(t² + df) of the coefficient of ldl in alps ~ ldl + age + sex + bmi."""
    ranked = data.rank() if method == "spearman" else data
    fit = smf.ols("alps ~ ldl + age + sex + bmi", ranked).fit()
    t = fit.tvalues["ldl"]
    ours = _ours(data, method=method)
    assert (ours.n, ours.df) == (57, fit.df_resid)
    assert ours.r == pytest.approx(t / np.sqrt(t**2 + fit.df_resid), abs=1e-12)
    assert ours.p == pytest.approx(fit.pvalues["ldl"], abs=1e-12)


def test_limits_are_symmetric_on_fishers_scale(data):
    ours = _ours(data)
    reach = 1.959963984540054 / np.sqrt(57 - 3 - 3)
    expected = np.tanh(np.arctanh(ours.r) + np.array([-reach, reach]))
    np.testing.assert_allclose([ours.low, ours.high], expected, atol=1e-14)


def test_one_covariate_is_taken_away_by_the_closed_form(data):
    r = data[["alps", "ldl", "age"]].corr().to_numpy()
    expected = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert _ours(data, covariates=("age",)).r == pytest.approx(expected, abs=1e-12)


def test_without_covariates_it_is_the_plain_correlation(data):
    assert _ours(data, covariates=()).r == pytest.approx(
        np.corrcoef(data["alps"], data["ldl"])[0, 1]
    )


@pytest.mark.parametrize(
    ("r", "df", "printed"),
    [(-0.308, 51, 0.025), (-0.301, 51, 0.028), (-0.293, 52, 0.032)],
)
def test_the_printed_pairs_of_r_and_p_fit_56_and_57_patients(r, df, printed):
    """Wang 2026 prints r and P without n; with four others of 80 they would not fit."""
    box = [_p_of(r + side * 0.0005, df=df) for side in (1, -1)]
    assert min(box) - 0.0005 <= printed <= max(box) + 0.0005
    assert _p_of(r, df=75) < printed - 0.01


def _p_of(r, *, df):
    """Return the p of people whose partial correlation, three covariates taken away, is r."""
    rng = np.random.default_rng(1)
    covariates = rng.normal(size=(df + 5, 3))
    left, _ = np.linalg.qr(residuals(rng.normal(size=(df + 5, 2)), covariates=covariates))
    y = r * left[:, 0] + np.sqrt(1 - r**2) * left[:, 1]
    found = partial_correlation(left[:, 0], y=y, covariates=covariates)
    assert found.r == pytest.approx(r)
    assert found.df == df
    return found.p


def test_covariates_that_say_the_same_are_taken_away_once_and_cost_their_number(data):
    twice = data.assign(months=12 * data["age"])
    one, other = _ours(data), _ours(twice, covariates=("age", "sex", "bmi", "months"))
    assert other.r == pytest.approx(one.r)
    assert other.df == one.df - 1


def test_tiny_units_do_not_make_a_variable_one_with_a_covariate(data):
    tiny = data.assign(alps=data["alps"] * 1e-10, age=data["age"] * 1e-12)
    assert _ours(tiny).r == pytest.approx(_ours(data).r)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("covariates", [(), ("age", "sex", "bmi")])
def test_a_perfect_correlation_keeps_its_sign_and_has_no_limits(data, sign, covariates):
    of_age = 0.1 * data["age"] if covariates else 0.0
    found = _ours(data.assign(ldl=sign * 2 * data["alps"] + of_age), covariates)
    assert (found.r, found.p) == (sign, 0)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize("noise", [1e-6, 1e-5, 1e-4, 1e-2])
def test_a_nearly_perfect_correlation_is_nearly_one(data, noise):
    apart = np.random.default_rng(2).normal(size=57) * data["alps"].std()
    found = _ours(data.assign(ldl=data["alps"] + noise * apart))
    assert found.r == pytest.approx(np.sqrt(1 - noise**2), abs=2 * noise**2)


def test_scale_and_shift_change_nothing_and_sign_turns(data):
    moved = data.assign(ldl=-3 * data["ldl"] + 7, age=data["age"] * 12)
    assert _ours(moved).r == pytest.approx(-_ours(data).r)


def test_a_variable_that_the_covariates_explain_is_refused(data):
    with pytest.raises(ValueError, match="covariates explain all of it"):
        _ours(data.assign(alps=data["age"] * 2 + 1))
    with pytest.raises(ValueError, match="constant"):
        _ours(data.assign(ldl=3.0))


def test_too_few_participants_are_refused(data):
    with pytest.raises(ValueError, match="5 complete participants are too few for 3 covariates"):
        _ours(data.iloc[:5])
    assert np.isnan(_ours(data.iloc[:6]).low)
