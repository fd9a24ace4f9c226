"""Pictures of one person's deviations."""

import nibabel as nib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from npsle_app.figures.paper.deviations import (
    CentilePanel,
    Visit,
    draw_centile_panels,
    draw_score_map,
)

AGES = np.linspace(20.0, 70.0, 30)
CURVES = {centile: 7 - 0.01 * AGES + centile / 100 for centile in (2.5, 25.0, 50.0, 75.0, 97.5)}


def image(data):
    return nib.Nifti1Image(data.astype(np.float32), np.eye(4))


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def draw_map(scores):
    """A head of two halves: label 1 on the left (x small), 101 on the right."""
    head = np.zeros((40, 40, 40))
    head[4:36, 4:36, 4:36] = 100
    labels = np.zeros_like(head)
    labels[4:20, 4:36, 4:36], labels[20:36, 4:36, 4:36] = 1, 101
    return pixels(draw_score_map(image(head), labels=image(labels), scores=scores))[26:]


def warm(shown):
    return shown[..., 0] - shown[..., 2] > 40


def cool(shown):
    return shown[..., 2] - shown[..., 0] > 40


def test_the_left_side_is_on_the_right_of_the_picture():
    first = draw_map({1: -3.0, 101: 0.0})[:100, :185]
    columns = np.argwhere(warm(first))[:, 1]
    assert columns.size
    assert columns.min() > 185 / 2 - 3


def test_small_regions_are_warm_and_large_ones_cool():
    assert warm(draw_map({1: -2.5})).any()
    assert not cool(draw_map({1: -2.5})).any()
    assert cool(draw_map({1: 2.5})).any()
    assert not warm(draw_map({1: 2.5})).any()


@pytest.mark.parametrize("z", [0.4, np.nan])
def test_what_is_as_expected_or_unknown_has_no_colour(z):
    shown = draw_map({1: z, 101: z})
    assert not warm(shown).any()
    assert not cool(shown).any()


def test_a_critical_scan_is_marked_in_its_panel():
    def panel(critical):
        visit = Visit(age_years=40.0, volume=6.0, critical=critical)
        return CentilePanel(title="thalamus", ages_years=AGES, curves=CURVES, visits=[visit])

    marked, plain = (
        pixels(draw_centile_panels([panel(critical)], text="women", unit="mL"))
        for critical in (True, False)
    )
    assert warm(marked).sum() > 20
    assert warm(plain).sum() == 0


def test_five_regions_take_two_rows():
    panel = CentilePanel(title="caudate", ages_years=AGES, curves=CURVES, visits=[])
    one, two = (draw_centile_panels([panel] * n, text="", unit="mL") for n in (4, 5))
    assert two.get_figheight() > 1.5 * one.get_figheight()
    lowest = pixels(two)[-100:, :350].sum(axis=2)
    assert (lowest > 300).any()
    assert not pixels(two)[-100:, 700:].any()


def test_scans_outside_the_curves_lie_inside_their_panel():
    visit = Visit(age_years=95.0, volume=1.0, critical=True)
    panel = CentilePanel(title="", ages_years=AGES, curves=CURVES, visits=[visit], shown=95.0)
    (line,) = draw_centile_panels([panel], text="", unit="mL").axes[0].lines
    (x,), (y,) = line.get_data()
    assert 46 < x < 46 + 262
    assert 64 < y < 64 + 150
