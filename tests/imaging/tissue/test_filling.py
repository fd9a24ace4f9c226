"""What filling promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.tissue.filling import fill
from npsle_app.imaging.tissue.intensity import TissueBounds

SHAPE = (24, 24, 24)
WM, CSF, LESION = 100.0, 20.0, 60.0
BRAIN = np.ones(SHAPE, dtype=bool)
NO_FLUID = TissueBounds(fluid=np.zeros(SHAPE, dtype=bool), darkest=40.0, brightest=200.0)


def ball(centre, radius):
    return sum((axis - c) ** 2 for axis, c in zip(np.indices(SHAPE), centre, strict=True)) <= (
        radius**2
    )


@pytest.fixture
def lesions():
    return ball((8, 8, 8), 3) | ball((16, 16, 14), 4)


@pytest.fixture
def noisy(rng, lesions):
    return (np.where(lesions, LESION, WM) + rng.normal(0, 3, SHAPE)).astype(np.float32)


@pytest.fixture
def ventricle():
    """Fluid fills the half x < 8; the lesion stands against it."""
    fluid = np.zeros(SHAPE, dtype=bool)
    fluid[:8] = True
    lesion = ball((10, 12, 12), 3) & ~fluid
    image = np.full(SHAPE, WM, dtype=np.float32)
    image[fluid], image[lesion] = CSF, LESION
    return image, lesion, TissueBounds(fluid=fluid, darkest=40.0, brightest=200.0)


def test_without_lesions_the_image_is_the_same_bit_by_bit(noisy):
    nothing = np.zeros(SHAPE, dtype=bool)
    assert fill(noisy, lesions=nothing, brain=BRAIN, bounds=NO_FLUID).tobytes() == noisy.tobytes()


def test_nothing_moves_beyond_one_voxel_around_the_lesions(noisy, lesions):
    filled = fill(noisy, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    outside = ~ndimage.binary_dilation(lesions)
    np.testing.assert_array_equal(filled[outside], noisy[outside])


def test_spheres_in_constant_white_matter_become_white_matter(lesions):
    image = np.where(lesions, LESION, WM).astype(np.float32)
    filled = fill(image, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    np.testing.assert_allclose(filled, WM, rtol=1e-6)


def test_the_order_of_axes_in_memory_does_not_matter(noisy, lesions):
    filled = fill(noisy, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    other = fill(
        np.asfortranarray(noisy), lesions=np.asfortranarray(lesions), brain=BRAIN, bounds=NO_FLUID
    )
    np.testing.assert_array_equal(other, filled)
    assert filled[lesions].mean() > (WM + LESION) / 2


def test_fluid_beside_a_lesion_neither_spreads_nor_changes(ventricle):
    image, lesion, bounds = ventricle
    filled = fill(image, lesions=lesion, brain=BRAIN, bounds=bounds)
    np.testing.assert_allclose(filled[lesion], WM, rtol=1e-6)
    np.testing.assert_array_equal(filled[bounds.fluid], CSF)


def test_dark_voxels_that_no_mask_calls_fluid_are_no_sources_either(ventricle):
    image, lesion, bounds = ventricle
    unknown = replace(bounds, fluid=np.zeros(SHAPE, dtype=bool))
    filled = fill(image, lesions=lesion, brain=BRAIN, bounds=unknown)
    np.testing.assert_allclose(filled[lesion], WM, rtol=1e-6)


def test_a_bright_choroid_plexus_beside_a_lesion_does_not_spread(ventricle):
    image, lesion, bounds = ventricle
    image[9:12, 16:20, 12] = 500
    filled = fill(image, lesions=lesion, brain=BRAIN, bounds=bounds)
    np.testing.assert_allclose(filled[lesion], WM, rtol=1e-6)


def test_no_lesion_voxel_keeps_its_darkness_and_none_is_nan(noisy, lesions):
    noisy[8, 8, 8] = np.nan
    filled = fill(noisy, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    assert np.isfinite(filled).all()
    assert filled[lesions].min() > (WM + LESION) / 2


def test_what_is_left_after_the_last_pass_takes_the_nearest_value(lesions):
    image = np.where(lesions, LESION, WM).astype(np.float32)
    filled = fill(image, lesions=lesions, brain=BRAIN, bounds=NO_FLUID, max_passes=1)
    np.testing.assert_allclose(filled, WM, rtol=1e-6)


def test_filling_again_changes_next_to_nothing(noisy, lesions):
    once = fill(noisy, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    twice = fill(once, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    assert np.abs(twice - once).max() < 0.05 * WM


def test_filling_scales_with_the_image(noisy, lesions):
    filled = fill(noisy, lesions=lesions, brain=BRAIN, bounds=NO_FLUID)
    double = fill(
        noisy * 4,
        lesions=lesions,
        brain=BRAIN,
        bounds=TissueBounds(fluid=NO_FLUID.fluid, darkest=160.0, brightest=800.0),
    )
    np.testing.assert_allclose(double, filled * 4, rtol=1e-5)


def test_voxels_outside_the_brain_are_no_sources(lesions):
    image = np.where(lesions, LESION, WM).astype(np.float32)
    brain = np.ones(SHAPE, dtype=bool)
    brain[:6] = False
    image[:6] = 1000  # fat
    filled = fill(image, lesions=lesions, brain=brain, bounds=NO_FLUID)
    np.testing.assert_allclose(filled[lesions], WM, rtol=1e-6)


def test_a_lesion_at_the_edge_of_the_image_is_filled():
    image = np.full(SHAPE, WM, dtype=np.float32)
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[0, 0, :5] = True
    image[lesion] = LESION
    np.testing.assert_allclose(fill(image, lesions=lesion, brain=BRAIN, bounds=NO_FLUID), WM)


def test_an_image_without_a_source_is_refused(noisy, lesions):
    dark = TissueBounds(fluid=NO_FLUID.fluid, darkest=1e6, brightest=1e7)
    with pytest.raises(ValueError, match="nothing to fill the lesions from"):
        fill(noisy, lesions=lesions, brain=BRAIN, bounds=dark)
