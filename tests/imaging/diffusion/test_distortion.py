"""Distortion by a known field."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.diffusion.distortion import (
    displacement_of_pair,
    displacement_to_t1w,
    jacobian,
    undistort,
)
from npsle_app.imaging.diffusion.epi_distortion import Reverse, find_displacement
from npsle_app.imaging.diffusion.gradients import Gradients
from tests.imaging.diffusion.scene import AFFINE, SHAPE, series

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


@pytest.mark.parametrize("ratio", [0.5, 0.77, 1.4])
@pytest.mark.fault(
    "Images",
    "reversed image of another readout time",
    "weighed: the field is right",
)
def test_readout_times_that_differ_are_weighed(scene, ratio):
    image, brain = scene
    truth = field_mm()
    pair = distorted(image, truth), distorted(image, -ratio * truth)
    options = {"mask": brain, "zooms_mm": ZOOMS, "phase_axis": 1}
    core = ndimage.binary_erosion(brain, iterations=2) & (truth > 1)

    def slope(**given):
        found = displacement_of_pair(*pair, **options, **given)[core]
        return float(found @ truth[core] / (truth[core] @ truth[core]))

    assert slope(ratio=ratio) == pytest.approx(1, abs=0.12)
    assert abs(slope() - 1) > abs(slope(ratio=ratio) - 1) + 0.05


def as_image(data, affine=AFFINE):
    return nib.Nifti1Image(data.astype(np.float32), affine)


def find(forward, reverse, brain, *, sure=True, affine=AFFINE):
    return find_displacement(
        as_image(forward),
        mask=brain,
        reverse=Reverse(image=as_image(reverse, affine), sure=sure),
        head=None,
        axis=1,
        seed=1,
    )


@pytest.fixture
def noisy_pair(scene, rng):
    image, _ = scene
    return [
        np.abs(distorted(image, sign * field_mm()) + rng.normal(0, 15, SHAPE)) for sign in (1, -1)
    ]


def test_a_doubtful_pair_is_used_if_it_shows_opposite_distortion(scene, noisy_pair):
    _, brain = scene
    method, found, why_not = find(*noisy_pair, brain, sure=False)
    assert (method, why_not) == ("pair", "")
    assert np.abs(found).max() > 4


@pytest.mark.fault(
    "Images",
    '"reversed" image that is not',
    "not used; T1w serves, and the page says so",
)
def test_a_doubtful_pair_of_one_direction_is_not_used_and_the_reason_told(scene, noisy_pair, rng):
    _, brain = scene
    again = np.abs(noisy_pair[0] + rng.normal(0, 15, SHAPE))
    method, found, why_not = find(noisy_pair[0], again, brain, sure=False)
    assert (method, found) == ("none", None)
    assert why_not == "it does not show the distortion of the series the other way round"


def test_a_reversed_image_without_a_head_is_no_reason_to_fail(scene, noisy_pair):
    _, brain = scene
    method, _, why_not = find(noisy_pair[0], 0 * noisy_pair[1], brain)
    assert method == "none"
    assert why_not


def test_a_reversed_image_on_another_grid_gives_the_same_field(scene, noisy_pair):
    _, brain = scene
    core = ndimage.binary_erosion(brain, iterations=2)
    same = find(*noisy_pair, brain)[1]
    shifted = AFFINE.copy()
    shifted[:3, 3] += [0.2, 0.1, 0.3]
    moved = find(*noisy_pair, brain, affine=shifted)[1]
    assert np.median(np.abs(moved - same)[core]) < 0.5
    larger = AFFINE.copy()
    larger[:3, 3] -= AFFINE[:3, :3] @ [3, 3, 3]
    padded = find(noisy_pair[0], np.pad(noisy_pair[1], 3), brain, affine=larger)[1]
    np.testing.assert_allclose(padded[core], same[core], atol=0.05)


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
