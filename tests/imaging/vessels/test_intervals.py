"""Intervals of a vessel's wall: they hold the truth below the blur, where errors are lopsided."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.annulus import BLUR_UNCERTAINTY, Blur, Section, Start, fit_annulus
from npsle_app.imaging.vessels.blur import blur_sigma_mm, blurred_disc
from npsle_app.imaging.vessels.intervals import (
    area_limits,
    nwi_limits,
    thickness_limits,
    with_scatter,
)

VOXEL_MM, RADIUS_MM = 0.5, 1.3
SIGMA_MM = blur_sigma_mm(VOXEL_MM)


def ring(wall_mm):
    """Return the noise-free voxels of a ring behind the blur."""
    axis = np.arange(-2.75, 2.76, 0.25)
    first, second = (each.ravel() for each in np.meshgrid(axis, axis, indexing="ij"))
    distance = np.hypot(first, second)
    lumen, whole = (
        blurred_disc(distance, radius_mm=np.array(radius), sigma_mm=SIGMA_MM)
        for radius in (RADIUS_MM, RADIUS_MM + wall_mm)
    )
    return Section(
        signal=100 * (0.05 * lumen + (whole - lumen) + 0.3 * (1 - whole)),
        first_mm=first,
        second_mm=second,
    )


def fitted(wall_mm, *, blur_wrong_by):
    return fit_annulus(
        ring(wall_mm),
        start=Start(centre_mm=(0.0, 0.0), radius_mm=1.2, wall_mm=0.5),
        blur=Blur(sigma_mm=SIGMA_MM * np.exp(blur_wrong_by)),
    )


@pytest.mark.parametrize("wall_voxels", [0.6, 1.0, 1.6])
@pytest.mark.parametrize("sds", [-1.5, 1.5])
def test_a_blur_that_is_wrong_by_one_and_a_half_sds_leaves_the_wall_in_the_interval(
    wall_voxels, sds
):
    blur_sd, true_mm = 0.06, wall_voxels * VOXEL_MM
    found = fitted(true_mm, blur_wrong_by=sds * blur_sd)
    log_sd = abs(found.by_blur[3]) * blur_sd / BLUR_UNCERTAINTY
    low, high = thickness_limits(found.wall_mm, log_sd=log_sd)
    assert low < true_mm < high


def test_on_the_scale_of_the_logarithm_alone_a_thin_wall_falls_out_of_the_interval():
    blur_sd, true_mm = 0.06, 0.6 * VOXEL_MM
    found = fitted(true_mm, blur_wrong_by=-1.5 * blur_sd)
    log_sd = abs(found.by_blur[3]) * blur_sd / BLUR_UNCERTAINTY
    assert found.wall_mm * np.exp(-1.96 * log_sd) > true_mm


def test_a_wall_that_is_known_well_has_an_even_interval():
    low, high = thickness_limits(1.0, log_sd=0.01)
    assert (low, high) == (pytest.approx(1 - 0.0196, abs=4e-4), pytest.approx(1.0196))


def test_a_wall_that_cannot_be_told_from_none_has_an_interval_down_to_none():
    low, high = thickness_limits(0.4, log_sd=0.3)
    assert low == 0
    assert high == pytest.approx(0.4 * (1 + 1.96 * 0.3), rel=1e-4)
    assert nwi_limits(0.4, log_ratio_sd=0.3)[0] == 0


def test_nwi_and_thickness_have_the_same_interval_around_a_known_lumen():
    low, high = thickness_limits(0.5, log_sd=0.1)
    of_nwi = nwi_limits(1 - 1.3**2 / 1.8**2, log_ratio_sd=0.1)
    assert of_nwi[0] == pytest.approx(1 - 1.3**2 / (1.3 + low) ** 2)
    assert of_nwi[1] == pytest.approx(1 - 1.3**2 / (1.3 + high) ** 2)


def test_an_area_is_as_uncertain_as_its_radius_squared():
    low, high = area_limits(np.pi, log_radius_sd=0.1)
    assert np.sqrt(np.array([low, high]) / np.pi) == pytest.approx(
        np.exp([-0.196, 0.196]), rel=1e-4
    )


def test_sections_that_scatter_more_than_their_fits_say_are_less_certain():
    values = np.random.default_rng(0).normal(0, 0.3, 400)
    sd = with_scatter(np.full(400, 0.1), values=values, lag=2)
    assert sd == pytest.approx(0.3, rel=0.15)


def test_sections_that_scatter_less_than_their_fits_say_are_no_more_certain():
    sd = np.linspace(0.1, 0.2, 40)
    assert with_scatter(sd, values=np.zeros(40), lag=2) == pytest.approx(sd)


def test_one_plaque_makes_no_other_section_uncertain():
    values = np.where(np.arange(40) > 19, 1.0, 0.0)
    sd = with_scatter(np.full(40, 0.1), values=values, lag=2)
    assert sd == pytest.approx(0.1)


def test_few_sections_say_nothing_of_their_scatter():
    values = np.array([0.0, 5, 0, 5, np.nan, np.nan, np.nan, np.nan, np.nan])
    assert with_scatter(np.full(9, 0.1), values=values, lag=1) == pytest.approx(0.1)
