"""Laws of the DTI-ALPS index: known tensors, turned heads, turned grids, scale, gradients."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.alps.index import (
    Region,
    alps_index,
    local_frame_index,
    measure_region,
    turn_tensors,
)
from npsle_app.imaging.alps.rois import PLACES, Place, Side, Tract, cut_sphere
from npsle_app.imaging.alps.variants import PRIMARY, SPHERE, VARIANTS, WEIGHTED
from tests.imaging.alps.scene import (
    ASSOCIATION,
    INDEX,
    PROJECTION,
    make_grid,
    make_images,
    refitted,
    study,
    true_tensors,
    turned,
)

# Per cent that the index loses without reorientation, for 5, 10, 15 and 20 degrees.
LOST = {
    "pitch": (-1.3, -4.8, -10.1, -16.3),
    "roll": (-0.1, -0.4, -0.8, -1.3),
    "yaw": (0.0, -0.2, -0.3, -0.6),
}
OBLIQUE = turned(pitch=12, roll=-7, yaw=5)


def region(direction, tensor=PROJECTION):
    return Region(
        tensor=tensor, direction=np.asarray(direction, float), fa=0.5, md=7e-4,
        asymmetry=1.5, dispersion_deg=10, n_voxels=10, left_out=0, inside_grid=1,
    )  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_known_tensors_give_the_known_index_to_10_digits_in_every_variant(variant):
    found = study(make_images()).indices[variant]
    assert found["left"] == pytest.approx(INDEX, abs=1e-10)
    assert found["right"] == pytest.approx(INDEX, abs=1e-10)
    assert found["mean"] == pytest.approx(INDEX, abs=1e-10)


@pytest.mark.parametrize("axis", LOST)
@pytest.mark.parametrize("number", range(4))
def test_a_head_turned_with_its_grid_keeps_the_primary_index_and_loses_the_cartesian_one(
    axis, number
):
    turn = turned(**{axis: 5.0 * (number + 1)})
    found = study(make_images(pose=turn, grid=make_grid(turn=turn))).indices
    for variant in (SPHERE, WEIGHTED):
        assert found[variant]["mean"] == pytest.approx(INDEX, rel=1e-3)
    change = 100 * (found["native_cartesian"]["mean"] / INDEX - 1)
    assert change == pytest.approx(LOST[axis][number], abs=0.06)


@pytest.mark.parametrize("axis", LOST)
def test_a_head_turned_by_15_degrees_in_the_scanner_keeps_its_index(axis):
    found = study(make_images(pose=turned(**{axis: 15.0}))).indices
    for variant in (SPHERE, WEIGHTED, "local_frame", "principal_axes"):
        assert found[variant]["mean"] == pytest.approx(INDEX, rel=0.01)


def test_the_variant_of_the_reference_script_loses_10_per_cent_to_15_degrees_of_pitch():
    found = study(make_images(pose=turned(pitch=15))).indices["template_no_reorient"]
    assert 100 * (found["mean"] / INDEX - 1) == pytest.approx(-10.1, abs=0.1)


def test_scaling_the_signal_leaves_the_index_as_it_is():
    images = make_images()
    once, more = (
        study(make_images(tensors=refitted(images, scale=scale), scale=scale)) for scale in (1, 731)
    )
    for variant in VARIANTS:
        assert more.indices[variant] == pytest.approx(once.indices[variant], rel=1e-9)


def test_flipping_x_of_the_gradients_leaves_the_index_but_swapping_y_and_z_does_not():
    images = make_images()
    flipped = refitted(images, directions=images.series.directions * (-1, 1, 1))
    swapped = refitted(images, directions=images.series.directions[:, [0, 2, 1]])
    for variant in (SPHERE, WEIGHTED):
        assert study(make_images(tensors=flipped)).indices[variant]["mean"] == pytest.approx(INDEX)
    wrong = study(make_images(tensors=swapped)).indices[SPHERE]["mean"]
    assert wrong == pytest.approx(
        alps_index(np.diag([0.70, 1.15, 0.46]), np.diag([0.66, 0.42, 1.2]))
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("axes", ["LAS", "LPS", "SPL"])
def test_how_the_image_is_stored_does_not_move_the_index(axes, variant):
    found = study(make_images(grid=make_grid(axes=axes)))
    assert found.indices[variant]["mean"] == pytest.approx(INDEX, abs=1e-10)


def test_oblique_slices_do_not_move_the_index_but_that_of_the_reference_script():
    found = study(make_images(grid=make_grid(turn=OBLIQUE))).indices
    for variant in (SPHERE, WEIGHTED, "native_cartesian", "local_frame"):
        assert found[variant]["mean"] == pytest.approx(INDEX, abs=1e-9)
    assert abs(found["template_no_reorient"]["mean"] / INDEX - 1) > 0.03


def test_left_and_right_are_those_of_the_anatomy():
    grid = make_grid(axes="LPS")
    tensors = true_tensors(grid, pose=np.eye(4))
    x = nib.affines.apply_affine(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))[..., 0]
    tensors[x < 0] *= np.array([[1.2, 1, 1], [1, 1, 1], [1, 1, 1]])
    found = study(make_images(grid=grid, tensors=tensors)).indices[PRIMARY]
    assert found["left"] == pytest.approx(1.2 * INDEX)
    assert found["right"] == pytest.approx(INDEX)
    assert found["mean"] == pytest.approx(1.1 * INDEX)


def test_the_local_frame_is_that_of_the_fibres_whatever_way_they_lie():
    turn = turned(pitch=31, roll=-17, yaw=48)[:3, :3]
    projection = region(turn @ (0, 0, -1), turn_tensors(PROJECTION, rotation=turn))
    association = region(turn @ (0, 1, 0), turn_tensors(ASSOCIATION, rotation=turn))
    assert local_frame_index(projection, association) == pytest.approx(INDEX, abs=1e-12)


def test_fibres_that_run_along_one_another_span_no_local_frame():
    tilted = (0, np.sin(np.radians(25)), np.cos(np.radians(25)))
    assert np.isnan(local_frame_index(region((0, 0, 1)), region(tilted)))


def test_a_direction_is_that_of_the_larger_group_of_fibres():
    grid = make_grid()
    tensors = np.tile(PROJECTION, (*grid.shape, 1, 1))
    sphere = cut_sphere(np.array([-26.0, -16, 27]), radius_mm=2.5, grid=grid)
    few = sphere.voxels[: len(sphere.voxels) // 4]
    tensors[tuple(few.T)] = ASSOCIATION
    found = measure_region(tensors, sphere=sphere, usable=np.ones(grid.shape, bool))
    assert abs(found.direction[2]) == pytest.approx(1, abs=1e-9)


def test_an_index_whose_denominator_is_not_positive_is_not_known():
    assert np.isnan(alps_index(np.diag([1.0, -1, 1]), np.diag([1.0, 1, 0.5])))


def test_a_sphere_without_usable_voxels_leaves_its_side_and_the_mean_unknown():
    images = make_images()
    tensors = images.tensors.copy()
    tensors[:10] = 0
    found = study(make_images(tensors=tensors))
    assert Place(Tract.ASSOCIATION, Side.LEFT) not in found.regions
    for variant in (SPHERE, "native_cartesian", "local_frame", "principal_axes"):
        assert found.indices[variant]["left"] is None
        assert found.indices[variant]["right"] == pytest.approx(INDEX)
        assert found.indices[variant]["mean"] is None


def test_lesions_and_fluid_are_left_out():
    grid = make_grid()
    tensors = true_tensors(grid, pose=np.eye(4))
    mask = np.zeros(grid.shape, np.float32)
    mask[:, 9:10] = 1
    tensors[:, 9:10] = 3e-3 * np.eye(3)
    spoilt = study(make_images(tensors=tensors))
    assert spoilt.indices[SPHERE]["mean"] < 0.9 * INDEX
    assert spoilt.indices[WEIGHTED]["mean"] == pytest.approx(INDEX)  # no tract has such an MD
    for name, part in (("lesions", "in_lesions"), ("fluid", "in_fluid")):
        image = nib.Nifti1Image(mask, grid.affine)
        found = study(make_images(tensors=tensors, **{name: image}))
        assert found.indices[SPHERE]["mean"] == pytest.approx(INDEX)
        shares = getattr(found, part)
        assert all(0.2 < shares[place] < 0.8 for place in PLACES)
        assert all(
            found.regions[place].left_out == pytest.approx(shares[place]) for place in PLACES
        )


def test_even_tensors_do_not_hang_on_radius_or_place():
    found = study(make_images())
    assert found.radius_percent == pytest.approx(0, abs=1e-8)
    assert found.shift_percent == pytest.approx(0, abs=1e-8)


def test_tensors_that_change_over_space_show_in_both_sensitivities():
    grid = make_grid()
    points = nib.affines.apply_affine(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    tensors = true_tensors(grid, pose=np.eye(4))
    tensors[..., 0, 0] *= 1 + 0.02 * (points[..., 1] + 16) + 0.005 * (points[..., 2] - 27) ** 2
    found = study(make_images(grid=grid, tensors=tensors))
    # one voxel is 2 mm: 4 % from the slope
    assert found.shift_percent == pytest.approx(4, abs=0.5)
    assert found.radius_percent > 0.5
