"""What is bright in everybody, and on the other side of the head."""

import numpy as np
import pytest

from npsle_app.imaging.wmh.normal import amplitude, gather, look_up, other_side
from tests.imaging.wmh.unpatterned import unpatterned

SHAPE = (41, 30, 30)
PLACES = unpatterned(SHAPE, voxel_mm=2)["template_mm"]
EVERYWHERE = np.ones(SHAPE, bool)


def spot(x):
    image = np.zeros(SHAPE, np.float32)
    image[x - 2 : x + 3, 10:15, 10:15] = 1
    return image


def test_an_image_gathered_in_the_template_is_found_again_at_its_place():
    smooth = np.cos(PLACES[1] / 15).astype(np.float32)
    cells, count = gather(smooth, template_mm=PLACES, where=EVERYWHERE)
    found = look_up(cells, template_mm=PLACES[:, 10:30, 8:22, 8:22].reshape(3, -1))
    expected = smooth[10:30, 8:22, 8:22].ravel()
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert count.max() > 0


def test_the_other_side_shows_what_lies_at_the_mirrored_place():
    image = spot(10)
    seen = other_side(image, template_mm=PLACES, brain=EVERYWHERE, where=EVERYWHERE)
    seen = seen.reshape(SHAPE)
    assert seen[30, 12, 12] > 0.8
    assert seen[10, 12, 12] < 0.05


def test_a_mirrored_image_has_mirrored_other_sides():
    image = spot(9)
    seen, mirrored = (
        other_side(i, template_mm=p, brain=EVERYWHERE, where=EVERYWHERE).reshape(SHAPE)
        for i, p in ((image, PLACES), (image[::-1].copy(), PLACES[:, ::-1].copy()))
    )
    np.testing.assert_allclose(mirrored[::-1], seen, atol=1e-5)


@pytest.mark.parametrize("strength", [0.5, 1, 2])
def test_the_strength_of_the_pattern_is_found_whatever_the_lesions(rng, strength):
    normal = rng.normal(0, 0.05, 20_000).astype(np.float32)
    over = strength * normal + rng.normal(0, 0.03, normal.size).astype(np.float32)
    over[:400] += 0.6  # lesions
    white = np.ones(normal.size, np.float32)
    found = amplitude(over, normal=normal, white=white, deviation=0.05)
    assert found == pytest.approx(strength, abs=0.05)


def test_without_a_pattern_the_strength_is_one():
    nothing = np.zeros(100, np.float32)
    assert amplitude(nothing, normal=nothing, white=nothing + 1, deviation=0.05) == 1
