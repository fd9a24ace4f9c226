"""Distortion by a known field."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.diffusion.distortion import (
    displacement_of_pair,
    displacement_to_t1w,
    jacobian,
    undistort,
)
from npsle_app.imaging.diffusion.gradients import Gradients
from tests.imaging.diffusion.scene import SHAPE, series

ZOOMS = np.full(3, 3.0)


@pytest.fixture(scope="module")
def scene():
    image, brain, _ = series(Gradients(np.zeros(1), np.zeros((1, 3))))
    return image.get_fdata()[..., 0], brain


def field_mm():
    """A bump of 9 mm where the frontal sinus would be, fading out."""
    i, j, k = np.indices(SHAPE)
    return 9 * np.exp(-(((i - 18) / 7) ** 2 + ((j - 30) / 6) ** 2 + ((k - 10) / 6) ** 2))


def distorted(image, shift_mm, axis=1):
    """Image what belongs to x at x + d: undo the inverse, found by fixed-point steps."""
    shift = shift_mm / 3
    where = np.indices(SHAPE, dtype=float)
    inverse = np.zeros(SHAPE)
    for _ in range(30):
        at = where.copy()
        at[axis] -= inverse
        inverse = ndimage.map_coordinates(shift, at, order=1, mode="nearest")
    at = where.copy()
    at[axis] -= inverse
    density = 1 - np.gradient(inverse, axis=axis)
    return ndimage.map_coordinates(image, at, order=3, mode="nearest") * density


@pytest.mark.parametrize("axis", [0, 1])
def test_a_pair_gives_the_field_back(scene, axis):
    image, brain = scene
    truth = field_mm() if axis == 1 else np.roll(field_mm(), -8, axis=1)
    pair = [distorted(image, sign * truth, axis) for sign in (1, -1)]
    found = displacement_of_pair(*pair, mask=brain, zooms_mm=ZOOMS, phase_axis=axis)
    core = ndimage.binary_erosion(brain, iterations=2)
    rest = np.abs(found - truth)[core]
    assert np.abs(truth)[core].max() > 5
    assert np.sqrt(np.mean(rest**2)) < 0.35 * np.sqrt(np.mean(truth[core] ** 2))
    assert np.median(rest) < 0.3


def test_swapping_the_pair_turns_the_field_round(scene):
    image, brain = scene
    pair = [distorted(image, sign * field_mm()) for sign in (1, -1)]
    options = {"mask": brain, "zooms_mm": ZOOMS, "phase_axis": 1}
    found = displacement_of_pair(*pair, **options)
    np.testing.assert_allclose(displacement_of_pair(*pair[::-1], **options), -found, atol=0.05)


def test_a_pair_without_distortion_gives_none(scene):
    image, brain = scene
    found = displacement_of_pair(image, image, mask=brain, zooms_mm=ZOOMS, phase_axis=1)
    assert np.abs(found).max() < 1e-6


def test_scaling_the_images_does_not_change_the_field(scene):
    image, brain = scene
    pair = [distorted(image, sign * field_mm()) for sign in (1, -1)]
    options = {"mask": brain, "zooms_mm": ZOOMS, "phase_axis": 1}
    np.testing.assert_allclose(
        displacement_of_pair(7 * pair[0], 7 * pair[1], **options),
        displacement_of_pair(*pair, **options),
        atol=0.01,
    )


def test_undistorting_brings_the_signal_back(scene):
    image, brain = scene
    found = undistort(
        distorted(image, field_mm()), displacement_mm=field_mm(), zooms_mm=ZOOMS, phase_axis=1
    )
    before, after = (
        np.corrcoef(part[brain], image[brain])[0, 1]
        for part in (distorted(image, field_mm()), found)
    )
    assert before < 0.95
    assert after > 0.97
    assert found.sum() == pytest.approx(image.sum(), rel=0.02)


def textured(brain, rng):
    """Patches of some millimetres, as echo-planar image and as T1w of inverted contrast."""
    patches = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0)
    echo = np.where(brain, 700 + 250 * patches / patches.std(), 0.0)
    return echo, np.where(brain, 1400 - echo, 0.0)


def test_t1w_pulls_the_image_part_of_the_way_back(scene, rng):
    _, brain = scene
    echo, t1w = textured(brain, rng)
    truth = 0.6 * field_mm()
    found = displacement_to_t1w(
        distorted(echo, truth), t1w, mask=brain, zooms_mm=ZOOMS, phase_axis=1
    )
    core = ndimage.binary_erosion(brain, iterations=2)
    rest = np.sqrt(np.mean((found - truth)[core] ** 2))
    assert rest < 0.75 * np.sqrt(np.mean(truth[core] ** 2))


def test_an_image_that_lies_right_on_t1w_hardly_moves(scene, rng):
    _, brain = scene
    echo, t1w = textured(brain, rng)
    found = displacement_to_t1w(echo, t1w, mask=brain, zooms_mm=ZOOMS, phase_axis=1)
    assert np.median(np.abs(found[brain])) < 0.45  # of voxels of 3 mm


def test_signal_is_never_folded():
    wild = 60 * np.sin(np.indices(SHAPE)[1] / 2.0)
    assert jacobian(wild, zooms_mm=ZOOMS, phase_axis=1).min() == pytest.approx(0.2)


def test_an_empty_mask_and_an_empty_image_are_refused(scene):
    image, brain = scene
    options = {"zooms_mm": ZOOMS, "phase_axis": 1}
    with pytest.raises(ValueError, match="without signal inside the mask"):
        displacement_of_pair(image, 0 * image, mask=brain, **options)
    with pytest.raises(ValueError, match="without signal inside the mask"):
        displacement_of_pair(image, image, mask=np.zeros(SHAPE, bool), **options)
