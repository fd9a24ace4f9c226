"""Which regions of one person are drawn, where they lie, and how sure their scores are."""

import numpy as np
import pandas as pd
import pytest

from npsle_app.cohort.deviations.person import (
    Scan,
    check_scores,
    choose_regions,
    draw_from,
    scores_by_label,
)
from npsle_app.cohort.normative.reference import fit_reference
from npsle_app.cohort.normative.scores import remark_few, score
from npsle_app.measures.names_of_regions import RIGHT_LABELS
from npsle_app.records import Qc
from tests.cohort.healthy_people import OWN, make_people, region_names

REGIONS = ("region_thalamus_left_ml", "region_frontal_lobe_left_ml", "region_lingual_right_ml")


def table(z, *, critical=None, n=40, reason=None):
    rows = pd.DataFrame({"region": list(z), "z": list(z.values())})
    rows["critical"] = [bool(critical and name in critical) for name in z]
    return rows.assign(n_reference=float(n), reason=reason)


def test_deep_regions_are_always_drawn_and_others_where_they_deviate():
    z = dict.fromkeys(REGIONS, 0.1) | {"region_lingual_right_ml": -2.4}
    assert choose_regions(table(z)) == ["region_thalamus_left_ml"]
    chosen = choose_regions(table(z, critical={"region_lingual_right_ml"}))
    assert chosen == ["region_thalamus_left_ml", "region_lingual_right_ml"]


def test_of_many_deviations_the_ten_largest_are_drawn_largest_first():
    z = {f"region_{place}_ml": -2.0 - place / 10 for place in range(15)}
    chosen = choose_regions(table(z, critical=set(z)))
    assert chosen == [f"region_{place}_ml" for place in range(14, 4, -1)]


def test_what_has_no_score_is_not_drawn():
    assert choose_regions(table({"region_thalamus_left_ml": np.nan})) == []


def test_scores_lie_on_the_label_of_their_own_side_and_lobes_on_none():
    found = scores_by_label(
        table({"region_lingual_right_ml": -2.0, "region_lingual_left_ml": 1.0, REGIONS[1]: 0.0})
    )
    (left, right) = sorted(found)
    assert right == left + RIGHT_LABELS
    assert (found[left], found[right]) == (1.0, -2.0)


@pytest.fixture(scope="module")
def people():
    return make_people(120, regions=1, seed=3)


@pytest.fixture(scope="module")
def model(people):
    return fit_reference(people, regions=region_names(1), unit="mL", provenance=OWN).model


def test_a_person_on_the_median_curve_has_z_0(people, model):
    one = people.iloc[[0]]
    scan = Scan(
        age_years=float(one["age"].iloc[0]),
        sex=one["sex"].iloc[0],
        tiv_ml=float(one["tiv_ml"].iloc[0]),
        site=one["site"].iloc[0],
    )
    ages, curves = draw_from(model, region="region_0_ml", scan=scan)
    median = np.interp(scan.age_years, ages, curves[50.0])
    z = score(model, one.assign(region_0_ml=median))["z"].iloc[0]
    assert z == pytest.approx(0, abs=0.01)


def test_a_sex_that_the_reference_lacks_has_no_curve(model):
    scan = Scan(age_years=40, sex="O", tiv_ml=1400)
    assert draw_from(model, region="region_0_ml", scan=scan) is None


@pytest.mark.parametrize(("n", "state"), [(40, Qc.PASS), (9, Qc.WARN)])
def test_below_10_people_the_reference_warns(n, state):
    assert check_scores(table({REGIONS[0]: -2.1}, n=n))[0].state is state


def test_few_people_are_told_once_and_what_else_was_odd_is_kept():
    few = f"{remark_few(8).text}; the model has seen another scan of this person"
    people, fit = check_scores(table({REGIONS[0]: -2.1}, n=8, reason=few))
    assert people.seen == "8 of this sex"
    assert fit.seen == "the model has seen another scan of this person"
    assert (
        check_scores(table({REGIONS[0]: -2.1}, n=8, reason=remark_few(8).text))[1].state is Qc.PASS
    )


def test_without_any_score_the_check_fails_and_tells_why():
    people, fit = check_scores(table({REGIONS[0]: np.nan}, reason="TIV is missing"))
    assert people.state is Qc.FAIL
    assert fit.seen == "TIV is missing"
    assert fit.state is Qc.WARN
