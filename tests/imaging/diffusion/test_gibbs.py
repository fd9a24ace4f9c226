"""Gibbs ringing by a known edge."""

import numpy as np
import pytest

from npsle_app.imaging.diffusion.gibbs import remove_ringing


def disc(size=256, radius=70.3):
    x, y = np.meshgrid(*(np.arange(size) - size / 2 + 0.25,) * 2, indexing="ij")
    return np.where(np.hypot(x, y * 1.3) < radius, 100.0, 0.0) + 20


def sampled(image, size=64):
    """Keep the low frequencies alone, as a scanner does."""
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    low = (image.shape[0] - size) // 2
    part = spectrum[low : low + size, low : low + size]
    return np.fft.ifft2(np.fft.ifftshift(part)).real * (size / image.shape[0]) ** 2


def inside(size=64):
    x, y = np.meshgrid(*(np.arange(size) - size / 2,) * 2, indexing="ij")
    return np.hypot(x, y * 1.3) < 14  # well within the disc, where there is nothing but waves


@pytest.fixture
def series():
    return sampled(disc())[:, :, None, None] * np.ones((1, 1, 2, 1))


def test_waves_beside_an_edge_become_less(series):
    fixed = remove_ringing(series, mask=np.ones((64, 64, 2), bool))[..., 0]
    waves = [part[:, :, 0][inside()].std() for part in (series[..., 0], fixed)]
    assert waves[1] < 0.4 * waves[0]
    assert fixed[..., 0][inside()].mean() == pytest.approx(120, rel=0.005)


def test_the_edge_stays_sharp(series):
    fixed = remove_ringing(series, mask=np.ones((64, 64, 2), bool))
    steps = [np.abs(np.diff(part[:, 32, 0, 0])).max() for part in (series, fixed)]
    assert steps[1] > 0.8 * steps[0]


def test_a_picture_without_edges_stays():
    x, y = np.meshgrid(*(np.linspace(0, 2 * np.pi, 32, endpoint=False),) * 2, indexing="ij")
    smooth = (100 + 10 * np.sin(x) * np.cos(y))[:, :, None, None]
    fixed = remove_ringing(smooth, mask=np.ones((32, 32, 1), bool))
    np.testing.assert_allclose(fixed, smooth, rtol=2e-3)


def test_slices_may_lie_along_any_axis(series):
    mask = np.ones((64, 64, 2), bool)
    along_k = remove_ringing(series, mask=mask)
    along_i = remove_ringing(
        series.transpose(2, 0, 1, 3), mask=mask.transpose(2, 0, 1), slice_axis=0
    )
    np.testing.assert_allclose(along_i.transpose(1, 2, 0, 3), along_k, rtol=1e-4)


def test_outside_the_mask_nothing_changes(series):
    mask = np.zeros((64, 64, 2), bool)
    mask[20:40, 20:40, 1] = True
    fixed = remove_ringing(series, mask=mask)
    np.testing.assert_array_equal(fixed[~mask], series.astype(np.float32)[~mask])
    assert (fixed[mask] != series.astype(np.float32)[mask]).any()


def test_small_slices_are_refused():
    with pytest.raises(ValueError, match="too small to tell ringing"):
        remove_ringing(np.ones((8, 8, 4, 1)), mask=np.ones((8, 8, 4), bool))
