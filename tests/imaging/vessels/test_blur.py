"""Point spread: the width that leaves least unexplained, no surer than the data are."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.annulus import BLUR_UNCERTAINTY, Section, Start
from npsle_app.imaging.vessels.blur import CANDIDATES, blur_sigma_mm, blurred_disc, most_likely
from npsle_app.imaging.vessels.fits import SectionStart, fit_point_spread

WIDTHS = np.array(CANDIDATES)


def noise_of(width, *, n=10, steep=1.0):
    """Residuals' SD that is least at a width, the same in n sections."""
    return np.tile(1 + steep * (WIDTHS[:, None] - width) ** 2, (1, n))


def found(noise, *, expected=0.6):
    return most_likely(noise, n_voxels=np.full(noise.shape[1], 200.0), expected=expected)


@pytest.mark.parametrize("width", [0.55, 0.7, 0.85])
def test_the_width_with_least_left_over_is_found(width):
    assert found(noise_of(width)).fwhm_voxels == pytest.approx(width, abs=0.06)


@pytest.mark.parametrize("expected", [0.6, 0.7, 0.8])
def test_sections_that_say_nothing_leave_the_expected_width(expected):
    seen = found(noise_of(0.7, steep=0.0), expected=expected)
    assert seen.fwhm_voxels == pytest.approx(expected, abs=0.09)  # candidates end at 0.4 and 1
    assert seen.blur_sd > 0.1


def test_more_sections_make_it_surer_but_never_surer_than_6_percent():
    few, many = (found(noise_of(0.7, n=n, steep=0.05)).blur_sd for n in (4, 100))
    assert many < few
    assert found(noise_of(0.7, n=400)).blur_sd == 0.06


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


def rings(width, *, n=12, wall_mm=0.6):
    """Sections of a ring as a scanner of that point spread shows it, with noise."""
    rng, sigma = np.random.default_rng(4), blur_sigma_mm(0.5, psf_fwhm_voxels=width)
    starts = []
    for _ in range(n):
        first, second = rng.uniform(-3.2, 3.2, (2, 320))
        distance = np.hypot(first, second)
        inner, outer = (
            blurred_disc(distance, radius_mm=np.full(320, radius), sigma_mm=sigma)
            for radius in (1.4, 1.4 + wall_mm)
        )
        signal = 100 * (0.25 + 0.75 * outer - 0.95 * inner) + rng.normal(0, 4, 320)
        section = Section(signal=signal, first_mm=first, second_mm=second)
        start = Start(centre_mm=(0.0, 0.0), radius_mm=1.3, wall_mm=0.8)
        starts.append(SectionStart(section=section, start=start, apart=1))
    return starts


@pytest.mark.parametrize("width", [0.55, 0.85])
def test_a_ring_tells_with_which_point_spread_it_was_seen(width):
    spread = fit_point_spread(rings(width), voxel_mm=0.5, expected=0.6)
    assert spread.fwhm_voxels == pytest.approx(width, abs=0.12)
    assert 0.06 <= spread.blur_sd <= 0.15
