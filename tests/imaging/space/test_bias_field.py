"""Shading by the coils."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.space.bias_field import correct_bias

SHAPE, VOXEL_MM = (28, 32, 30), 5.0


@pytest.fixture(scope="module")
def shaded():
    """A ball of two tissues and rim, shaded by a known field."""
    rng = np.random.default_rng(1)
    axes = np.indices(SHAPE, dtype=float)
    centre = [(n - 1) / 2 for n in SHAPE]
    radius = np.sqrt(sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)))
    field = np.exp(0.9 * (axes[1] / SHAPE[1] - 0.5) + 0.5 * (axes[0] / SHAPE[0] - 0.5))
    clean = np.select([radius < 8, radius < 12], [100.0, 70.0], 0.0)
    clean += np.where(clean > 0, rng.normal(0, 2, SHAPE), 0)
    affine = np.diag([VOXEL_MM] * 3 + [1])
    mask = nib.Nifti1Image((clean > 0).astype(np.uint8), affine)
    image = nib.Nifti1Image((clean * field).astype(np.float32), affine)
    return image, mask, field, clean


def corrected(image, mask):
    return correct_bias(image, mask=mask, sampling_mm=6.0, spline_mm=200.0, seed=1, iterations=20)


@pytest.fixture(scope="module")
def found(shaded):
    return corrected(shaded[0], shaded[1])


def test_a_known_field_is_found_up_to_scale(shaded, found):
    inside = shaded[1].get_fdata() > 0
    ratio = found[1].get_fdata()[inside] / shaded[2][inside]
    assert ratio.std() / ratio.mean() < 0.04
    assert shaded[2][inside].std() / shaded[2][inside].mean() > 0.1


def test_corrected_times_field_is_the_image(shaded, found):
    product = found[0].get_fdata() * found[1].get_fdata()
    assert np.allclose(product, shaded[0].get_fdata(), rtol=1e-4)


def test_the_median_of_the_field_in_the_mask_is_one(shaded, found):
    inside = shaded[1].get_fdata() > 0
    assert np.median(found[1].get_fdata()[inside]) == pytest.approx(1, abs=1e-5)


def test_two_runs_give_equal_bytes(shaded, found):
    again = corrected(shaded[0], shaded[1])
    assert all(a.to_bytes() == b.to_bytes() for a, b in zip(found, again, strict=True))
