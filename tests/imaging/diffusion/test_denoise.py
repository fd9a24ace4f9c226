"""Denoising by known noise and laws."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.diffusion.denoise import denoise

SHAPE = (14, 13, 12)


@pytest.fixture
def clean():
    """Three smooth maps mixed into twenty volumes: a signal of three components."""
    place = np.indices(SHAPE) / 14
    maps = np.stack([1 + place[0], 1 + np.sin(3 * place[1]), 1 + place[2] ** 2], axis=-1)
    mixing = np.abs(np.sin(np.outer([1, 2, 3], np.arange(1, 21)))) + 0.3
    return 100 * maps @ mixing


@pytest.fixture
def whole():
    return np.ones(SHAPE, bool)


def test_noise_becomes_less_and_its_size_is_told(clean, whole, rng):
    noisy = clean + rng.normal(0, 10, clean.shape)
    found = denoise(noisy, mask=whole)
    inner = (slice(2, -2),) * 3
    error = [np.sqrt(np.mean((part - clean)[inner] ** 2)) for part in (noisy, found.signal)]
    assert error[1] < 0.65 * error[0]
    assert np.median(found.noise_sd) == pytest.approx(10, rel=0.05)


def test_a_signal_without_noise_stays(clean, whole):
    np.testing.assert_allclose(denoise(clean, mask=whole).signal, clean, rtol=2e-3)


def test_scaling_the_series_scales_signal_and_noise(clean, whole, rng):
    noisy = clean + rng.normal(0, 10, clean.shape)
    once, scaled = denoise(noisy, mask=whole), denoise(4 * noisy, mask=whole)
    np.testing.assert_allclose(scaled.signal, 4 * once.signal, rtol=1e-3, atol=0.1)
    np.testing.assert_allclose(scaled.noise_sd, 4 * once.noise_sd, rtol=1e-3)


def test_a_voxel_comes_out_the_same_whatever_else_is_in_the_mask(clean, whole, rng):
    noisy = clean + rng.normal(0, 10, clean.shape)
    one = np.zeros(SHAPE, bool)
    one[5, 6, 7] = one[0, 0, 0] = True
    few, many = denoise(noisy, mask=one), denoise(noisy, mask=whole)
    np.testing.assert_allclose(few.signal[one], many.signal[one], rtol=1e-4)
    np.testing.assert_array_equal(few.signal[~one], noisy.astype(np.float32)[~one])


def test_an_empty_mask_changes_nothing(clean):
    found = denoise(clean, mask=np.zeros(SHAPE, bool))
    np.testing.assert_array_equal(found.signal, clean.astype(np.float32))


def test_residuals_hold_no_picture(clean, whole, rng):
    """What is taken away is as rough as noise: smoothing leaves little of it."""
    noisy = clean + rng.normal(0, 10, clean.shape)
    taken = noisy - denoise(noisy, mask=whole).signal
    smooth = ndimage.gaussian_filter(taken, (2, 2, 2, 0))[3:-3, 3:-3, 3:-3]
    assert smooth.std() < 0.12 * taken.std()


def test_too_few_volumes_are_refused(clean, whole):
    with pytest.raises(ValueError, match="too small to be denoised"):
        denoise(clean[..., :4], mask=whole)
