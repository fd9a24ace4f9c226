"""Oracle: pingouin 0.7, `pingouin.partial_corr(data, x, y, covar, method=...)`."""

import numpy as np
import pandas as pd
import pingouin
import pytest

from npsle_app.cohort.estimators.partial_correlation import p_of_r, partial_correlation


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
def test_it_equals_pingouin(data, method):
    ours = _ours(data, method=method)
    theirs = pingouin.partial_corr(data, "alps", "ldl", ["age", "sex", "bmi"], method=method)
    assert ours.r == pytest.approx(theirs["r"].iloc[0], abs=1e-10)
    assert ours.p == pytest.approx(theirs["p_val"].iloc[0], abs=1e-10)
    low, high = theirs["CI95"].iloc[0]
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.006)
    assert ours.n == 57
    assert ours.df == 52


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
    box = [p_of_r(r + side * 0.0005, df=df) for side in (1, -1)]
    assert min(box) - 0.0005 <= printed <= max(box) + 0.0005
    assert p_of_r(r, df=75) < printed - 0.01


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
