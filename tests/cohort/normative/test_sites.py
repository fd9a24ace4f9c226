"""A reference of many sites learns another from its controls."""

import numpy as np
import pytest

from npsle_app.cohort.normative.model_json import from_plain, to_plain
from npsle_app.cohort.normative.reference import fit_reference
from npsle_app.cohort.normative.scores import score
from npsle_app.cohort.normative.sites import add_sites
from tests.cohort.healthy_people import OWN, make_people, region_names

NAMES = region_names(2)


@pytest.fixture(scope="module")
def model():
    people = make_people(240, regions=2, sites=6, site_sd_ml=0.4)
    return fit_reference(people, regions=NAMES, unit="mL", provenance=OWN).model


def elsewhere(n, *, seed, offset_ml=0.6):
    people = make_people(n, regions=2, seed=seed, ages=(25.0, 70.0)).assign(site="elsewhere")
    people[list(NAMES)] += offset_ml
    return people


def mean_z(model, people):
    return score(model, people)["z"].mean()


def test_controls_of_a_new_site_take_its_offset_out_of_the_scores(model):
    new = elsewhere(100, seed=5)
    learnt = add_sites(model, controls=elsewhere(60, seed=6))
    assert mean_z(model, new) > 0.6
    assert mean_z(learnt, new) == pytest.approx(0, abs=0.25)
    unknown = "'elsewhere' is not in the reference"
    for one, told in ((model, True), (learnt, False)):
        reasons = score(one, new)["reason"].fillna("").str.contains(unknown)
        assert reasons.all() if told else not reasons.any()


def test_few_controls_move_the_offset_less_and_leave_more_uncertainty(model):
    new = elsewhere(40, seed=5)
    few, many = (add_sites(model, controls=elsewhere(n, seed=6)) for n in (4, 60))
    sd = [score(one, new)["sd"].mean() for one in (model, few, many)]
    assert sd[0] > sd[1] > sd[2]
    assert mean_z(model, new) > mean_z(few, new) > mean_z(many, new)


def test_known_sites_stay_as_they_are_and_the_model_goes_to_json(model):
    learnt = add_sites(model, controls=elsewhere(20, seed=6))
    known = make_people(20, regions=2, seed=9, sites=6, ages=(25.0, 70.0))
    assert score(learnt, known)["z"].equals(score(model, known)["z"])
    again = from_plain(to_plain(learnt))
    assert score(again, elsewhere(4, seed=7)).equals(score(learnt, elsewhere(4, seed=7)))


def test_a_reference_of_one_site_cannot_learn_another():
    people = make_people(60, regions=2)
    one = fit_reference(people, regions=NAMES, unit="mL", provenance=OWN).model
    with pytest.raises(ValueError, match="fewer than two sites: how far sites differ"):
        add_sites(one, controls=elsewhere(20, seed=6))


def test_controls_without_a_site_are_refused(model):
    with pytest.raises(ValueError, match="the table has no column site"):
        add_sites(model, controls=elsewhere(20, seed=6).drop(columns="site"))


def test_a_region_that_controls_lack_has_no_offset(model):
    controls = elsewhere(20, seed=6).assign(region_1_ml=np.nan)
    learnt = add_sites(model, controls=controls)
    offsets = learnt.sexes["F"].regions["region_1_ml"].mean.offsets
    assert offsets[-1] == 0
