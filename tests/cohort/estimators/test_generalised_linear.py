"""Counts with limits that are robust: R's sandwich is the oracle (tests/oracles)."""

import numpy as np
import pytest

from npsle_app.cohort.estimators.generalised_linear import (
    choose_dispersion,
    fit_counts,
    hc3_covariance,
    robust_effect,
)
from tests.oracles import r_says, read_people


@pytest.fixture
def few():
    """11 v 12 people, dispersion 1, as R fitted them."""
    table = read_people("counts")
    design = np.column_stack([np.ones(len(table)), table["in_group"]]).astype(float)
    y, offset = table["deviations"].to_numpy(float), np.log(table["assessed"].to_numpy(float))
    return y, design, offset


def test_the_standard_error_of_few_counts_is_that_of_hc3_and_not_hc0(few):
    y, design, offset = few
    fit = fit_counts(y, design=design, dispersion=1.0, offset=offset)
    effect = robust_effect(fit, place=1)
    assert np.exp(effect.estimate) == pytest.approx(r_says("rate ratio, dispersion 1"), rel=1e-6)
    assert effect.se == pytest.approx(r_says("SE of ln rate ratio, dispersion 1, HC3"), rel=1e-6)
    assert effect.se > 1.05 * r_says("SE of ln rate ratio, dispersion 1, HC0")
    assert np.exp(effect.low) == pytest.approx(
        r_says("lower limit of the rate ratio, HC3, t"), rel=1e-6
    )
    assert effect.p == pytest.approx(r_says("p of the rate ratio, HC3, t"), rel=1e-6)


def test_the_dispersion_of_few_counts_is_that_of_glm_nb(few):
    y, design, offset = few
    found = choose_dispersion(y, design=design, offset=offset)
    assert found == pytest.approx(r_says("dispersion by maximum likelihood"), rel=1e-3)


def test_a_row_that_alone_decides_a_coefficient_leaves_no_standard_error(few):
    y, design, offset = few
    alone = np.column_stack([design, np.eye(len(y))[:, 0]])
    fit = fit_counts(y, design=alone, dispersion=1.0, offset=offset)
    assert np.isnan(hc3_covariance(fit)).all()
    effect = robust_effect(fit, place=1)
    assert np.isfinite(effect.estimate)
    assert np.isnan([effect.se, effect.low, effect.high, effect.p]).all()
