import numpy as np
import pytest

from npsle_app.phantom.head.grids import turned, whole_head


def test_a_grid_covers_the_same_field_of_view_at_every_voxel_size():
    fine, coarse = (whole_head(voxel_mm=(mm, mm, mm), turn=np.eye(3)) for mm in (1.0, 3.0))
    assert fine.shape == (192, 240, 216)
    assert coarse.shape == (64, 80, 72)
    assert np.allclose(coarse.affine[:3, 3] - fine.affine[:3, 3], 1)


def test_world_coordinates_of_a_slab_agree_with_the_affine():
    grid = whole_head(voxel_mm=(12, 12, 24), turn=turned(pitch=8, roll=-3, yaw=2))
    world = grid.world_mm(slice(3, 5))
    assert np.allclose(world[:, 1, 6, 2], (grid.affine @ [4, 6, 2, 1])[:3], atol=1e-3)


def test_voxel_volume_does_not_change_when_the_grid_is_turned():
    grid = whole_head(voxel_mm=(0.9, 0.9, 3), turn=turned(pitch=8, roll=-3, yaw=2))
    assert grid.voxel_ml == pytest.approx(0.9 * 0.9 * 3 / 1000)


def test_pitch_lifts_what_lies_in_front():
    assert np.allclose(turned(pitch=90, roll=0, yaw=0) @ [0, 1, 0], [0, 0, 1])
