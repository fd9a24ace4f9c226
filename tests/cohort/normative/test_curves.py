"""Centile curves agree with the scores."""

import numpy as np
import pytest

from npsle_app.cohort.normative.curves import CENTILES, centile_curves
from npsle_app.cohort.normative.reference import fit_reference
from npsle_app.cohort.normative.scores import score
from tests.cohort.healthy_people import OWN, make_people, region_names

NAME = region_names(1)[0]


@pytest.fixture(scope="module")
def model():
    people = make_people(300, regions=1, sites=2, site_sd_ml=0.3, noise="skewed")
    return fit_reference(people, regions=(NAME,), unit="mL", provenance=OWN).model


def test_who_lies_on_a_curve_has_its_centile(model):
    ages, volumes = centile_curves(model, region=NAME, sex="F", tiv_ml=1400, site="site B")
    people = make_people(len(CENTILES), regions=1).assign(
        age=ages[20], sex="F", tiv_ml=1400.0, site="site B", **{NAME: volumes[20]}
    )
    found = score(model, people)["centile"].to_numpy()
    assert found == pytest.approx(np.array(CENTILES), abs=1e-3)


def test_curves_do_not_cross_and_end_where_the_reference_ends(model):
    ages, volumes = centile_curves(model, region=NAME, sex="M", tiv_ml=1500, site="site A")
    assert (np.diff(volumes, axis=1) > 0).all()
    assert (ages[0], ages[-1]) == pytest.approx(model.sexes["M"].age_range_years)


def test_what_the_reference_lacks_has_no_curves(model):
    with pytest.raises(ValueError, match="the reference has no caudate of sex F"):
        centile_curves(model, region="caudate", sex="F", tiv_ml=1400)
    with pytest.raises(ValueError, match=f"the reference has no {NAME} of sex X"):
        centile_curves(model, region=NAME, sex="X", tiv_ml=1400)
