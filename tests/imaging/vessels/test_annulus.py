"""The blurred annulus: lumen and wall below the pixel limit, with honest errors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.vessels.annulus import BLUR_UNCERTAINTY, Blur, Section, Start, fit_annulus
from npsle_app.imaging.vessels.blur import blur_sigma_mm, blurred_disc, rician_excess

SIGMA_MM = blur_sigma_mm(0.5)
BLUR = Blur(sigma_mm=SIGMA_MM)


def section(*, radius=1.3, wall=0.5, noise=0.02, seed=0, spacing=0.25, scale=1.0, shift=0.0):
    """Return the blurred signal of a ring on a square of points, made on a fine grid."""
    fine = np.arange(-5, 5.001, 0.025)
    distance = np.hypot(fine[:, None] - 0.1, fine[None] + 0.05)
    ring = np.where(distance < radius, 0.3, 1.0)
    outer = np.hypot(fine[:, None] - 0.1 - shift, fine[None] + 0.05)
    picture = np.where(outer < radius + wall, ring, 0.5)
    picture[distance < radius] = 0.3
    picture = ndimage.gaussian_filter(picture, SIGMA_MM / 0.025)
    at = np.arange(-2.75, 2.76, spacing)
    first, second = (each.ravel() for each in np.meshgrid(at, at, indexing="ij"))
    index = np.rint((np.stack([first, second]) + 5) / 0.025).astype(int)
    signal = picture[tuple(index)] + np.random.default_rng(seed).normal(0, noise, first.size)
    return Section(signal=scale * signal, first_mm=first, second_mm=second)


START = Start(centre_mm=(0.0, 0.0), radius_mm=1.1, wall_mm=0.8)


def test_the_disc_is_one_deep_inside_nothing_far_outside_and_half_at_a_straight_edge():
    found = blurred_disc(np.array([0.0, 6.0, 3.0]), radius_mm=3.0, sigma_mm=0.1)
    assert found == pytest.approx([1, 0, 0.5], abs=0.02)


def test_the_disc_keeps_its_area_under_blur():
    distance = np.linspace(0, 5, 2001)
    value = blurred_disc(distance, radius_mm=0.8, sigma_mm=0.3)
    assert np.trapezoid(2 * np.pi * distance * value, distance) == pytest.approx(
        np.pi * 0.64, rel=1e-3
    )


@pytest.mark.parametrize("wall", [0.4, 0.7, 1.2])
def test_lumen_and_wall_thinner_than_a_voxel_are_recovered(wall):
    found = fit_annulus(section(wall=wall), start=START, blur=BLUR)
    assert found.radius_mm == pytest.approx(1.3, abs=0.04)
    assert found.wall_mm == pytest.approx(wall, abs=0.08)
    assert found.centre_mm == pytest.approx((0.1, -0.05), abs=0.03)


def test_signals_are_those_of_lumen_wall_and_outside():
    found = fit_annulus(section(wall=0.9), start=START, blur=BLUR)
    signals = found.lumen_signal, found.wall_signal, found.outside_signal
    assert signals == pytest.approx((0.3, 1.0, 0.5), abs=0.05)


def test_an_eccentric_wall_is_thick_on_its_side():
    found = fit_annulus(section(wall=0.9, shift=0.4), start=START, blur=BLUR)
    inner, outer = found.contours_mm(np.array([0.0, np.pi]))
    assert outer - inner == pytest.approx([1.3, 0.5], abs=0.1)


def test_scaling_the_signal_changes_no_length():
    first, second = (fit_annulus(section(scale=k), start=START, blur=BLUR) for k in (1.0, 500.0))
    assert first.shape == pytest.approx(second.shape, abs=1e-3)


def test_the_stated_error_is_that_of_repeated_fits():
    fits = [fit_annulus(section(seed=k, noise=0.03), start=START, blur=BLUR) for k in range(25)]
    for part in (2, 3):
        seen = np.std([fit.shape[part] for fit in fits], ddof=1)
        told = np.sqrt(np.median([fit.covariance[part, part] for fit in fits]))
        assert seen == pytest.approx(told, rel=0.45)


def test_a_thinner_wall_is_less_certain():
    thin, thick = (fit_annulus(section(wall=wall), start=START, blur=BLUR) for wall in (0.3, 1.2))
    assert thin.covariance[3, 3] > 5 * thick.covariance[3, 3]
    assert abs(thin.by_blur[3]) > 3 * abs(thick.by_blur[3])


def test_a_wider_point_spread_means_a_thinner_wall():
    found = fit_annulus(section(), start=START, blur=BLUR)
    assert found.by_blur[3] < 0
    wider = fit_annulus(section(), start=START, blur=Blur(sigma_mm=1.03 * SIGMA_MM))
    change = (wider.shape[3] - found.shape[3]) * BLUR_UNCERTAINTY / 0.03
    assert change == pytest.approx(found.by_blur[3], rel=0.3)


def test_too_few_voxels_give_nothing():
    assert fit_annulus(section(spacing=1.3), start=START, blur=BLUR) is None


def test_a_flat_picture_gives_nothing():
    flat = replace(section(), signal=np.ones_like(section().signal))
    assert fit_annulus(flat, start=START, blur=BLUR) is None


def test_noise_lifts_the_magnitude_of_nothing_by_125_percent_of_its_sd():
    assert rician_excess(np.array([0.0, 50.0]), noise=1.0) == pytest.approx(
        [np.sqrt(np.pi / 2), 0.01], abs=1e-3
    )
