"""ComBat: as R's sva has it, and for people it was not fitted to."""

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.estimators.combat import Harmoniser, fit_combat
from tests.oracles import FOLDER, read_people

MARKERS = ["alps", "nwi", "wm", "wmh"]


@pytest.fixture(name="scanned")
def _scanned():
    people = read_people("people")
    groups = [people["group"] == name for name in ("non", "NPSLE")]
    columns = [*groups, people["age"], people["sex"] == "M"]
    return (
        people[MARKERS].to_numpy(float),
        pd.factorize(people["site"], sort=True)[0],
        np.column_stack(columns).astype(float),
    )


def test_every_value_is_that_of_the_published_code(scanned):
    """sva 3.46 in R, searching to its last digit: `Rscript tests/oracles/statistics.R`."""
    values, sites, covariates = scanned
    fitted = fit_combat(values, sites=sites, covariates=covariates)
    ours = fitted.apply(values, sites=sites, covariates=covariates)
    theirs = pd.read_csv(FOLDER / "harmonised.csv")[MARKERS].to_numpy()
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_people_of_weight_zero_change_nothing_and_of_weight_two_count_twice(scanned):
    values, sites, covariates = scanned
    weights = np.repeat([0.0, 1.0, 2.0], 20)
    fitted = fit_combat(values, sites=sites, covariates=covariates, weights=weights)
    at = np.repeat(np.arange(60), weights.astype(int))
    other = fit_combat(values[at], sites=sites[at], covariates=covariates[at])
    assert fitted.offsets == pytest.approx(other.offsets, abs=1e-9)
    assert fitted.variances == pytest.approx(other.variances, abs=1e-9)


def test_offset_and_spread_of_a_site_go_and_the_effect_of_a_covariate_stays(rng):
    n = 4000
    sites, age = rng.integers(0, 2, n), rng.normal(size=n)
    noise = rng.normal(size=(n, 5)) * np.where(sites == 1, 3.0, 1.0)[:, None]
    values = 10 + 2 * age[:, None] + 4 * sites[:, None] + noise
    kept = age[:, None]
    found = fit_combat(values, sites=sites, covariates=kept).apply(
        values, sites=sites, covariates=kept
    )
    means = [found[sites == one].mean(axis=0) for one in (0, 1)]
    left = found - 2 * age[:, None]
    spreads = [left[sites == one].std(axis=0) for one in (0, 1)]
    assert means[0] == pytest.approx(means[1], abs=0.25)
    assert spreads[0] == pytest.approx(spreads[1], rel=0.05)
    slope = np.polyfit(age, found[:, 0], 1)[0]
    assert slope == pytest.approx(2, abs=0.2)


def test_missing_values_stay_missing_and_others_do_not_notice(scanned):
    values, sites, covariates = scanned
    holed = values.copy()
    holed[3, 0] = np.nan
    where = {"sites": sites, "covariates": covariates}
    found = fit_combat(holed, **where).apply(holed, **where)
    assert np.flatnonzero(np.isnan(found)).tolist() == [12]
    whole = fit_combat(values, **where).apply(values, **where)
    assert found[:, 1] == pytest.approx(whole[:, 1], rel=0.01)


@pytest.mark.parametrize("value", [0.0, 7.5])
def test_a_constant_measure_and_a_site_without_people_are_left_as_they_are(value, scanned):
    values, sites, covariates = scanned
    values = np.column_stack([values, np.full(60, value)])
    where = {"sites": np.where(sites == 0, 2, sites), "covariates": covariates}
    fitted = fit_combat(values, **where)
    assert fitted.offsets[0].tolist() == [0.0] * 5
    assert fitted.apply(values, **where)[:, 4].tolist() == [value] * 60


def test_those_held_out_are_harmonised_by_what_the_others_are_like(scanned):
    """What someone held out has does not change what is taken from others, or from them."""
    values, sites, covariates = scanned
    harmoniser = Harmoniser(
        sites=sites, covariates=covariates, columns=np.array([True, True, False, True])
    )
    weights = (np.arange(60) >= 12).astype(float)
    found = harmoniser.harmonise(values, weights=weights)
    moved = values.copy()
    moved[5] += 1.0
    again = harmoniser.harmonise(moved, weights=weights)
    assert np.delete(again, 5, axis=0) == pytest.approx(np.delete(found, 5, axis=0))
    assert found[:, 2].tolist() == values[:, 2].tolist()
    fitted = fit_combat(values, sites=sites, covariates=covariates, weights=weights)
    assert again[5, 0] - found[5, 0] == pytest.approx(
        fitted.variances[sites[5], 0] ** -0.5, rel=0.2
    )
