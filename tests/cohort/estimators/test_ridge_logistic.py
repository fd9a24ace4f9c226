"""The batched ridge equals scikit-learn's pipeline, with its imputation and scaling."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from npsle_app.cohort.estimators.resampling import (
    bootstrap_counts,
    plain_bootstrap_counts,
    stratified_folds,
)
from npsle_app.cohort.estimators.ridge_logistic import fit, fit_path, linear_predictor, scale
from npsle_app.cohort.estimators.tuned_ridge import fit_tuned, inner_folds


@pytest.fixture
def data():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 4)) * [1, 10, 0.1, 3] + [0, 50, 0, -2]
    y = (rng.uniform(size=60) < expit(x[:, 0] + (x[:, 1] - 50) / 10)).astype(float)
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    return x, y


@pytest.mark.parametrize("c", [0.001, 0.1, 10.0])
def test_a_fit_equals_the_pipeline_of_scikit_learn(data, c):
    # scikit-learn: SimpleImputer, StandardScaler, LogisticRegression of the same C
    x, y = data
    solver = LogisticRegression(C=c, tol=1e-12, max_iter=10_000)
    model = make_pipeline(SimpleImputer(), StandardScaler(), solver).fit(x, y)
    weights = np.ones((1, 60))
    scaling = scale(x[None], weights=weights)
    z = scaling.standardise(x[None])
    found = fit(z, y[None], weights=weights, inverse_penalty=np.array([c]))
    assert linear_predictor(z, found)[0] == pytest.approx(model.decision_function(x), abs=1e-6)


def test_a_weight_of_two_is_a_row_given_twice(data):
    x, y = data
    weights = np.ones((1, 60))
    weights[0, :10] = 2
    weights[0, 50:] = 0
    rows = np.r_[0:50, 0:10]
    once = scale(x[None], weights=weights)
    twice = scale(x[rows][None], weights=np.ones((1, 60)))
    assert once.mean == pytest.approx(twice.mean)
    assert once.sd == pytest.approx(twice.sd)
    c = np.array([0.3])
    left = fit(once.standardise(x[None]), y[None], weights=weights, inverse_penalty=c)
    right = fit(
        twice.standardise(x[rows][None]), y[rows][None], weights=np.ones((1, 60)), inverse_penalty=c
    )
    assert left == pytest.approx(right, abs=1e-8)


def test_fits_side_by_side_are_fits_one_by_one(data):
    x, y = data
    rng = np.random.default_rng(0)
    counts = bootstrap_counts(y, samples=5, rng=rng)
    inner = inner_folds(y, counts, folds=5, rng=rng)
    together = fit_tuned(x, y, weights=counts, inner=inner)
    for number in range(5):
        at = slice(number, number + 1)
        alone = fit_tuned(x, y, weights=counts[at], inner=inner[at])
        assert alone.inverse_penalty == together.inverse_penalty[at]
        assert alone.coefficients == pytest.approx(together.coefficients[at], abs=1e-8)


def test_a_path_ends_where_a_fit_from_nothing_does(data):
    x, y = data
    weights = np.ones((1, 60))
    z = scale(x[None], weights=weights).standardise(x[None])
    path = fit_path(z, y[None], weights=weights, inverse_penalties=np.array([0.01, 0.1, 1.0]))
    alone = fit(z, y[None], weights=weights, inverse_penalty=np.array([1.0]))
    assert path[-1] == pytest.approx(alone, abs=1e-7)


def test_separable_classes_do_not_run_away(data):
    x, _ = data
    y = (np.nan_to_num(x[:, 0]) > 0).astype(float)
    weights = np.ones((1, 60))
    z = scale(x[None], weights=weights).standardise(x[None])
    found = fit(z, y[None], weights=weights, inverse_penalty=np.array([1e6]))
    assert np.isfinite(found).all()


def test_units_of_predictors_do_not_matter(data):
    x, y = data
    weights = np.ones((1, 60))
    inner = inner_folds(y, weights, folds=5, rng=np.random.default_rng(1))
    one = fit_tuned(x, y, weights=weights, inner=inner)
    other = fit_tuned(x * 1000 - 5, y, weights=weights, inner=inner)
    assert one.predict(x) == pytest.approx(other.predict(x * 1000 - 5), abs=1e-7)


def test_a_column_without_values_or_variation_counts_nothing(data):
    x, y = data
    x = np.column_stack([x, np.full(60, np.nan), np.full(60, 3.0)])
    weights = np.ones((1, 60))
    inner = inner_folds(y, weights, folds=5, rng=np.random.default_rng(1))
    fits = fit_tuned(x, y, weights=weights, inner=inner)
    assert fits.coefficients[0, 4:6] == pytest.approx([0, 0])
    x[:, 5] = 99
    assert np.isfinite(fits.predict(x)).all()


def test_folds_hold_each_class_as_evenly_as_it_goes():
    y = (np.arange(155) < 38).astype(float)
    folds = stratified_folds(y, folds=5, rng=np.random.default_rng(2))
    for value in (0, 1):
        sizes = np.bincount(folds[y == value], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert set(np.bincount(folds)) == {31}


def test_a_row_drawn_twice_stays_in_one_inner_fold():
    y = (np.arange(30) < 12).astype(float)
    rng = np.random.default_rng(4)
    counts = bootstrap_counts(y, samples=3, rng=rng)
    inner = inner_folds(y, counts, folds=5, rng=rng)
    assert ((inner >= 0) == (counts > 0)).all()
    assert counts.sum(axis=1).tolist() == [30, 30, 30]
    assert counts[:, y == 1].sum(axis=1).tolist() == [12, 12, 12]


def test_a_plain_bootstrap_lets_the_share_of_a_class_vary():
    counts = plain_bootstrap_counts(30, samples=200, rng=np.random.default_rng(4))
    assert set(counts.sum(axis=1)) == {30.0}
    assert counts[:, :12].sum(axis=1).std() == pytest.approx(np.sqrt(30 * 0.4 * 0.6), rel=0.2)
