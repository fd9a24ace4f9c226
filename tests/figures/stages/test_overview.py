"""The slice to look at first, for each marker."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.figures.stages.overview import (
    SIDE_PX,
    draw_fibre_slice,
    draw_lesion_slice,
    draw_tissue_slice,
)


@pytest.fixture
def head(rng):
    data = np.zeros((40, 50, 30), dtype=np.float32)
    data[8:32, 8:42, 5:25] = 100 + rng.normal(0, 2, (24, 34, 20))
    return nib.Nifti1Image(data, np.diag([4.0, 4, 4, 1]))


def _like(head, data):
    return nib.Nifti1Image(data, head.affine)


def _pixels(drawing):
    figure = drawing.picture.figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def _is_red(pixels):
    return (pixels[..., 0] > 150) & (pixels[..., 1] < 130) & (pixels[..., 2] < 130)


def test_the_slice_with_most_lesions_is_drawn_with_its_outline(head):
    brain = _like(head, (np.asarray(head.dataobj) > 0).astype(np.uint8))
    mask = np.zeros(head.shape, dtype=np.uint8)
    mask[26:30, 20:24, 12] = 1  # on the right
    pixels = _pixels(draw_lesion_slice(head, mask=_like(head, mask), brain=brain))
    assert pixels.shape == (SIDE_PX, SIDE_PX, 3)
    columns = np.nonzero(_is_red(pixels))[1]
    assert columns.size
    assert columns.max() < SIDE_PX / 2


def test_without_lesions_a_slice_through_the_brain_is_drawn(head):
    brain = _like(head, (np.asarray(head.dataobj) > 0).astype(np.uint8))
    nothing = _like(head, np.zeros(head.shape, dtype=np.uint8))
    pixels = _pixels(draw_lesion_slice(head, mask=nothing, brain=brain))
    assert not _is_red(pixels).any()
    assert pixels.max() > 150


def test_tissues_have_their_colours(head):
    brain = _like(head, (np.asarray(head.dataobj) > 0).astype(np.uint8))
    pixels = _pixels(draw_tissue_slice(head, tissues=brain, brain=brain))
    middle = pixels[SIDE_PX // 2, SIDE_PX // 2]
    assert middle[0] > middle[1] + 20


def test_colour_fa_keeps_its_colours_and_regions_are_outlined(head):
    colour = np.zeros((*head.shape, 3), dtype=np.float32)
    colour[8:32, 8:42, 5:25, 1] = 0.5
    regions = np.zeros(head.shape, dtype=np.uint8)
    regions[12:15, 20:24, 12] = 1
    pixels = _pixels(draw_fibre_slice(_like(head, colour), regions=_like(head, regions)))
    middle = pixels[SIDE_PX // 2, SIDE_PX // 2]
    assert middle[1] > 150
    assert middle[0] < 30
    white = np.nonzero((pixels > 200).all(axis=2))[1]
    assert (white > SIDE_PX / 2).sum() > (white < SIDE_PX / 2).sum()
