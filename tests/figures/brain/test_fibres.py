"""Colour FA and sticks: fibres have the colour and the way of their direction."""

import nibabel as nib
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from npsle_app.figures.brain.fibres import draw_regions_on_colour, draw_sticks

NAMES = {1: "projection left", 2: "association left", 3: "projection right", 4: "association right"}
SHAPE = (40, 44, 36)
AFFINE = np.diag([2.0, 2, 2, 1])


def scene(direction, *, axes="RAS", labelled=True):
    """A box of fibres of one direction with a region on each side."""
    fa = np.zeros(SHAPE, np.float32)
    fa[4:-4, 4:-4, 4:-4] = 0.6
    labels = np.zeros(SHAPE, np.uint8)
    if labelled:
        for number, i in ((1, 12), (2, 7), (3, 27), (4, 32)):
            labels[i : i + 2, 20:22, 18:20] = number
    directions = np.tile(np.asarray(direction, np.float32), (*SHAPE, 1))
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes)
    )
    made = [nib.Nifti1Image(data, AFFINE).as_reoriented(turn) for data in (fa, labels, directions)]
    return made[0], {
        "directions": np.asarray(made[2].dataobj), "labels": made[1], "names": NAMES
    }  # fmt: skip


def pixels(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize(("axis", "channel"), [((1, 0, 0), 0), ((0, 1, 0), 1), ((0, 0, -1), 2)])
def test_fibres_have_the_colour_of_their_axis(axis, channel):
    fa, rest = scene(axis)
    shown = pixels(draw_regions_on_colour(fa, **rest))
    assert shown[..., channel].max() > 0.9
    others = [other for other in range(3) if other != channel]
    assert shown[..., others].max() == 0


def test_how_the_image_is_stored_changes_no_pixel():
    first = [pixels(draw(scene((0.6, 0.8, 0))[0], **scene((0.6, 0.8, 0))[1]))
             for draw in (draw_regions_on_colour, draw_sticks)]  # fmt: skip
    fa, rest = scene((0.6, 0.8, 0), axes="LPS")
    for before, draw in zip(first, (draw_regions_on_colour, draw_sticks), strict=True):
        np.testing.assert_allclose(pixels(draw(fa, **rest)), before, atol=1e-6)


def sticks(figure):
    """All lines that are as long as sticks, by panel: their steps in pixels."""
    lines = [one for one in figure.axes[0].collections if isinstance(one, LineCollection)]
    return [
        np.array([segment[1] - segment[0] for segment in one.get_segments()])
        for one in lines
        if one.get_segments() and all(len(segment) == 2 for segment in one.get_segments())
    ]


def test_sticks_run_as_the_fibres_do():
    fa, rest = scene((0, 1, 0))
    axial_right, axial_left, coronal_right, coronal_left = sticks(draw_sticks(fa, **rest))[:4]
    for axial in (axial_right, axial_left):
        assert abs(axial[:, 1]).min() > 5
        np.testing.assert_allclose(axial[:, 0], 0, atol=1e-4)
    for coronal in (coronal_right, coronal_left):  # they pierce the plane
        np.testing.assert_allclose(coronal, 0, atol=1e-4)


def test_an_upward_slope_to_the_right_of_the_body_falls_to_the_left_of_the_picture():
    fa, rest = scene((0.6, 0, 0.8))
    coronal = sticks(draw_sticks(fa, **rest))[2]
    assert np.all(coronal[:, 0] * coronal[:, 1] > 0)  # x to the left goes with y upwards


def test_without_regions_the_middle_is_drawn():
    fa, rest = scene((1, 0, 0), labelled=False)
    assert pixels(draw_regions_on_colour(fa, **rest)).max() > 0.5
    assert sticks(draw_sticks(fa, **rest))
