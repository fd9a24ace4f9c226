"""Volumes as sheets of slices for the page's viewer."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.figures.brain.sprites import grey_sprite, label_sprite, sprite_grid


def _image(data, affine=None):
    return nib.Nifti1Image(data, np.diag([1.0, 1, 1, 1]) if affine is None else affine)


@pytest.fixture
def brain():
    mask = np.zeros((60, 70, 50), dtype=np.uint8)
    mask[20:40, 20:50, 20:30] = 1
    return _image(mask)


def _tile(sheet, index, shape):
    x, y, z = shape
    columns = int(np.ceil(np.sqrt(x)))
    row, column = divmod(index, columns)
    return np.asarray(sheet)[row * z : (row + 1) * z, column * y : (column + 1) * y]


def test_the_grid_holds_the_brain_and_what_is_around_it_and_runs_to_the_left(brain):
    grid = sprite_grid(brain, brain=brain, voxel_mm=1.0)
    assert grid.shape == (48, 58, 38)
    assert grid.affine[0, 0] == -1
    assert grid.affine[0, 3] == 39 + 14


@pytest.mark.parametrize("flip", [1, -1])
def test_a_mark_is_found_where_it_lies_whatever_the_orientation(brain, flip):
    labels = np.zeros((60, 70, 50), dtype=np.uint8)
    labels[35, 40, 22] = 3  # to the right, front, low
    image = _image(labels)
    if flip < 0:
        image = _image(
            labels[::-1], np.array([[-1.0, 0, 0, 59], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        )
    grid = sprite_grid(brain, brain=brain, voxel_mm=1.0)
    sheet = label_sprite(grid.sample(image, order=0), colours={3: "#ff0000"})
    tile = _tile(sheet, 53 - 35, grid.shape)
    row, column = (int(n[0]) for n in np.nonzero(tile))
    assert (np.asarray(sheet) > 0).sum() == 1
    assert column == 40 - 6
    assert grid.shape[2] - 1 - row == 22 - 6
    assert sheet.convert("RGBA").getpixel((0, 0))[3] == 0


def test_labels_without_a_colour_are_not_drawn():
    labels = np.full((4, 4, 4), 7.0, dtype=np.float32)
    assert not np.asarray(label_sprite(labels, colours={3: "#ff0000"})).any()


def test_grey_levels_are_those_of_the_brain(brain):
    data = np.full((60, 70, 50), 5.0)
    data[20:40, 20:50, 20:30] = np.linspace(50, 100, 10)
    data[0, 0, 0] = 1e6
    grid = sprite_grid(brain, brain=brain, voxel_mm=2.0)
    sheet = np.asarray(grey_sprite(_image(data), grid=grid, brain=brain))
    assert sheet.max() == 255
    assert sheet.dtype == np.uint8
