"""Where points of a head lie in the template."""

import nibabel as nib
import numpy as np

from npsle_app.imaging.space.displacement import (
    apply_displacement,
    compose_fields,
    median_displacement_mm,
    sample_at,
)
from npsle_app.imaging.space.registration import warp

AFFINE = np.array([[2.0, 0, 0, -20], [0, 2, 0, -30], [0, 0, 2, -10], [0, 0, 0, 1]])


def make_field(vectors):
    field = nib.Nifti1Image(vectors.astype(np.float32), AFFINE)
    field.header.set_intent("vector")
    return field


def smooth_field():
    """A field of its own at each voxel, LPS."""
    i, j, k = np.indices((20, 24, 16))
    vectors = np.stack([3 + 0.1 * j, -4 + 0.05 * k, 2 - 0.1 * i], axis=-1)
    return make_field(vectors[:, :, :, None, :])


def test_x_and_y_of_a_field_point_left_and_back():
    vectors = np.zeros((20, 24, 16, 1, 3))
    vectors[..., :] = (1, 2, 3)
    found = apply_displacement(np.array([[0.0, 0, 0]]), field=make_field(vectors))
    np.testing.assert_allclose(found, [[-1, -2, 3]])


def test_a_point_finds_the_value_that_the_warped_image_has_there(rng):
    image = nib.Nifti1Image(rng.uniform(0, 1, (40, 44, 36)).astype(np.float32), np.eye(4))
    image.affine[:3, 3] = (-25, -35, -15)
    image = nib.Nifti1Image(image.get_fdata(dtype=np.float32), image.affine)
    grid = nib.Nifti1Image(np.zeros((20, 24, 16), np.float32), AFFINE)
    warped = warp(image, reference=grid, field=smooth_field()).get_fdata()
    where = np.argwhere(np.ones((8, 8, 8))) + 5
    points = nib.affines.apply_affine(AFFINE, where)
    values = sample_at(image, apply_displacement(points, field=smooth_field()), order=1)
    np.testing.assert_allclose(values, warped[tuple(where.T)], atol=1e-4)


def test_no_points_stay_no_points():
    assert apply_displacement(np.empty((0, 3)), field=smooth_field()).shape == (0, 3)


def test_outside_the_image_the_nearest_voxel_holds():
    image = nib.Nifti1Image(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.eye(4))
    np.testing.assert_array_equal(sample_at(image, np.array([[-9.0, -9, -9], [9, 9, 9]])), [0, 7])


def test_two_fields_in_a_row_take_points_where_one_after_the_other_does():
    first = make_field(np.broadcast_to((1.0, -2.0, 3.0), (20, 24, 16, 1, 3)).copy())
    points = np.array([[0.0, 0, 0], [4, -6, 5]])
    chained = compose_fields(first, second=smooth_field())
    wanted = apply_displacement(apply_displacement(points, field=first), field=smooth_field())
    np.testing.assert_allclose(apply_displacement(points, field=chained), wanted, atol=1e-3)


def test_fields_lie_as_far_apart_as_their_shift():
    still = make_field(np.zeros((20, 24, 16, 1, 3)))
    shifted = make_field(np.broadcast_to((3.0, 4.0, 0.0), (20, 24, 16, 1, 3)).copy())
    inside = nib.Nifti1Image(np.ones((20, 24, 16), np.uint8), AFFINE)
    assert median_displacement_mm(shifted, still, inside=inside) == 5
    assert median_displacement_mm(still, still, inside=inside) == 0
