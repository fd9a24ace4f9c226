"""Known shapes and the laws that all shapes follow."""

from dataclasses import astuple

import numpy as np
import pytest

from npsle_app.imaging.lesions.shape import (
    LEAST_VOXELS,
    SHAPES,
    Shape,
    eccentricity,
    fractal_dimension,
    measure_shape,
)

UNIT = np.eye(4)


def ball(radius, *, spacing=(1.0, 1.0, 1.0)):
    """Voxels of a ball of `radius` mm."""
    half = [int(np.ceil(radius / s)) + 1 for s in spacing]
    where = np.argwhere(np.ones([2 * n + 1 for n in half]))
    return where[(((where - half) * spacing) ** 2).sum(axis=1) <= radius**2]


def bent():
    """Voxels of an L."""
    shape = np.zeros((20, 20, 4), dtype=bool)
    shape[:, :4], shape[:4] = True, True
    return np.argwhere(shape)


@pytest.mark.parametrize("radius", [5, 8])
def test_a_ball_is_convex_solid_and_round(radius):
    shape = measure_shape(ball(radius + 0.2), affine=UNIT)
    assert shape.convexity == pytest.approx(1, abs=0.02)
    assert shape.solidity == pytest.approx(1, abs=0.04)
    assert shape.concavity_index == pytest.approx(1, abs=0.02)
    assert shape.eccentricity == pytest.approx(1, abs=0.01)


def test_thick_voxels_show_the_same_ball():
    shape = measure_shape(ball(9, spacing=(1, 1, 2)), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
    assert shape.convexity == pytest.approx(1, abs=0.05)
    assert shape.solidity == pytest.approx(1, abs=0.08)
    assert shape.eccentricity == pytest.approx(1, abs=0.03)
    assert shape.fractal_dimension == pytest.approx(
        fractal_dimension(ball(9), affine=UNIT), abs=0.1
    )


def test_a_bent_lesion_is_less_solid_and_further_from_convex():
    shape = measure_shape(bent(), affine=UNIT)
    assert shape.solidity < 0.7
    assert abs(shape.concavity_index - 1) > abs(
        measure_shape(ball(8), affine=UNIT).concavity_index - 1
    )


def test_the_concavity_index_follows_its_formula():
    shape = measure_shape(bent(), affine=UNIT)
    expected = np.sqrt((2 - shape.convexity) ** 2 + (1 - shape.solidity) ** 2)
    assert shape.concavity_index == pytest.approx(expected)


def test_an_ellipsoid_has_the_ratio_of_its_axes():
    where = np.argwhere(np.ones((25, 25, 49)))
    inside = (((where - (12, 12, 24)) / (8, 8, 16)) ** 2).sum(axis=1) <= 1
    assert eccentricity(where[inside], affine=UNIT) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_larger_voxels_change_no_shape(scale):
    scaled = measure_shape(bent(), affine=np.diag([scale] * 3 + [1.0]))
    assert astuple(scaled) == pytest.approx(astuple(measure_shape(bent(), affine=UNIT)), rel=1e-4)


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
def test_turned_axes_change_no_shape(order):
    turned = measure_shape(bent()[:, order], affine=UNIT)
    assert astuple(turned) == pytest.approx(astuple(measure_shape(bent(), affine=UNIT)), rel=1e-3)


def test_a_flipped_and_oblique_grid_changes_no_shape():
    angle = np.deg2rad(20)
    affine = np.eye(4)
    affine[:2, :2] = [[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    found = measure_shape(bent(), affine=affine)
    assert astuple(found) == pytest.approx(astuple(measure_shape(bent(), affine=UNIT)), rel=1e-4)


@pytest.mark.parametrize(
    ("sides", "dimension"), [((16, 1, 1), 1), ((16, 16, 1), 2), ((16, 16, 16), 3)]
)
def test_line_plane_and_cube_have_dimension_1_2_and_3(sides, dimension):
    assert fractal_dimension(np.argwhere(np.ones(sides)), affine=UNIT) == pytest.approx(dimension)


def test_too_few_voxels_have_no_shape():
    assert measure_shape(ball(8)[: LEAST_VOXELS - 1], affine=UNIT) == Shape()


def test_a_row_of_voxels_has_no_surface_and_so_no_shape():
    assert measure_shape(np.argwhere(np.ones((40, 1, 1))), affine=UNIT) == Shape()


def test_a_sheet_of_one_voxel_has_a_shape():
    found = measure_shape(np.argwhere(np.ones((12, 12, 1))), affine=UNIT)
    assert all(getattr(found, name) is not None for name in SHAPES)


def test_a_body_of_two_voxels_has_no_slope():
    assert fractal_dimension(np.array([[0, 0, 0], [0, 0, 1]]), affine=UNIT) is None
