"""Point spread: the kernel and width that leave least unexplained, no surer than the data are."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.annulus import BLUR_UNCERTAINTY, Section, Start
from npsle_app.imaging.vessels.blur import (
    CANDIDATES,
    Kernel,
    blur_sigma_mm,
    blurred_disc,
    most_likely,
    relative_widths,
)
from npsle_app.imaging.vessels.fits import SectionStart, fit_point_spread

WIDTHS = np.array(CANDIDATES)


def noise_of(width, *, n=10, steep=1.0):
    """Residuals' SD that is least at a width, the same in n sections."""
    return np.tile(1 + steep * (WIDTHS[:, None] - width) ** 2, (1, n))


def found(noise, *, expected=0.6):
    by_kernel = {Kernel.GAUSSIAN: noise}
    return most_likely(by_kernel, n_voxels=np.full(noise.shape[1], 200.0), expected=expected)


@pytest.mark.parametrize("width", [0.55, 0.7, 0.85])
def test_the_width_with_least_left_over_is_found(width):
    assert found(noise_of(width)).fwhm_voxels == pytest.approx(width, abs=0.06)


@pytest.mark.parametrize("expected", [0.6, 0.7, 0.8])
def test_sections_that_say_nothing_leave_the_expected_width(expected):
    seen = found(noise_of(0.7, steep=0.0), expected=expected)
    assert seen.fwhm_voxels == pytest.approx(expected, abs=0.09)  # candidates end at 0.4 and 1
    assert seen.blur_sd > 0.1


def test_however_many_sections_agree_the_blur_is_no_surer_than_12_percent():
    assert found(noise_of(0.7, n=400)).blur_sd == 0.12


def test_a_width_without_fits_is_not_taken_for_a_good_one():
    noise = noise_of(0.55)
    noise[-2:] = np.nan
    assert found(noise).fwhm_voxels == pytest.approx(0.58, abs=0.06)


def test_a_few_sections_with_a_branch_or_slow_blood_do_not_decide():
    noise = noise_of(0.55, n=12, steep=0.2)
    noise[:, :2] = noise_of(1.0, n=2, steep=10.0)
    assert found(noise).fwhm_voxels == pytest.approx(found(noise[:, 2:]).fwhm_voxels, abs=0.03)


def test_too_few_sections_say_nothing():
    assert found(noise_of(0.7, n=3)) is None
    noise = noise_of(0.7)
    noise[1:] = np.nan
    assert found(noise) is None


def test_no_section_at_all_leaves_what_was_expected():
    spread = fit_point_spread([], voxel_mm=0.5, expected=0.7)
    assert (spread.fwhm_voxels, spread.blur_sd) == (0.7, BLUR_UNCERTAINTY)


def rings(width, *, n=12, wall_mm=0.6, kernel=Kernel.GAUSSIAN):
    """Sections of a ring as a scanner of that point spread shows it, with noise."""
    rng, sigma = np.random.default_rng(4), blur_sigma_mm(0.5, psf_fwhm_voxels=width)
    starts = []
    for _ in range(n):
        first, second = rng.uniform(-3.2, 3.2, (2, 320))
        distance = np.hypot(first, second)
        inner, outer = (
            blurred_disc(distance, radius_mm=np.full(320, radius), sigma_mm=sigma, kernel=kernel)
            for radius in (1.4, 1.4 + wall_mm)
        )
        real, imaginary = rng.normal(0, 3, (2, 320))
        signal = np.hypot(100 * (0.25 + 0.75 * outer - 0.95 * inner) + real, imaginary)
        section = Section(signal=signal, first_mm=first, second_mm=second)
        start = Start(centre_mm=(0.0, 0.0), radius_mm=1.3, wall_mm=0.8)
        starts.append(SectionStart(section=section, start=start, apart=1))
    return starts


def off_by_sds(spread, *, width):
    """How far the blur found is from the true one, in the SDs that it claims."""
    seen, true = (blur_sigma_mm(1, psf_fwhm_voxels=each) for each in (spread.fwhm_voxels, width))
    return abs(seen / true - 1) / spread.blur_sd


@pytest.mark.parametrize("width", [0.55, 0.85])
def test_a_ring_tells_with_which_point_spread_it_was_seen(width):
    spread = fit_point_spread(rings(width), voxel_mm=0.5, expected=0.6)
    assert off_by_sds(spread, width=width) < 1


@pytest.mark.parametrize("kernel", Kernel)
def test_a_ring_tells_whether_it_was_seen_with_a_cut_off(kernel):
    spread = fit_point_spread(rings(0.65, kernel=kernel), voxel_mm=0.5, expected=0.6)
    assert (spread.kernel is Kernel.GAUSSIAN) == (kernel is Kernel.GAUSSIAN)
    assert off_by_sds(spread, width=0.65) < 1


def test_behind_a_cut_off_a_disc_rings_as_its_cut_off_spectrum_does():
    size, step, sigma = 512, 0.025, 0.2
    axis = (np.arange(size) - size // 2) * step
    disc = np.hypot(axis[:, None], axis) < 1.5
    waves = np.fft.fftfreq(size, step)
    spectrum = np.fft.fft2(np.fft.ifftshift(disc))
    spectrum[np.hypot(waves[:, None], waves) > 1 / (sigma * np.sqrt(8 * np.pi))] = 0
    seen = np.fft.fftshift(np.fft.ifft2(spectrum).real)[size // 2]
    at = np.abs(axis) < 3.5
    expected = blurred_disc(
        np.abs(axis[at]), radius_mm=np.array(1.5), sigma_mm=sigma, kernel=Kernel.CUT_OFF
    )
    assert expected == pytest.approx(seen[at], abs=0.02)
    assert expected.min() < -0.05  # the Gaussian's is never below 0


@pytest.mark.parametrize("kernel", Kernel)
def test_behind_each_kernel_of_one_width_a_straight_edge_is_equally_steep(kernel):
    across = np.array([19.98, 20.02])  # 0.1 SD about the edge of a disc as good as straight
    low, high = blurred_disc(across, radius_mm=np.array(20.0), sigma_mm=0.6, kernel=kernel)[::-1]
    assert (high - low) / 0.04 == pytest.approx(1 / (0.6 * np.sqrt(2 * np.pi)), rel=0.02)


def test_in_cubes_a_gaussian_is_the_same_all_around_and_a_cut_off_sharper_on_the_diagonal():
    normals = np.array([[1.0, 0, 0], [0.5**0.5, 0.5**0.5, 0], [0.6, 0, 0.8]])
    widths = relative_widths(normals, edges_mm=np.full(3, 0.5))
    assert widths[Kernel.GAUSSIAN] == pytest.approx([1, 1, 1])
    assert widths[Kernel.CUT_OFF] == pytest.approx([1, 0.5**0.5, 0.8])


def test_along_a_voxels_longer_edge_all_kernels_are_wider():
    widths = relative_widths(np.eye(3), edges_mm=np.array([0.4, 0.5, 0.625]))
    for kernel in Kernel:
        assert widths[kernel] == pytest.approx([0.8, 1.0, 1.25])
