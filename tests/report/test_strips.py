import pandas as pd
import pytest

from npsle_app.report.strips import WIDTH, draw_strip, write_tick


def _strip(values, name="tiv_ml", far=()):
    index = [f"sub-{number:02d}" for number in range(len(values))]
    return draw_strip(name, pd.Series(values, index=index), far=far)


def test_points_go_from_left_to_right_by_value_and_stay_inside():
    strip = _strip([1500.0, 1200.0, 1350.0])
    assert [point.session for point in strip.points] == ["sub-01", "sub-02", "sub-00"]
    x = [point.x for point in strip.points]
    assert x == sorted(x)
    assert min(x) > 0
    assert max(x) < WIDTH


def test_a_point_leads_to_its_session_on_the_participants_page():
    strip = draw_strip("tiv_ml", pd.Series([1400.0], index=["sub-01_ses-2"]))
    assert strip.points[0].page == "sub-01.html#sub-01_ses-2"


def test_a_value_outside_the_plausible_range_is_flagged():
    flags = {point.session: point.flags for point in _strip([1400.0, 2500.0]).points}
    assert flags["sub-00"] == ()
    assert flags["sub-01"] == ("outside the plausible range 1000–2000 mL",)


def test_a_value_far_from_the_others_is_flagged():
    flags = {point.session: point.flags for point in _strip([1400.0, 1990], far={"sub-01"}).points}
    assert flags == {"sub-00": (), "sub-01": ("far from the others of the study",)}


def test_missing_values_have_no_point_and_nothing_has_no_strip():
    assert len(_strip([1400.0, None]).points) == 1
    assert _strip([None, None]) is None


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [1e-9, 2e-9], [0, 1e6]])
def test_any_spread_has_an_axis_with_ticks(values):
    strip = _strip([float(value) for value in values], name="wmh_ml")
    assert 3 <= len(strip.ticks) <= 11
    assert all(0 <= x <= WIDTH for x, _ in strip.ticks)


def test_the_box_is_tukeys():
    strip = _strip([1000.0, 1100, 1200, 1300, 1400])
    by_value = {float(point.shown): point.x for point in strip.points}
    assert strip.box == tuple(by_value[value] for value in (1000, 1100, 1200, 1300, 1400))


def test_of_many_values_some_have_a_dot_the_flagged_and_the_ends_among_them():
    strip = _strip([1400.0 + i / 100 for i in range(5000)] + [2500.0], name="tiv_ml")
    few = draw_strip("tiv_ml", _series(strip), most=50)
    assert (strip.n, len(strip.points)) == (5001, 1000)
    assert (few.n, few.n_flagged, len(few.points)) == (1000, 1, 50)
    assert {few.points[0].shown, few.points[-1].shown} == {"1400", "2500"}
    assert few.points[-1].flags


def test_the_box_is_that_of_all_values_however_few_have_a_dot():
    values = [1400.0 + i**2 for i in range(200)]
    assert _strip(values).box == draw_strip("tiv_ml", _numbered(values), most=10).box


def test_flagged_values_leave_room_for_the_others():
    values = [500.0] * 100 + [1400.0] * 100
    strip = draw_strip("tiv_ml", _numbered(values), most=20)
    assert strip.n_flagged == 100
    assert [bool(point.flags) for point in strip.points].count(True) == 10


def _numbered(values):
    return pd.Series(values, index=[f"sub-{number:04d}" for number in range(len(values))])


def _series(strip):
    return pd.Series({point.session: float(point.shown) for point in strip.points})


def test_a_tick_has_a_true_minus_and_zero_has_none():
    assert [write_tick(tick) for tick in (-0.0, -2.0, 0.25)] == ["0", "−2", "0.25"]
