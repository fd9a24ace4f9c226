"""The rotation between scanner and anatomy."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.alps.frame import finite_strain, head_angles_deg, linear_part
from tests.imaging.alps.scene import brain, field_of, turned


def test_the_linear_part_of_a_linear_field_is_that_map():
    pose = turned(pitch=9, roll=-4, yaw=3)
    found = linear_part(field_of(pose, stretch=0.92), region=brain())
    np.testing.assert_allclose(found, pose @ np.diag([0.92, 0.92, 0.92, 1]), atol=1e-5)


def test_a_bend_that_averages_out_does_not_turn_the_head():
    pose = turned(pitch=9)
    field = field_of(pose)
    data = field.get_fdata()
    i = np.indices(data.shape[:3])
    data[..., 0, 1] += 2 * np.sin(2 * np.pi * i[0] / 4)
    found = linear_part(nib.Nifti1Image(data, field.affine), region=brain())
    assert head_angles_deg(np.linalg.inv(finite_strain(found)))[0] == pytest.approx(9, abs=0.3)


def test_the_rotation_is_what_is_left_without_stretch():
    turn = turned(pitch=9, roll=-4, yaw=3)[:3, :3]
    stretch = np.array([[1.1, 0.05, 0], [0.05, 0.9, 0.02], [0, 0.02, 1.2]])
    np.testing.assert_allclose(finite_strain(turn @ stretch), turn, atol=1e-12)


@pytest.mark.parametrize("angles", [(12, 0, 0), (0, -5, 0), (0, 0, 7), (10, -4, 3)])
def test_angles_are_those_that_the_head_was_turned_by(angles):
    pitch, roll, yaw = angles
    to_anatomy = turned(pitch=pitch, roll=roll, yaw=yaw)[:3, :3].T
    assert head_angles_deg(to_anatomy) == pytest.approx(angles, abs=1e-9)


def test_pitch_is_positive_with_the_chin_up():
    front = turned(pitch=10)[:3, :3] @ (0, 1, 0)
    assert front[2] > 0  # the face looks up


def test_a_map_that_mirrors_the_head_is_refused():
    with pytest.raises(ValueError, match="mirrors or flattens"):
        finite_strain(np.diag([-1.0, 1, 1]))


def test_an_empty_brain_mask_is_refused():
    empty = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4))
    with pytest.raises(ValueError, match="the template's brain mask is empty"):
        linear_part(field_of(np.eye(4)), region=empty)
