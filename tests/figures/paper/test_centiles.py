"""One person's volumes among centile curves."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from npsle_app.figures.paper.centiles import CentilePanel, Visit, draw_centile_panels

AGES = np.linspace(20.0, 70.0, 30)
CURVES = {centile: 7 - 0.01 * AGES + centile / 100 for centile in (2.5, 25.0, 50.0, 75.0, 97.5)}
SVG = "{http://www.w3.org/2000/svg}"
ORANGE = "#ff8a50"
LEFT, TOP, WIDTH, HEIGHT = 46, 64, 262, 150  # of the first panel, in pixels


def panel(*visits, title="thalamus", shown=np.nan):
    return CentilePanel(title=title, ages_years=AGES, curves=CURVES, visits=visits, shown=shown)


def visit(age=40.0, volume=6.9, *, critical=False, **limits):
    return Visit(age_years=age, volume=volume, critical=critical, **limits)


def draw(*panels, text="women"):
    return ET.fromstring(draw_centile_panels(panels, text=text, unit="mL"))  # noqa: S314 - ours


def texts(drawing):
    return [element.text for element in drawing.iter(f"{SVG}text")]


def paths(drawing, **attributes):
    found = drawing.iter(f"{SVG}path")
    return [one.get("d") for one in found if all(one.get(k) == v for k, v in attributes.items())]


def points(path):
    """The corners of a path's polylines in pixels, as a list of (n, 2) arrays."""
    lines = re.findall(r"M(\S+) (\S+?)l([-\d ]+)", path)
    steps = [np.array([x, y, *more.split()], dtype=float).reshape(-1, 2) for x, y, more in lines]
    return [np.cumsum(line, axis=0) / 10 for line in steps]


@pytest.mark.parametrize("critical", [True, False])
def test_a_critical_scan_is_marked_in_its_panel(critical):
    assert len(paths(draw(panel(visit(critical=critical))), fill=ORANGE)) == critical


def test_scans_lie_at_their_age_and_volume_among_the_curves():
    ends = (visit(age=20.0, volume=5.0), visit(age=70.0, volume=9.0))
    (track,) = points(paths(draw(panel(*ends)), **{"stroke-width": "9"})[1])
    inside = 0.05 / 1.1  # of the range that all have as a margin on both sides
    np.testing.assert_allclose(
        track[0], [LEFT + inside * WIDTH, TOP + (1 - inside) * HEIGHT], atol=0.1
    )
    np.testing.assert_allclose(
        track[1], [LEFT + (1 - inside) * WIDTH, TOP + inside * HEIGHT], atol=0.1
    )


def test_curves_are_what_the_panel_holds():
    drawing = draw(panel())
    low, high = points(paths(drawing, **{"stroke-dasharray": "29 12"})[0])
    (median,) = points(paths(drawing, **{"stroke-width": "17"})[0])
    for line in (low, median, high):
        assert line[0, 0] == pytest.approx(LEFT + WIDTH * 0.05 / 1.1, abs=0.1)
        assert line[-1, 0] == pytest.approx(LEFT + WIDTH * (1 - 0.05 / 1.1), abs=0.1)
    shares = (low - median)[:, 1] / (low - high)[:, 1]
    assert shares == pytest.approx([(50 - 2.5) / 95] * len(shares), abs=0.01)


def test_bands_are_nested_pairs_of_centiles():
    drawing = draw(panel(), panel())
    bands = paths(drawing, **{"fill-opacity": ".12"})
    assert [len(points(band)) for band in bands] == [2, 2]
    outer, inner = (np.ptp(points(band)[0][:, 1]) for band in bands)
    assert outer > inner


def test_limits_are_drawn_where_there_are_any():
    drawing = draw(panel(visit(low=6.5, high=7.3), visit(age=50.0)))
    (bar,) = points(paths(drawing, **{"stroke-opacity": ".7"})[0])
    assert bar[0, 0] == bar[1, 0]
    assert bar[0, 1] > bar[1, 1]


def test_the_scan_that_is_spoken_of_is_larger_than_others():
    drawing = draw(panel(visit(age=40.0), visit(age=45.0), shown=45.0))
    other, shown = paths(drawing, fill="#e8eaed")
    assert [one.split("m")[1].split()[0] for one in (other, shown)] == ["-25", "-42"]


def test_five_regions_take_two_rows():
    heights = [int(draw(*[panel()] * n).get("height")) for n in (4, 5)]
    assert heights == [46 + 194, 46 + 2 * 194]


def test_scans_outside_the_curves_lie_inside_their_panel():
    drawing = draw(panel(visit(age=95.0, volume=1.0, critical=True), shown=95.0))
    x, y = map(int, re.match(r"M(\d+) (\d+)m", paths(drawing, fill=ORANGE)[0]).groups())
    assert LEFT < x / 10 < LEFT + WIDTH
    assert TOP < y / 10 < TOP + HEIGHT


def test_axes_are_numbered_and_the_key_names_the_unit():
    told = texts(draw(panel()))
    assert {"30", "45", "60", "7.2"} <= set(told)
    assert any("volumes in mL" in text for text in told)


@pytest.mark.parametrize("hostile", ["</text><script>", "a & b", "\x00bell\x07", "\ud800", "$x$"])
def test_labels_of_strangers_are_text(hostile):
    drawing = draw(panel(title=hostile), text=hostile)
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in hostile)
    assert texts(drawing).count(shown) == 2
    assert drawing.find(f"{SVG}title").text == shown
    assert not list(drawing.iter(f"{SVG}script"))


def test_nothing_to_show_is_an_empty_row():
    assert paths(draw()) == ["", "", "", "", "", ""]
