"""Arteries at the base of the brain: their courses in the head, and what is true of them."""

import numpy as np
import pytest

from npsle_app.phantom.arteries.head_arteries import draw_arteries, find_warp
from npsle_app.phantom.head.anatomy import draw_shape, make_anatomy
from npsle_app.phantom.head.grids import whole_head
from npsle_app.phantom.head.truth import vessel_truth


@pytest.fixture(scope="module")
def shape():
    return draw_shape(np.random.default_rng(3), age=40, sex="F")


@pytest.fixture(scope="module")
def arteries(shape):
    return draw_arteries(np.random.default_rng(4), shape=shape, group="SLE")


def test_a_course_in_the_head_comes_back_to_its_place_in_the_template(shape):
    warp = find_warp(shape)
    course = ((0.0, -20.0, -48.0), (0.0, -11.0, -30.0), (0.0, -14.0, -20.0))
    points = warp.to_head(course)
    grid = whole_head(voxel_mm=(4.0, 4.0, 4.0), turn=np.eye(3))
    nearest = np.rint((points - grid.affine[:3, 3]) / 4).astype(int)
    bend = [shape.bend_mm * field.at(grid.axes_mm)[tuple(nearest.T)] for field in shape.bend]
    back = points @ shape.move[:3, :3].T + shape.move[:3, 3] + np.stack(bend, axis=1)
    assert np.abs(back[[0, -1]] - np.array(course)[[0, -1]]).max() < 0.5  # nearest bend


def test_points_lie_every_0_05_mm(arteries):
    for artery in arteries.main.values():
        steps = np.linalg.norm(np.diff(artery.points, axis=0), axis=1)
        assert steps == pytest.approx(0.05, rel=0.02)


def test_left_is_left_and_lengths_are_those_of_such_vessels(arteries):
    for name, artery in arteries.main.items():
        x = np.median(artery.points[:, 0])
        assert {"left": x < -2, "right": x > 2, "ba": abs(x) < 5}[name.split("_")[-1]]
        low, high = {"m1": (8, 30), "ica": (6, 30), "ba": (15, 40), "v4": (10, 40)}[
            name.split("_")[0]
        ]
        assert low < 0.05 * len(artery.points) < high


def test_arteries_that_are_one_vessel_meet(arteries):
    main = arteries.main
    for side in ("left", "right"):
        gap = main[f"ica_{side}"].points[-1] - main[f"m1_{side}"].points[0]
        assert np.linalg.norm(gap) < 0.2
        gap = main[f"v4_{side}"].points[-1] - main["ba"].points[0]
        assert np.linalg.norm(gap) < 1.5


def test_arteries_run_in_fluid_or_outside_the_brain(shape, arteries):
    grid = whole_head(voxel_mm=(2.0, 2.0, 2.0), turn=np.eye(3))
    anatomy = make_anatomy(shape, grid=grid, voxel_mm=2.0)
    brain = anatomy.gm + anatomy.wm
    for name, artery in arteries.main.items():
        voxels = np.rint((artery.points - grid.affine[:3, 3]) / 2).astype(int)
        assert np.mean(brain[tuple(voxels.T)] > 0.9) < 0.35, name


def test_walls_are_between_0_3_and_1_5_mm_and_thicker_in_disease(shape):
    walls = {
        group: [
            artery.wall_mm
            for seed in range(12)
            for artery in draw_arteries(
                np.random.default_rng(seed), shape=shape, group=group
            ).main.values()
        ]
        for group in ("HC", "NPSLE")
    }
    assert all(0.3 <= wall <= 1.5 for each in walls.values() for wall in each)
    assert np.mean(walls["NPSLE"]) > 1.2 * np.mean(walls["HC"])


def test_a_move_leaves_calibre_and_wall_alone(arteries):
    turn = np.array([[0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1.0]])
    moved = arteries.moved(turn)
    assert vessel_truth(moved) == vessel_truth(arteries)
    assert moved.main["ba"].points[0] == pytest.approx(
        turn[:3, :3] @ arteries.main["ba"].points[0] + turn[:3, 3]
    )


def test_the_truth_is_that_of_the_tubes(arteries):
    truth, artery = vessel_truth(arteries), arteries.main["m1_left"]
    lumen, whole = (np.pi * r**2 for r in (artery.radius_mm, artery.radius_mm + artery.wall_mm))
    assert truth["vw_m1_left_lumen_area_mm2"] == pytest.approx(lumen)
    assert truth["vw_m1_left_outer_wall_area_mm2"] == pytest.approx(whole)
    assert truth["vw_m1_left_nwi"] == pytest.approx(1 - lumen / whole)
    assert truth["vw_nwi"] == pytest.approx(
        np.mean([value for name, value in truth.items() if name.endswith("_nwi")][1:])
    )
