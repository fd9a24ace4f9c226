"""The table of measures is whole and agrees with the names of regions and vessels."""

import re

import pytest

from npsle_app.measures import MEASURES, OF_ARTERY, limits_of
from npsle_app.measures.names_of_regions import LATERAL_VENTRICLE, REGIONS, SIDES, measure_name
from npsle_app.measures.names_of_vessels import STANDARD
from npsle_app.pipeline import PARTICIPANT

UNITS = {"ml": "mL", "mm": "mm", "mm3": "mm³", "percent": "%", "deg": "°", "count": "1"}
FORMULAS = {
    "grey matter": "Σ p(GM) ·",
    "grey and white matter": "Σ (p(GM) + p(WM)) ·",
    "grey matter around a solid core": "Σ p(GM), with p(GM) + p(WM) one atlas voxel from its",
}


def test_every_measure_is_of_a_stage_of_the_plan():
    assert {one.stage for one in MEASURES.values()} <= {stage.name for stage in PARTICIPANT}


def test_no_placeholder_is_left():
    texts = [text for one in MEASURES.values() for text in (one.name, one.description, one.formula)]
    assert not [text for text in (*texts, *OF_ARTERY.values()) if "{" in text or "}" in text]


@pytest.mark.parametrize("ending", UNITS)
def test_a_name_that_ends_with_a_unit_has_it(ending):
    units = {one.unit for name, one in MEASURES.items() if name.endswith(f"_{ending}")}
    assert units == {UNITS[ending]}


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_every_region_is_measured_on_both_sides_by_the_formula_of_its_tissue(region):
    for side in SIDES:
        measure = MEASURES[measure_name(region.name, side=side)]
        assert measure.description.startswith(f"Volume of the {side} {region.text}, ")
        assert measure.formula.startswith(FORMULAS[region.tissue])


def test_regions_and_lateral_ventricles_are_all_that_the_stage_regions_measures():
    names = (*(region.name for region in REGIONS), LATERAL_VENTRICLE)
    wanted = [measure_name(name, side=side) for name in names for side in SIDES]
    assert [name for name, one in MEASURES.items() if one.stage == "regions"] == wanted


@pytest.mark.parametrize("vessel", STANDARD, ids=lambda vessel: vessel.text)
def test_every_artery_has_all_measures_of_an_artery(vessel):
    for short, text in OF_ARTERY.items():
        measure = MEASURES[f"{vessel.measure}_{short}"]
        assert measure.description == f"{text} — {vessel.long_text}"


def test_counts_are_whole_numbers():
    counts = {one.precision for name, one in MEASURES.items() if name.endswith("_count")}
    assert counts == {1.0}


def test_every_end_of_an_interval_belongs_to_a_measure():
    ends = {end for name in MEASURES for end in limits_of(name) or ()}
    named = {name for name in MEASURES if re.search(r"_(low|high)(_|$)", name)}
    assert ends == named
