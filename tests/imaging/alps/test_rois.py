"""Where the regions of the DTI-ALPS index lie, and how much of each voxel they hold."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app import templates
from npsle_app.imaging.alps.rois import (
    PLACES,
    Side,
    Tract,
    cut_sphere,
    find_centres,
    share_of_voxels,
    template_sphere_mm,
)
from npsle_app.imaging.space.displacement import sample_at
from npsle_app.templates import Template
from tests.imaging.alps.scene import field_of, make_grid, turned

VOLUME_MM3 = 4 / 3 * np.pi * 2.5**3
CORONA_RADIATA, SLF = {25, 26}, {41, 42}  # of the JHU atlas, whose sides are swapped


def test_the_four_centres_are_those_of_the_reference_script():
    found = {place.name: tuple(place.mni_mm) for place in PLACES}
    assert found == {
        "projection_left": (-26, -16, 27),
        "association_left": (-38, -16, 27),
        "projection_right": (26, -16, 27),
        "association_right": (38, -16, 27),
    }


def test_the_spheres_lie_within_the_tracts_of_the_atlas():
    try:
        atlas = templates.load(Template.JHU)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    for place in PLACES:
        labels = set(sample_at(atlas, template_sphere_mm(place)))
        assert labels <= (CORONA_RADIATA if place.tract is Tract.PROJECTION else SLF)


@pytest.mark.parametrize("voxel_mm", [1.0, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("shift", [0.0, 0.4, 1.1])
def test_the_shares_sum_to_the_volume_of_the_sphere_wherever_the_grid_lies(voxel_mm, shift):
    grid = make_grid(voxel_mm, turn=turned(pitch=20, yaw=10))
    sphere = cut_sphere(PLACES[0].mni_mm + shift, radius_mm=2.5, grid=grid)
    assert sphere.shares.sum() * voxel_mm**3 == pytest.approx(VOLUME_MM3, rel=0.02)
    assert sphere.inside_grid == 1


def test_the_middle_of_the_shares_is_the_centre():
    grid = make_grid(2.0)
    centre = PLACES[1].mni_mm + np.array([0.3, -0.7, 0.9])
    sphere = cut_sphere(centre, radius_mm=2.5, grid=grid)
    points = nib.affines.apply_affine(grid.affine, sphere.voxels)
    np.testing.assert_allclose(np.average(points, axis=0, weights=sphere.shares), centre, atol=0.06)


def test_a_voxel_wholly_inside_counts_in_full():
    grid = make_grid(1.0)
    sphere = cut_sphere(PLACES[0].mni_mm, radius_mm=5, grid=grid)
    assert sphere.shares.max() == 1
    assert sphere.shares.min() > 0


def test_a_ramp_has_the_same_mean_over_the_sphere_on_every_grid():
    """Of whole voxels the mean would jump by as much as a third of the voxel."""
    found = []
    for shift in np.linspace(0, 3, 7):
        grid = make_grid(3.0)
        grid = nib.Nifti1Image(np.asarray(grid.dataobj), turned() @ grid.affine)
        grid.affine[:3, 3] += shift
        sphere = cut_sphere(PLACES[0].mni_mm, radius_mm=2.5, grid=grid)
        x = nib.affines.apply_affine(grid.affine, sphere.voxels)[:, 0]
        found.append(np.average(x, weights=sphere.shares))
    np.testing.assert_allclose(found, -26, atol=0.1)


def test_a_sphere_half_out_of_the_image_says_so():
    grid = make_grid(2.0)
    edge = grid.affine[:3, 3] - 1.0  # the outer corner of the first voxel
    sphere = cut_sphere(np.array([edge[0], -16, 27]), radius_mm=2.5, grid=grid)
    assert sphere.inside_grid == pytest.approx(0.5, abs=0.02)


def test_a_sphere_outside_the_image_has_no_voxels():
    sphere = cut_sphere(np.array([900.0, 0, 0]), radius_mm=2.5, grid=make_grid())
    assert sphere.voxels.shape == (0, 3)
    assert sphere.inside_grid == 0


def test_centres_follow_the_field_and_then_the_matrix():
    pose, shift = turned(pitch=10), np.eye(4)
    shift[:3, 3] = (1, 2, 3)
    found = find_centres(to_native=field_of(pose), to_diffusion=shift)
    for place, centre in found.items():
        expected = nib.affines.apply_affine(shift @ pose, place.mni_mm)
        np.testing.assert_allclose(centre, expected, atol=1e-6)
        assert (centre[0] < 0) == (place.side is Side.LEFT)


def test_shares_of_a_finer_mask_are_averaged_over_the_voxel():
    fine = np.zeros((40, 40, 40), np.uint8)
    fine[:, :, :21] = 1
    image = nib.Nifti1Image(fine, np.eye(4))
    grid = nib.Nifti1Image(np.zeros((5, 5, 5), np.uint8), np.diag([4.0, 4, 4, 1]))
    voxels = np.array([[3, 3, 4], [3, 3, 5], [3, 3, 6], [30, 3, 3]])
    found = share_of_voxels(image, grid=grid, matrix=np.eye(4), voxels=voxels)
    np.testing.assert_allclose(found, [1, 0.625, 0, 0], atol=0.13)
    shift = np.eye(4)
    shift[2, 3] = 4  # the head lies 4 mm higher in the diffusion images
    moved = share_of_voxels(image, grid=grid, matrix=shift, voxels=voxels + np.array([0, 0, 1]))
    np.testing.assert_allclose(moved[:3], found[:3])
