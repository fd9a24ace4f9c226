"""Figures of a study: linked dots, texts as texts, the same bytes for the same numbers."""

import re

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from npsle_app.bids.output.writer import write_vector_figure
from npsle_app.figures.paper.estimates import (
    Estimate,
    draw_adjusted,
    draw_correlations,
    draw_forest,
)
from npsle_app.figures.paper.flow import draw_flow
from npsle_app.figures.paper.groups import Cloud, draw_raincloud

HOSTILE = "<b>$x_{$ & “A”"


def cloud(n: int, *, number: int = 0, value: float | None = None) -> Cloud:
    values = np.linspace(1, 2, n) if value is None else np.full(n, value)
    links = tuple(f"sub-{i}.html" for i in range(n))
    return Cloud(name=HOSTILE, number=number, values=values, links=links)


def svg(figure, folder) -> str:
    write_vector_figure(folder / "a.svg", figure)
    return (folder / "a.svg").read_text()


FIGURES = {
    "raincloud": lambda: draw_raincloud([cloud(9), cloud(7, number=1)], label=HOSTILE),
    "forest": lambda: draw_forest(
        [Estimate(name=HOSTILE, value=1, low=0, high=2, shown=HOSTILE)], label=HOSTILE
    ),
    "correlations": lambda: draw_correlations(
        np.array([[0.9, np.nan]]),
        rows=[HOSTILE],
        columns=["a", HOSTILE],
        notable=np.array([[True, False]]),
    ),
    "adjusted": lambda: draw_adjusted([(cloud(5), np.arange(5.0))], x=HOSTILE, y="y", text=HOSTILE),
    "flow": lambda: draw_flow(first="a", left_out=[HOSTILE], second="b", groups=[HOSTILE, "d"]),
}


@pytest.mark.parametrize("name", list(FIGURES))
def test_a_figure_with_any_text_is_drawn_the_same_twice(name, tmp_path):
    first = svg(FIGURES[name](), tmp_path)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert svg(FIGURES[name](), tmp_path) == first
    assert (tmp_path / "a.pdf").read_bytes() == pdf
    assert "<b>" not in first


def test_each_dot_is_a_link_to_its_participant(tmp_path):
    text = svg(draw_raincloud([cloud(6)], label="x"), tmp_path)
    assert re.findall(r'xlink:href="(sub-\d\.html)"', text) == [f"sub-{i}.html" for i in range(6)]


def test_of_many_values_150_have_dots_the_least_and_greatest_among_them(tmp_path):
    text = svg(draw_raincloud([cloud(3001)], label="x"), tmp_path)
    linked = re.findall(r'xlink:href="sub-(\d+)\.html"', text)
    assert len(linked) == 150
    assert {"0", "3000"} <= set(linked)
    ranks = np.array(linked, dtype=int)
    assert np.ptp(np.diff(ranks)) <= 1  # evenly spaced, to the nearest value


def test_of_150_values_each_has_a_dot(tmp_path):
    assert svg(draw_raincloud([cloud(150)], label="x"), tmp_path).count('xlink:href="sub-') == 150


def test_of_many_pairs_150_have_dots_in_their_own_places():
    figure = draw_adjusted([(cloud(1000), 2 * np.linspace(1, 2, 1000))], x="x", y="y", text="z")
    (dots,) = figure.axes[0].collections
    places = np.asarray(dots.get_offsets())
    assert places.shape == (150, 2)
    assert np.allclose(places[:, 1], 2 * places[:, 0])


def has_density(*clouds) -> bool:
    figure = draw_raincloud(clouds, label="x")
    return any(isinstance(one, FillBetweenPolyCollection) for one in figure.axes[0].collections)


@pytest.mark.parametrize("group", [cloud(0), cloud(1), cloud(8, value=3.0)])
def test_a_group_too_small_or_constant_has_no_density(group):
    assert has_density(cloud(5))
    assert not has_density(group)


def test_dots_of_equal_values_lie_beside_each_other():
    from npsle_app.figures.paper.paper import place_dots

    assert len(set(place_dots(np.full(9, 2.0), width=1))) == 9
