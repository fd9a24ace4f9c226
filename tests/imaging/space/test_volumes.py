"""Images and their grids."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.space.volumes import check_same_grid, crop, fraction, on_grid_of, voxel_mm3

OBLIQUE = nib.affines.from_matvec(
    nib.eulerangles.euler2mat(0.2, -0.1, 0.3) @ np.diag([-1.0, 2.0, 3.0]), [10, -20, 30]
)


def image(shape=(4, 5, 6), affine=OBLIQUE):
    return nib.Nifti1Image(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), affine)


def test_voxel_volume_is_the_determinant_whatever_the_axes():
    assert voxel_mm3(image()) == pytest.approx(6)


def test_other_shapes_are_refused_by_name():
    with pytest.raises(ValueError, match=r"grids differ: \(4, 5, 6\) and \(4, 5, 7\)"):
        check_same_grid(image(), image((4, 5, 7)))


def test_other_affines_are_refused():
    with pytest.raises(ValueError, match="affines differ"):
        check_same_grid(image(), image(affine=np.eye(4)))


def test_masks_become_bytes_and_floats_32_bit():
    made = on_grid_of(image(), np.ones((4, 5, 6), bool))
    assert made.get_data_dtype() == np.uint8
    assert on_grid_of(image(), np.ones((4, 5, 6))).get_data_dtype() == np.float32
    assert np.allclose(made.affine, OBLIQUE)


def test_a_crop_keeps_every_voxel_at_its_place_in_the_world():
    region = np.zeros((4, 5, 6), bool)
    region[2, 2:4, 3] = True
    part = crop(image(), on_grid_of(image(), region))
    assert part.shape == (3, 4, 3)
    assert np.allclose(part.affine @ [1, 1, 1, 1], OBLIQUE @ [2, 2, 3, 1])
    assert part.get_fdata()[1, 1, 1] == image().get_fdata()[2, 2, 3]


def test_a_crop_at_the_edge_stays_inside():
    region = np.zeros((4, 5, 6), bool)
    region[0, 0, 0] = True
    assert crop(image(), on_grid_of(image(), region)).shape == (2, 2, 2)


def test_bytes_become_fractions_and_fractions_stay():
    half = on_grid_of(image(), np.full((4, 5, 6), 0.5))
    full = on_grid_of(image(), np.full((4, 5, 6), 255, np.uint8))
    assert np.all(fraction(half).get_fdata() == 0.5)
    assert np.all(fraction(full).get_fdata() == 1)
