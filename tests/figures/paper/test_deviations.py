"""Where one person's brain departs from what was expected."""

import nibabel as nib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from npsle_app.figures.paper.deviations import draw_score_map


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
