"""When an index is not to be trusted, and what then stands in the tables."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.alps.checks import check_alps
from npsle_app.imaging.alps.table import COLUMNS, make_table, numbers
from npsle_app.imaging.alps.variants import PRIMARY, VARIANTS
from npsle_app.measures import MEASURES
from npsle_app.records import Qc
from tests.imaging.alps.scene import (
    ASSOCIATION,
    INDEX,
    make_grid,
    make_images,
    study,
    true_tensors,
    turned,
)


def empty(grid):
    return nib.Nifti1Image(np.zeros(grid.shape, np.uint8), grid.affine)


def checks(grid=None, **others):
    grid = grid or make_grid()
    maps = {"lesions": empty(grid), "fluid": empty(grid)}
    found = study(make_images(grid=grid, **maps | others))
    return {check.name: check for check in check_alps(found)}


def states(found):
    return {name: check.state for name, check in found.items()}


def test_clean_regions_in_a_level_head_pass_every_gate():
    found = checks()
    assert set(states(found).values()) == {Qc.PASS}
    assert all(check.advice == "" for check in found.values())


@pytest.mark.parametrize(
    ("pitch", "state"), [(8, Qc.PASS), (-8, Qc.PASS), (12, Qc.WARN), (-15, Qc.WARN), (22, Qc.FAIL)]
)
def test_the_pitch_of_the_head_warns_above_10_and_fails_above_20_degrees(pitch, state):
    found = checks(pose=turned(pitch=pitch))["Head in the diffusion scan"]
    assert found.state is state
    assert f"pitch {pitch:+.1f}°" in found.seen


def test_association_fibres_in_place_of_projection_fibres_fail():
    grid = make_grid()
    found = checks(grid, tensors=np.tile(ASSOCIATION, (*grid.shape, 1, 1)))
    assert found["ALPS regions: projection fibres"].state is Qc.FAIL
    assert "misplaced" in found["ALPS regions: projection fibres"].advice
    assert found["ALPS regions: association fibres"].state is Qc.PASS


def test_tissue_without_fibres_fails_by_its_fa_and_names_the_region():
    grid = make_grid()
    tensors = true_tensors(grid, pose=np.eye(4))
    tensors[:9] = 0.8e-3 * np.diag([1.0, 1.05, 1])
    found = checks(grid, tensors=tensors)["ALPS regions: FA"]
    assert found.state is Qc.FAIL
    assert "association_left" in found.seen


@pytest.mark.parametrize(("scale", "state"), [(1, Qc.PASS), (0.5, Qc.WARN), (2, Qc.WARN)])
def test_diffusivity_outside_that_of_white_matter_warns(scale, state):
    tensors = scale * true_tensors(make_grid(), pose=np.eye(4))
    assert checks(tensors=tensors)["ALPS regions: MD"].state is state


@pytest.mark.parametrize(
    ("voxel_mm", "state"), [(1.5, Qc.PASS), (2.0, Qc.PASS), (3.0, Qc.WARN), (4.0, Qc.FAIL)]
)
def test_large_voxels_warn_that_a_sphere_holds_few_of_them(voxel_mm, state):
    found = checks(make_grid(voxel_mm))
    assert found["ALPS regions: size"].state is state
    assert found["ALPS weighted tracts: size"].state is Qc.PASS


def test_a_region_with_few_voxels_of_its_fibres_warns():
    grid = make_grid()
    few = np.zeros((*grid.shape, 1, 1), bool)
    few[::5, ::5, ::5] = True
    tensors = np.where(few, true_tensors(grid, pose=np.eye(4)), 0.8e-3 * np.diag([1.2, 1, 1]))
    found = checks(grid, tensors=tensors)["ALPS weighted tracts: size"]
    assert found.state in (Qc.WARN, Qc.FAIL)
    assert "fibres that the region is for" in found.advice


@pytest.mark.parametrize(("least", "state"), [(0.40, Qc.PASS), (0.22, Qc.WARN), (0.1, Qc.FAIL)])
def test_crossing_fibres_show_in_the_radial_asymmetry(least, state):
    tensors = np.where(
        true_tensors(make_grid(), pose=np.eye(4))[..., :1, :1] < 0.68e-3,
        ASSOCIATION,
        np.diag([0.46, least, 1.15]) * 1e-3,
    )
    assert checks(tensors=tensors)["ALPS regions: radial asymmetry"].state is state


@pytest.mark.parametrize(("fan_deg", "state"), [(10, Qc.PASS), (30, Qc.WARN)])
def test_fibres_that_fan_out_show_in_the_dispersion(fan_deg, state):
    grid = make_grid()
    tensors = true_tensors(grid, pose=np.eye(4))
    for sign, half in ((1, slice(0, None, 2)), (-1, slice(1, None, 2))):
        rotation = turned(yaw=sign * fan_deg, roll=sign * fan_deg)[:3, :3]
        tensors[:, half] = rotation @ tensors[:, half] @ rotation.T
    assert checks(grid, tensors=tensors)["ALPS regions: dispersion"].state is state


def test_a_lesion_in_a_region_warns_with_its_part():
    grid = make_grid()
    mask = np.zeros(grid.shape, np.uint8)
    mask[:, 9] = 1
    found = checks(grid, lesions=nib.Nifti1Image(mask, grid.affine))
    check = found["ALPS regions: lesions"]
    assert check.state is Qc.WARN
    assert "% of" in check.seen
    assert found["ALPS regions: fluid"].state is Qc.PASS


def test_without_maps_of_lesions_and_fluid_that_is_said():
    found = checks(lesions=None, fluid=None)
    for name in ("lesions", "fluid"):
        check = found[f"ALPS regions: {name}"]
        assert check.state is Qc.NOT_ASSESSABLE
        assert "unseen" in check.advice


def test_sides_that_differ_by_more_than_0_4_warn():
    grid = make_grid()
    tensors = true_tensors(grid, pose=np.eye(4))
    half = grid.shape[0] // 2
    tensors[:half, ..., 0, 0] *= 1.3
    assert checks(grid, tensors=tensors)["ALPS index: left against right"].state is Qc.WARN


def test_images_that_miss_the_regions_fail_and_give_no_index():
    pose = np.eye(4)
    pose[:3, 3] = (0, 0, 200)
    found = study(make_images(tensors=true_tensors(make_grid(), pose=np.eye(4)), pose=pose))
    by_name = {check.name: check for check in check_alps(found)}
    assert by_name["ALPS regions in the field of view"].state is Qc.FAIL
    assert "no voxel of" in by_name["ALPS regions in the field of view"].seen
    primary = found.indices[PRIMARY]
    assert primary == {"left": None, "right": None, "mean": None}
    assert numbers(found)["alps_mean"] is None
    assert numbers(found)["alps_n_voxels_projection_left"] == 0
    assert make_table(found)["alps"].isna().sum() > 0


def test_half_a_sphere_outside_the_image_fails_or_warns():
    shift = np.eye(4)
    shift[2, 3] = -20  # the regions' middle lies 20 mm above the lowest plane
    found = study(make_images(tensors=true_tensors(make_grid(), pose=np.eye(4)), pose=shift))
    check = next(g for g in check_alps(found) if g.name == "ALPS regions in the field of view")
    assert check.state is Qc.FAIL
    assert check.seen.startswith("50 %")


def test_every_measure_is_defined_and_every_definition_measured():
    found = numbers(study(make_images()))
    assert list(found) == [name for name, one in MEASURES.items() if one.stage == "alps"]
    assert all(value is not None for value in found.values())
    assert found["alps_mean"] == pytest.approx(INDEX)
    assert found["alps_dyy_projection_left"] == pytest.approx(0.46e-3)
    assert found["alps_dzz_association_right"] == pytest.approx(0.42e-3)


def test_regions_are_told_along_the_axes_of_the_head():
    found = numbers(study(make_images(pose=turned(pitch=15))))
    assert found["alps_dzz_projection_left"] == pytest.approx(1.15e-3)
    assert found["alps_head_pitch_deg"] == pytest.approx(15, abs=1e-3)


def test_the_table_has_a_row_for_every_variant_sensitivity_and_region():
    found = study(make_images())
    table = make_table(found)
    assert list(table.columns) == list(COLUMNS)
    assert table["analysis"].value_counts().to_dict() == {
        "index": 3 * len(VARIANTS), "shift": 3 * 6, "radius": 3 * 3, "region": 2 * 4,
    }  # fmt: skip
    regions = table[(table["analysis"] == "region") & (table["variant"] == PRIMARY)]
    regions = regions.set_index(["tract", "side"])
    assert regions.loc[("projection", "left"), "v1_z"] == pytest.approx(1)
    assert regions.loc[("projection", "left"), "centre_x_mm"] == pytest.approx(-26)
    assert regions["dxx"].between(0.6e-3, 0.7001e-3).all()
