"""Models go to JSON and back; foreign ones are refused with the reason."""

import copy
import json

import pytest

from npsle_app.cohort.normative.model import Provenance
from npsle_app.cohort.normative.model_json import from_plain, to_plain
from npsle_app.cohort.normative.reference import fit_reference
from npsle_app.cohort.normative.scores import score
from npsle_app.cohort.normative.validity import calibration_interval, check_reference
from tests.cohort.healthy_people import OWN, make_people, region_names

NAMES = region_names(2)


@pytest.fixture(scope="module")
def model():
    people = make_people(240, regions=2, sites=3, site_sd_ml=0.3, noise="skewed")
    return fit_reference(people, regions=NAMES, unit="mL", provenance=OWN).model


def check(model, *, provenance=OWN, regions=NAMES, unit="mL", allow=False):
    return check_reference(
        model, measured_by=provenance, regions=regions, unit=unit, allow_foreign=allow
    )


def test_a_model_read_back_from_json_gives_the_same_scores(model):
    plain = json.loads(json.dumps(to_plain(model), allow_nan=False))
    again = from_plain(plain)
    new = make_people(30, regions=2, seed=8, sites=3)
    assert score(again, new).equals(score(model, new))
    assert to_plain(again) | {"n_left_out": 0} == plain | {"n_left_out": 0}


def test_a_model_says_what_measured_it_and_names_no_participant(model):
    plain = to_plain(model)
    assert plain["software"] == "npsle_app"
    assert plain["app_version"] == "1.2.0"
    assert plain["templates"] == {"AAL": "abc"}
    assert "sub-" not in json.dumps(plain)


def test_a_reference_of_the_same_software_version_and_templates_carries_no_label(model):
    assert check(model) == ()
    build = Provenance(software="npsle_app", app_version="1.2.0+g1a2b", templates=OWN.templates)
    assert check(model, provenance=build) == ()


@pytest.mark.parametrize(
    ("software", "version", "templates", "told"),
    [
        ("FreeSurfer", "7.4", OWN.templates, "measured by npsle_app, not FreeSurfer"),
        ("npsle_app", "1.3.0", OWN.templates, "measured by version 1.2.0, this is 1.3.0"),
        ("npsle_app", "1.2.0", {"AAL": "xyz"}, "its templates are others: AAL"),
        ("npsle_app", "1.2.0", {}, "its templates are others: AAL"),
    ],
)
def test_a_foreign_reference_is_refused_with_the_reason_or_labelled(
    model, software, version, templates, told
):
    own = Provenance(software=software, app_version=version, templates=templates)
    with pytest.raises(ValueError, match=f"the reference is foreign: .*{told}"):
        check(model, provenance=own)
    labels = check(model, provenance=own, allow=True)
    assert len(labels) == 1
    assert told in labels[0]
    assert labels[0].startswith("foreign reference: ")


def test_other_regions_or_units_are_refused_even_if_foreign_ones_are_allowed(model):
    with pytest.raises(ValueError, match="other regions: region_0_ml, region_1_ml, not cortex"):
        check(model, regions=["cortex"], allow=True)
    with pytest.raises(ValueError, match="the reference is in mL, the volumes are in mm³"):
        check(model, unit="mm³", allow=True)


def _set(plain, path, value):
    *parents, last = path
    for key in parents:
        plain = plain[key]
    plain[last] = value


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("format",), "another", "it is no normative model of this app"),
        (("format_version",), 9, "its format_version is 9, known is 1"),
        (("sexes",), [], "it has no sex"),
        (("sexes", 0, "tiv_centre_ml"), float("nan"), "tiv_centre_ml: expected a number, got nan"),
        (("sexes", 0, "regions", NAMES[0], "coefficients"), [1.0], "a list of 1 numbers, where"),
        (("sexes", 0, "regions", NAMES[0], "relative_covariance", 1), [1.0], "a list of 1 numbers"),
        (("sexes", 0, "regions", NAMES[0], "site_offsets"), [], "a list of 0 numbers, where 3 are"),
        (("sexes", 0, "regions", NAMES[0], "rmse"), -1.0, r"_ml\.rmse must be at least 0, got -1"),
        (("sexes", 0, "sites"), "A", r"sexes\[0\]\.sites: expected a list of texts, got 'A'"),
        (("method",), None, "it is no whole normative model .method: expected a table, got None"),
        (("metod",), {}, "it has no key 'metod'; .*: is it 'method'"),
    ],
)
def test_what_is_no_whole_model_is_refused(model, path, value, told):
    plain = copy.deepcopy(to_plain(model))
    _set(plain, path, value)
    with pytest.raises(ValueError, match=told):
        from_plain(plain)


@pytest.mark.parametrize(
    ("n", "low", "high"), [(10, 0.5, 9.0), (20, 0.8, 6.4), (50, 1.3, 4.6), (100, 1.6, 3.9)]
)
def test_the_uncertainty_of_the_critical_value_is_that_of_the_controls_mean(n, low, high):
    found = calibration_interval(n)
    assert [round(100 * share, 1) for share in found] == pytest.approx([low, high], abs=0.11)


def test_a_spread_from_the_same_controls_is_more_uncertain():
    narrow, wide = (calibration_interval(40, spread_known=known) for known in (True, False))
    assert wide[0] < narrow[0] < 0.025 < narrow[1] < wide[1]
    assert calibration_interval(0) == (0.0, 1.0)
    both = calibration_interval(40, tail="both")
    assert both[0] == pytest.approx(0.05, abs=1e-3)
    assert both[1] > 0.05
