"""What the grid of 1 mm cubes promises."""

import numpy as np
import pytest

from npsle_app.imaging.wmh.work_grid import WorkGrid


def grid_of(shape, *sizes):
    return WorkGrid(shape=shape, voxel_sizes_mm=np.array(sizes))


def ball(shape, sizes, radius_mm):
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, sizes, strict=True)]
    squares = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    return np.clip(radius_mm + 0.5 - np.sqrt(squares), 0, 1).astype(np.float32)


def test_cubes_of_1_mm_are_left_as_they_are(rng):
    image = rng.random((5, 6, 7), dtype=np.float32)
    grid = grid_of(image.shape, 1, 1, 1)
    np.testing.assert_array_equal(grid.enter(image), image)
    np.testing.assert_array_equal(grid.leave(image), image)


@pytest.mark.parametrize("sizes", [(0.5, 0.5, 0.5), (0.9, 0.9, 3), (2, 2, 2), (1.5, 1, 0.7)])
def test_a_ball_keeps_its_volume_both_ways(sizes):
    shape = tuple(round(60 / mm) for mm in sizes)
    image, voxel = ball(shape, sizes, 15), np.prod(sizes)
    grid = grid_of(shape, *sizes)
    inside = grid.enter(image)
    assert inside.shape == grid.work_shape
    assert inside.sum() == pytest.approx(image.sum() * voxel, rel=0.01)
    assert grid.leave(inside).sum() * voxel == pytest.approx(image.sum() * voxel, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_image_gives_the_mirrored_cubes(rng, axis):
    image = rng.random((12, 10, 7), dtype=np.float32)
    grid = grid_of(image.shape, 0.9, 0.9, 3)
    mirrored = np.flip(grid.enter(np.flip(image, axis)), axis)
    np.testing.assert_allclose(mirrored, grid.enter(image), atol=1e-5)


def test_an_even_image_stays_even():
    grid = grid_of((9, 9, 4), 0.8, 0.8, 5)
    np.testing.assert_allclose(grid.enter(np.ones((9, 9, 4), np.float32)), 1, atol=1e-6)
    np.testing.assert_allclose(grid.leave(np.ones(grid.work_shape, np.float32)), 1, atol=1e-6)


def test_a_mask_stays_a_mask():
    mask = np.zeros((8, 8, 8), bool)
    mask[2:6] = True
    inside = grid_of(mask.shape, 2, 2, 2).enter_mask(mask)
    assert inside.dtype == bool
    assert inside.sum() == 8 * 16 * 16


def test_what_lies_outside_a_mask_does_not_reach_in(rng):
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 2:7, 2:7] = True
    image = np.where(mask, 7, rng.uniform(0, 900, mask.shape)).astype(np.float32)
    grid = grid_of(mask.shape, 2, 2, 2)
    inside = grid.enter_inside(image, mask=mask)
    np.testing.assert_allclose(inside[grid.enter_mask(mask)], 7, rtol=1e-5)
