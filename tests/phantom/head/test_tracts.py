"""Fibres of the template run along the tracts of the atlas, alike on both sides."""

import numpy as np
import pytest

from npsle_app.phantom.head.fibres import _rotations, draw_fibres
from npsle_app.phantom.head.grids import moved
from npsle_app.phantom.head.tracts import SYSTEMS, load_tracts


def look_up(point_mm):
    tracts = load_tracts()
    place = np.rint(moved(np.float32(point_mm), affine=tracts.to_voxels)).astype(int)
    return tracts.directions[(slice(None), *place)], SYSTEMS[tracts.systems[tuple(place)]]


@pytest.mark.parametrize(
    ("point_mm", "axis", "system"),
    [
        ((0, 27, 5), 0, "commissural"),  # genu and splenium of the corpus callosum
        ((0, -40, 17), 0, "commissural"),
        ((26, -16, 27), 2, "projection"),  # corona radiata and superior longitudinal fasciculus
        ((-38, -16, 27), 1, "association"),
        ((8, -10, 37), 1, "association"),  # cingulum
        ((20, -12, 8), 2, "projection"),  # posterior limb of the internal capsule
    ],
)
def test_tracts_run_as_in_a_brain(point_mm, axis, system):
    direction, found = look_up(point_mm)
    assert np.argmax(np.abs(direction)) == axis
    assert abs(direction[axis]) > 0.85
    assert found == system


def test_callosal_fibres_bend_to_the_front_in_the_genu_and_back_in_the_splenium():
    for y, z, sign in ((27, 5, 1), (-42, 17, -1)):
        for x in (-14, 14):
            direction, _ = look_up((x, y, z))
            assert np.sign(direction[0] * direction[1]) == np.sign(x) * sign


def test_beyond_the_tracts_fibres_run_to_the_cortex_and_fewer_together():
    tracts = load_tracts()
    assert tracts.bundled.min() == pytest.approx(0.45)
    assert tracts.bundled.max() == 1
    for point, axis in (((30, 20, 55), 2), ((60, -20, 10), 0), ((15, 62, 10), 1)):
        direction, _ = look_up(point)
        assert np.argmax(np.abs(direction)) == axis


def test_directions_are_one_long_and_alike_on_both_sides():
    tracts = load_tracts()
    assert np.linalg.norm(tracts.directions, axis=0) == pytest.approx(1)
    for point in ((25, 25, 10), (30, 0, 0), (34, -55, 7), (10, -25, -33), (45, 10, 30)):
        right, left = look_up(point)[0], look_up((-point[0], *point[1:]))[0]
        mirrored = left * (-1, 1, 1)
        assert abs(right @ mirrored) > 0.95


def test_a_tensor_turned_to_its_fibres_keeps_its_diffusivities(rng):
    ends = rng.normal(size=(50, 3))
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    fibres = draw_fibres(rng, group="HC")
    for _, _, axis, tensor in fibres.tensors:
        turns = _rotations(ends, axis=axis)
        assert np.linalg.det(turns) == pytest.approx(1)
        assert np.abs(np.einsum("ni,ni->n", turns[:, :, axis], ends)) == pytest.approx(1)
        turned = turns @ tensor @ turns.swapaxes(1, 2)
        expected = np.sort(np.diag(tensor))
        assert np.linalg.eigvalsh(turned) == pytest.approx(np.tile(expected, (50, 1)))
