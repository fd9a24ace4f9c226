"""What a row of measures.tsv becomes, and which rows are refused."""

import pytest

from npsle_app.measures.names_of_regions import REGIONS, SIDES
from npsle_app.measures.names_of_vessels import STANDARD
from npsle_app.measures.table import define_measures, describe_artery

ROW = {
    "name": "gm_ml",
    "unit": "mL",
    "stage": "tissue",
    "description": "Grey matter",
    "formula": "Σ p(GM) × voxel volume",
    "plausible_low": "400",
    "plausible_high": "900",
    "precision": "0.01",
    "reference": "Inglese 2021",
}


def row(name, **cells):
    return ROW | {"name": name} | cells


def test_a_row_defines_a_measure():
    (measure,) = define_measures([ROW]).values()
    assert (measure.name, measure.unit, measure.stage) == ("gm_ml", "mL", "tissue")
    assert (measure.description, measure.formula) == ("Grey matter", "Σ p(GM) × voxel volume")
    assert (measure.reference, measure.plausible) == ("Inglese 2021", (400.0, 900.0))


def test_a_measure_may_be_without_a_plausible_range():
    (measure,) = define_measures([row("x", plausible_low="", plausible_high="")]).values()
    assert measure.plausible is None


def test_rows_of_an_artery_are_repeated_as_a_whole():
    text = "Area — {artery.long_text}"
    family = [row("{artery.measure}_area", description=text), row("{artery.measure}_length")]
    measures = define_measures([row("before"), *family, row("after")])
    names = [f"{artery.measure}_{short}" for artery in STANDARD for short in ("area", "length")]
    assert list(measures) == ["before", *names, "after"]
    assert measures["vw_ba_area"].description == "Area — basilar artery"
    assert describe_artery(family) == {"area": "Area", "length": "Grey matter"}


def test_the_sides_of_a_region_stand_together():
    names = list(define_measures([row("{region.name}_{side}", description="{region.text}")]))
    grey = [region.name for region in REGIONS if region.tissue == "grey matter"]
    assert names == [f"{name}_{side}" for name in grey for side in SIDES]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("x", unit="", formula="")], "measures.tsv: x: lacks unit, formula"),
        ([ROW, ROW], "two measures are called gm_ml"),
        ([row("x", plausible_low="9", plausible_high="3")], "x: .*low to high, got 9 to 3"),
        ([row("x", precision="0")], "x: expected a precision above 0, got 0"),
        ([row("x", precision="")], "x: could not convert string to float"),
        ([row("x", plausible_low="")], "measures.tsv: x: could not convert"),
        ([row("x", plausible_high="many")], "x: could not convert string to float: 'many'"),
        (
            [row("{lobe}_ml")],
            "of artery, region, structure, middle, sum, gyrus, side, tract; got lobe",
        ),
        ([row("x", formula="{side}")], "placeholders that its name has.*got side"),
        ([row("{region.nome}")], "{region.nome}: .*no attribute 'nome'"),
    ],
)
def test_a_row_that_makes_no_sense_is_told_by_its_name(rows, message):
    with pytest.raises(ValueError, match=message):
        define_measures(rows)


@pytest.mark.parametrize(
    ("precision", "value", "text"),
    [
        ("0.01", 6.85538, "6.86"),
        ("0.01", 1434.2, "1434"),
        ("0.01", -0.304, "−0.30"),
        ("1", 17.0, "17"),
        ("1e-06", 0.0007523, "0.000752"),
        ("0.01", None, "n/a"),
    ],
)
def test_a_value_is_written_with_three_digits_no_finer_than_its_precision(precision, value, text):
    (measure,) = define_measures([row("x", precision=precision)]).values()
    assert measure.write(value) == text


def test_the_ends_of_an_interval_have_the_decimals_of_its_value():
    (measure,) = define_measures([row("x")]).values()
    assert [measure.write(end, like=12.3) for end in (8.714, 16.1)] == ["8.7", "16.1"]
