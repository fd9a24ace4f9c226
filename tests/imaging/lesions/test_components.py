"""How many lesions there are and how large they are."""

import numpy as np
import pytest

from npsle_app.imaging.lesions.components import (
    count_by_size,
    extent_mm,
    label_lesions,
)


def test_lesions_that_touch_at_a_corner_are_one():
    mask = np.zeros((5, 5, 5), dtype=bool)
    mask[1, 1, 1] = mask[2, 2, 2] = True
    assert label_lesions(mask).max() == 1


def test_no_lesion_counts_0_in_each_class():
    assert count_by_size(np.zeros(0)) == (0, 0, 0, 0)


def test_the_classes_hold_all_lesions(rng):
    volumes = rng.uniform(1, 5000, 200)
    assert sum(count_by_size(volumes)) == 200


def test_a_row_is_as_long_as_its_voxels_together():
    row = np.array([[0, 0, z] for z in range(10)], dtype=float)
    assert extent_mm(row, voxel_mm3=1) == pytest.approx(10)


def test_a_single_voxel_is_as_long_as_its_edge():
    assert extent_mm(np.zeros((1, 3)), voxel_mm3=8) == pytest.approx(2)


def test_a_ball_is_as_long_as_its_diameter():
    grid = np.argwhere(np.ones((25, 25, 25))) - 12.0
    ball = grid[(grid**2).sum(axis=1) <= 10**2]
    assert extent_mm(ball, voxel_mm3=1) == pytest.approx(20, abs=1)


def test_a_large_plane_has_an_extent():
    plane = np.argwhere(np.ones((30, 30, 1))).astype(float)
    assert extent_mm(plane, voxel_mm3=1) == pytest.approx(29 * np.sqrt(2) + 1)
