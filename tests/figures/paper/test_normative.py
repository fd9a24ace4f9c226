"""Deviations of many, ratios, and survival with those at risk."""

import numpy as np
import pytest

from npsle_app.figures.paper.estimates import Estimate
from npsle_app.figures.paper.normative import draw_deviations, draw_ratios
from npsle_app.figures.paper.paper import head_with
from npsle_app.figures.paper.survival import SurvivalCurve, draw_survival, time_ticks


def texts(figure):
    axes = figure.axes[0]
    return [text.get_text() for text in axes.texts]


def test_a_missing_score_is_no_colour_and_a_critical_one_has_a_dot():
    z = np.array([[-3.0, np.nan], [0.0, 1.0]])
    figure = draw_deviations(
        z,
        people=["sub-1", "sub-2"],
        regions=["region_thalamus_left_ml", "region_caudate_left_ml"],
        critical=z < -1.96,
        groups=[("SLE", 1), ("HC", 1)],
    )
    axes = figure.axes[0]
    assert axes.images[0].get_array().mask.tolist() == [[False, True], [False, False]]
    assert axes.collections[0].get_offsets().tolist() == [[0.0, 0.0]]
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        "thalamus left",
        "caudate left",
    ]


def test_of_many_people_the_groups_are_named_alone():
    z = np.zeros((100, 2))
    figure = draw_deviations(
        z,
        people=[f"sub-{n}" for n in range(100)],
        regions=["a", "b"],
        critical=z < -1,
        groups=[("SLE", 60), ("HC", 40)],
    )
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["SLE (60)", "HC (40)"]


def test_ratios_stand_on_a_logarithmic_axis_with_one_in_view():
    figure = draw_ratios(
        [Estimate(name="SLE", value=2.7, low=2.2, high=3.3, shown="2.70")], label="ratio"
    )
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    low, high = axes.get_xlim()
    assert low < 1 < 3.3 < high
    assert "1" in [text.get_text() for text in axes.get_xticklabels()]


@pytest.mark.parametrize("longest", [0.7, 3.0, 23.0, 410.0])
def test_times_of_counting_are_round_begin_at_zero_and_stay_within_follow_up(longest):
    ticks = time_ticks(longest)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 8
    assert ticks[-1] <= longest


def test_numbers_at_risk_stand_below_their_times():
    curve = SurvivalCurve(
        name="high risk",
        time=np.array([0.0, 2.0, 4.0]),
        survival=np.array([1.0, 0.5, 0.0]),
        low=np.array([np.nan, 0.1, np.nan]),
        high=np.array([np.nan, 0.9, np.nan]),
        ends=4.0,
        censored=np.array([3.0]),
        at_risk=(4, 2, 1),
    )
    figure = draw_survival([curve], ticks=(0.0, 2.0, 4.0), unit="years", event="relapse")
    found = {text.get_text(): text.xy[0] for text in figure.axes[0].texts}
    assert (found["4"], found["2"], found["1"]) == (0.0, 2.0, 4.0)
    assert {"At risk", "high risk"} <= set(found)
    steps = figure.axes[0].lines[0]
    assert steps.get_drawstyle() == "steps-post"
    assert steps.get_ydata().tolist() == [1.0, 0.5, 0.0, 0.0]


def test_labels_of_a_foreign_reference_stand_above_a_figure_as_they_are():
    labels = ("foreign reference: it was measured by $x$ <b>, not npsle_app", "another " * 20)
    figure = draw_ratios([Estimate(name="a", value=2, low=1, high=3)], label="ratio")
    head_with(figure, ())
    assert figure.get_suptitle() == ""
    head_with(figure, labels)
    told = figure.get_suptitle().splitlines()
    assert told[0] == labels[0]
    assert max(map(len, told)) <= 90
    figure.canvas.draw()


def test_without_a_critical_score_no_dot_is_explained():
    figure = draw_deviations(
        np.zeros((2, 2)),
        people=["a", "b"],
        regions=["x", "y"],
        critical=np.zeros((2, 2), dtype=bool),
        groups=[("Controls", 2)],
    )
    assert "dot" not in figure.axes[1].get_ylabel()
