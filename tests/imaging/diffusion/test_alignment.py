"""Motion and eddy currents by known displacements."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from npsle_app.imaging.diffusion.alignment import estimate_motion
from npsle_app.imaging.diffusion.gradients import Gradients
from npsle_app.imaging.diffusion.motion import (
    Motion,
    add_shell_shift,
    framewise_displacement_mm,
    head_shifts_mm,
    rotated_gradients,
)
from tests.imaging.diffusion.scene import AFFINE, scheme, series

PHASE = np.array([0.0, 1.0, 0.0])


def motion_of(rotations, shifts, eddy=None, axis=PHASE):
    return Motion(
        np.asarray(rotations, float),
        np.asarray(shifts, float),
        np.zeros_like(np.asarray(shifts, float)) if eddy is None else np.asarray(eddy, float),
        np.zeros(3),
        axis,
    )


def moved(image, motion):
    """Let each volume be imaged as the motion says."""
    data = image.get_fdata(dtype=np.float32)
    out = np.empty_like(data)
    for n in range(data.shape[3]):
        back = np.linalg.inv(AFFINE) @ np.linalg.inv(motion.matrix(n)) @ AFFINE
        out[..., n] = ndimage.affine_transform(data[..., n], back[:3, :3], back[:3, 3], order=3)
    return nib.Nifti1Image(np.maximum(out, 0), AFFINE)


def error_mm(found, truth, brain):
    points = nib.affines.apply_affine(AFFINE, np.argwhere(brain))
    gaps = [
        nib.affines.apply_affine(found.matrix(n), points)
        - nib.affines.apply_affine(truth.matrix(n), points)
        for n in range(len(truth.rotations))
    ]
    gaps = np.array(gaps)
    return np.linalg.norm(gaps - gaps[2:].mean(axis=0) * (np.arange(len(gaps)) > 1)[:, None, None],
                          axis=-1).mean(axis=1)  # fmt: skip


def test_known_motion_and_eddy_currents_come_back(rng):
    """Within a shell; what moves the whole shell is another step's task."""
    gradients = scheme(rng)
    image, brain, _ = series(gradients, rng=rng)
    count = len(gradients.b_values)
    turns = np.deg2rad(rng.normal(0, 1.5, (count, 3)))
    shifts, eddy = rng.normal(0, 1.5, (count, 3)), rng.normal(0, 0.01, (count, 3))
    turns[0], shifts[0], eddy[:2] = 0, 0, 0
    truth = motion_of(turns, shifts, eddy)
    played_out = Gradients(
        gradients.b_values, np.einsum("nab,nb->na", truth.turns, gradients.directions)
    )
    found = estimate_motion(moved(image, truth), mask=brain, gradients=played_out, phase_axis=1)
    rest = motion_of(turns * 0, shifts * 0)
    assert error_mm(rest, truth, brain).mean() > 2
    assert error_mm(found, truth, brain).mean() < 0.4
    assert error_mm(found, truth, brain).max() < 0.9


def test_a_head_at_rest_is_found_at_rest(rng):
    gradients = scheme(rng)
    image, brain, _ = series(gradients, rng=rng)
    found = estimate_motion(image, mask=brain, gradients=gradients, phase_axis=1)
    assert error_mm(found, motion_of(np.zeros((22, 3)), np.zeros((22, 3))), brain).max() < 0.4


def test_few_directions_are_aligned_with_their_mean(rng):
    gradients = scheme(rng, count=6, zeros=1)
    image, brain, _ = series(gradients, rng=rng)
    found = estimate_motion(image, mask=brain, gradients=gradients, phase_axis=None)
    assert np.abs(found.shifts_mm).max() < 1
    assert not found.eddy.any()


def test_gradients_turn_against_the_head():
    turn = [[0, 0, np.pi / 2]]
    gradients = Gradients(np.array([1000.0]), np.array([[0.0, 1, 0]]))
    found = rotated_gradients(gradients, motion=motion_of(turn, [[0, 0, 0]]))
    np.testing.assert_allclose(found.directions, [[1, 0, 0]], atol=1e-12)


def test_framewise_displacement_of_a_known_step():
    motion = motion_of([[0, 0, 0], [0.01, 0, 0], [0.01, 0, 0]], [[0, 0, 0], [1, -2, 0], [1, -2, 0]])
    still = Gradients(np.zeros(3), np.zeros((3, 3)))
    found = framewise_displacement_mm(motion, gradients=still)
    np.testing.assert_allclose(found, [0, 3.5, 0])


def test_shifts_by_eddy_currents_are_no_motion(rng):
    gradients = scheme(rng)
    shifts = np.outer(gradients.directions @ [1.0, -2.0, 0.5], PHASE)
    motion = motion_of(np.zeros((22, 3)), shifts + np.array([0.3, 0, 0]))
    np.testing.assert_allclose(
        head_shifts_mm(motion, gradients=gradients), np.tile([0.3, 0, 0], (22, 1)), atol=1e-9
    )


def test_a_shift_of_the_shell_goes_before_the_motion_of_each_volume(rng):
    turns, shifts = rng.normal(0, 0.05, (3, 3)), rng.normal(0, 2, (3, 3))
    motion = motion_of(turns, shifts)
    common = np.eye(4)
    common[:3, :3] = Rotation.from_rotvec([0.02, -0.03, 0.05]).as_matrix()
    common[:3, 3] = 1, 2, -1
    found = add_shell_shift(motion, matrix=common, volumes=np.array([False, True, True]))
    np.testing.assert_allclose(found.matrix(0), motion.matrix(0))
    np.testing.assert_allclose(found.matrix(2), motion.matrix(2) @ common, atol=1e-12)


def test_a_tiny_mask_is_refused(rng):
    gradients = scheme(rng)
    image, brain, _ = series(gradients)
    with pytest.raises(ValueError, match="too few to align volumes"):
        estimate_motion(image, mask=brain & (np.cumsum(brain.ravel()).reshape(brain.shape) < 9),
                        gradients=gradients, phase_axis=1)  # fmt: skip
