"""Oracles: statsmodels' formula interface, pingouin.linear_regression, and definitions.

The printed tables of Inglese 2021 (doi:10.1007/s00330-021-07970-2) are golden: data are made
whose effect and interval are those printed, and the p-value must be that printed.
"""

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.outliers_influence import variance_inflation_factor

from npsle_app.cohort.estimators.linear_model import fit_linear

# contrast: n, then per outcome B, lower, upper limit, and p as printed
PRINTED = {
    ("NPSLE v non-NPSLE", 155): {
        "WM": (-11.5, -23.5, 0.6, 0.063),
        "GM": (-8.3, -20.3, 3.6, 0.170),
        "TBV": (-19.8, -40.5, 0.9, 0.061),
        "ln WMH": (0.67, 0.21, 1.13, 0.004),
    },
    ("inflammatory v non-NPSLE", 143): {
        "WM": (-17.1, -31.4, -2.8, 0.020),
        "GM": (-13.7, -27.6, 0.3, 0.055),
        "TBV": (-30.7, -55.0, -6.4, 0.014),
        "ln WMH": (0.87, 0.33, 1.41, 0.002),
    },
    ("ischaemic v non-NPSLE", 129): {
        "WM": (0.5, -20.0, 21.0, 0.959),
        "GM": (2.6, -16.1, 21.3, 0.783),
        "TBV": (3.1, -31.1, 37.4, 0.857),
        "ln WMH": (0.24, -0.46, 0.94, 0.498),
    },
    ("inflammatory v ischaemic", 38): {
        "WM": (-18.9, -34.6, -3.2, 0.020),
        "GM": (-17.5, -42.5, 7.5, 0.164),
        "TBV": (-36.4, -70.5, -2.2, 0.038),
        "ln WMH": (0.66, -0.34, 1.65, 0.187),
    },
}
ROWS = [(*key, name, *row) for key, rows in PRINTED.items() for name, row in rows.items()]
ids = [f"{row[0]}, {row[2]}" for row in ROWS]
# B and limits are printed to 0.1 mL (0.01 of the logarithm): half a unit either way
HALF_UNIT = {"WM": 0.05, "GM": 0.05, "TBV": 0.05, "ln WMH": 0.005}


def _whole(*numbers):
    return all(float(number).is_integer() for number in numbers)


def _study(n, *, estimate, se, seed=1):
    """Data whose effect of the first variable and its classic standard error are as given."""
    rng = np.random.default_rng(seed)
    group = (np.arange(n) < n // 3).astype(float)
    design = np.column_stack(
        [group, rng.normal(42, 13, n), rng.uniform(size=n) < 0.9, rng.normal(1400, 120, n)]
    ).astype(float)
    matrix = np.column_stack([np.ones(n), design])
    noise = rng.normal(size=n)
    noise -= matrix @ np.linalg.lstsq(matrix, noise, rcond=None)[0]
    spread = np.sqrt(np.linalg.inv(matrix.T @ matrix)[1, 1] / (n - 5)) * np.linalg.norm(noise)
    truth = np.array([500, estimate, -1.5, 3.0, 0.3])
    return matrix @ truth + noise * se / spread, design


@pytest.mark.parametrize(("contrast", "n", "name", "b", "low", "high", "p"), ROWS, ids=ids)
def test_all_sixteen_printed_p_values_follow_from_effect_interval_and_n(
    contrast, n, name, b, low, high, p
):
    """A regression with n − 5 degrees of freedom gives the printed p within rounding."""
    df = n - 5
    half = HALF_UNIT[name]
    t = stats.t.ppf(0.975, df)
    found = []
    for shift in (-half, 0, half):
        for widening in (-half, 0, half):
            se = (high - low + 2 * widening) / (2 * t)
            outcome, design = _study(n, estimate=b + shift, se=se)
            fit = fit_linear(outcome, design=design)
            assert fit.df == df
            assert fit.estimate == pytest.approx(b + shift, abs=1e-6)
            assert fit.classic.high - fit.classic.low == pytest.approx(
                high - low + 2 * widening, abs=1e-6
            )
            found.append(fit.classic.p)
    assert min(found) - 0.0005 <= p <= max(found) + 0.0005, contrast


def test_the_printed_ratios_of_lesion_volume_are_the_exponentials():
    for b, low, high, told in (
        (0.67, 0.21, 1.13, (1.95, 1.23, 3.10)),
        (0.87, 0.33, 1.41, (2.39, 1.39, 4.10)),
    ):
        assert np.round(np.exp([b, low, high]), 2).tolist() == list(told)


@pytest.fixture
def example():
    rng = np.random.default_rng(8)
    n = 60
    frame = pd.DataFrame(
        {
            "group": (np.arange(n) < 25).astype(float),
            "age": rng.normal(42, 13, n),
            "male": (rng.uniform(size=n) < 0.2).astype(float),
            "tiv": rng.normal(1400, 120, n),
        }
    )
    frame["wm"] = 0.3 * frame["tiv"] - 12 * frame["group"] + rng.normal(0, 20, n)
    return frame


def _fit(frame):
    names = ["group", "age", "male", "tiv"]
    return fit_linear(frame["wm"].to_numpy(), design=frame[names].to_numpy())


@pytest.mark.parametrize(("ours", "cov_type"), [("classic", "nonrobust"), ("hc3", "HC3")])
def test_it_equals_the_formula_interface_of_statsmodels(example, ours, cov_type):
    """smf.ols("wm ~ group + age + male + tiv", data).fit(cov_type=..., use_t=True)."""
    theirs = smf.ols("wm ~ group + age + male + tiv", example).fit(cov_type=cov_type, use_t=True)
    fit = _fit(example)
    found = getattr(fit, ours)
    assert fit.estimate == pytest.approx(theirs.params["group"])
    assert found.se == pytest.approx(theirs.bse["group"])
    assert found.p == pytest.approx(theirs.pvalues["group"])
    assert [found.low, found.high] == pytest.approx(theirs.conf_int().loc["group"].tolist())


def test_it_equals_pingouin(example):
    """pingouin.linear_regression(data[["group", "age", "male", "tiv"]], data["wm"])."""
    names = ["group", "age", "male", "tiv"]
    theirs = pingouin.linear_regression(example[names], example["wm"]).set_index("names")
    fit = _fit(example)
    assert fit.estimate == pytest.approx(theirs.loc["group", "coef"])
    assert fit.r2 == pytest.approx(theirs.loc["group", "r2"])


def test_variance_inflation_equals_that_of_statsmodels(example):
    fit = _fit(example)
    exog = smf.ols("wm ~ group + age + male + tiv", example).exog
    assert fit.vif == pytest.approx(variance_inflation_factor(exog, 1))
    assert fit.max_vif == pytest.approx(
        max(variance_inflation_factor(exog, i) for i in (1, 2, 3, 4))
    )


def test_partial_r2_is_the_share_of_what_the_other_variables_leave(example):
    whole = smf.ols("wm ~ group + age + male + tiv", example).fit()
    without = smf.ols("wm ~ age + male + tiv", example).fit()
    assert _fit(example).partial_r2 == pytest.approx(1 - whole.ssr / without.ssr)


def test_cooks_distance_is_how_far_all_predictions_move_without_the_row(example):
    whole = smf.ols("wm ~ group + age + male + tiv", example).fit()
    moved = [
        smf.ols("wm ~ group + age + male + tiv", example.drop(index=row)).fit().predict(example)
        for row in example.index
    ]
    distances = [((whole.fittedvalues - other) ** 2).sum() / (5 * whole.scale) for other in moved]
    fit = _fit(example)
    assert fit.max_cook == pytest.approx(max(distances))
    assert fit.max_cook_row == int(np.argmax(distances))


def test_breusch_pagan_is_n_times_the_r2_of_squared_residuals(example):
    data = example.assign(
        squared=smf.ols("wm ~ group + age + male + tiv", example).fit().resid ** 2
    )
    r2 = smf.ols("squared ~ group + age + male + tiv", data).fit().rsquared
    assert _fit(example).heteroscedasticity_p == pytest.approx(stats.chi2.sf(60 * r2, 4))


def test_the_participant_with_the_greatest_influence_is_named_by_row(example):
    example.loc[17, "wm"] += 400
    assert _fit(example).max_cook_row == 17


def test_ln_of_another_unit_changes_nothing():
    rng = np.random.default_rng(2)
    volume = np.exp(rng.normal(size=40))
    design = np.column_stack([np.arange(40) < 20, rng.normal(size=40)]).astype(float)
    one, other = (fit_linear(np.log(volume * factor), design=design) for factor in (1.0, 1e6))
    assert one.estimate == pytest.approx(other.estimate)
    assert one.hc3.p == pytest.approx(other.hc3.p)


def test_a_row_that_alone_decides_a_coefficient_has_no_robust_error(example):
    lone = (np.arange(60) == 3).astype(float)
    design = np.column_stack([example[["group", "age"]].to_numpy(), lone])
    fit = fit_linear(example["wm"].to_numpy(), design=design)
    assert np.isnan(fit.hc3.p)
    assert np.isfinite(fit.classic.p)
    assert (fit.max_cook, fit.max_cook_row) == (np.inf, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wm": 5.0}, r"the outcome is constant \(5\)"),
        ({"age": 5.0}, "the variables of the model depend on each other"),
    ],
)
def test_what_cannot_be_fitted_is_refused(example, change, message):
    with pytest.raises(ValueError, match=message):
        _fit(example.assign(**change))


def test_too_few_participants_are_refused(example):
    with pytest.raises(ValueError, match="5 complete participants are too few for 5 coefficients"):
        _fit(example.iloc[22:27])
