"""Numbers of a vessel from its sections."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.measures import (
    Sections,
    nwi_at_radius,
    nwi_of,
    section_table,
    summarise,
)


def sections(radius=1.3, wall=1.0, *, n=30, sd=0.01, accepted=None, blur=0.0):
    radius = np.broadcast_to(np.asarray(radius, dtype=float), n)
    lumen, outer = np.pi * radius**2, np.pi * (radius + wall) ** 2
    full = np.full(n, float(sd))
    return Sections(
        along_mm=0.5 * np.arange(n),
        lumen_mm2=lumen,
        outer_mm2=outer,
        log_radius_sd=full,
        log_radius_by_blur=np.full(n, blur),
        log_ratio_sd=full,
        log_ratio_by_blur=np.full(n, blur),
        thickness_mean_mm=np.full(n, float(wall)),
        thickness_max_mm=np.full(n, 1.2 * wall),
        thickness_min_mm=np.full(n, 0.6 * wall),
        contour_lumen_mm2=0.9 * lumen,
        contour_outer_mm2=outer,
        accepted=np.ones(n, dtype=bool) if accepted is None else accepted,
    )


def test_a_lumen_larger_than_the_vessel_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        nwi_of(5.0, 4.0)


def test_pooled_nwi_differs_from_the_mean_of_slices_where_the_calibre_varies():
    found = summarise(sections(np.linspace(0.8, 2.0, 30)), voxel_mm=0.5)
    assert found.nwi.value < found.nwi_mean_of_slices
    same = summarise(sections(), voxel_mm=0.5)
    assert same.nwi.value == pytest.approx(same.nwi_mean_of_slices)


def test_areas_are_those_of_the_circles():
    found = summarise(sections(1.5, 0.5), voxel_mm=0.5)
    assert found.lumen_mm2.value == pytest.approx(np.pi * 2.25)
    assert found.outer_mm2 == pytest.approx(np.pi * 4)
    assert found.wall_mm2 == pytest.approx(np.pi * 1.75)
    assert found.eccentricity == pytest.approx(0.5)


def test_half_the_diameter_is_a_stenosis_of_50_percent():
    radius = np.full(30, 1.6)
    radius[15] = 0.8
    found = summarise(sections(radius), voxel_mm=0.5)
    assert found.stenosis_percent == pytest.approx(50)
    assert found.remodelling == pytest.approx((1.8 / 2.6) ** 2)


def test_rejected_sections_count_for_nothing():
    radius = np.full(30, 1.3)
    radius[:10] = 3.0
    found = summarise(sections(radius, accepted=radius < 2), voxel_mm=0.5)
    assert found.lumen_mm2.value == pytest.approx(np.pi * 1.69)
    assert (found.n_accepted, found.n_slices, found.length_mm) == (20, 30, 10.0)


def test_without_an_accepted_section_there_is_no_number():
    assert summarise(sections(accepted=np.zeros(30, dtype=bool)), voxel_mm=0.5) is None


def width_of_nwi(**options):
    nwi = summarise(sections(**options), voxel_mm=0.5).nwi
    return nwi.high - nwi.low


def test_noise_averages_out_over_sections_but_the_point_spread_does_not():
    least = width_of_nwi(n=90, sd=0)  # the model's own error
    few, many = (np.sqrt(width_of_nwi(n=n, sd=0.1) ** 2 - least**2) for n in (10, 90))
    assert few == pytest.approx(3 * many, rel=0.1)
    few, many = (width_of_nwi(n=n, sd=0, blur=0.1) for n in (10, 90))
    assert few == pytest.approx(many)


def test_what_no_kernel_explains_stays_however_many_sections_there_are():
    found = summarise(sections(n=400, sd=0), voxel_mm=0.5)
    assert found.lumen_mm2.high / found.lumen_mm2.value > 1.04
    assert found.nwi.high - found.nwi.low > 0.015


def test_intervals_stay_between_nothing_and_one():
    found = summarise(sections(0.8, 0.1, sd=3.0), voxel_mm=0.5)
    assert 0 <= found.nwi.low < found.nwi.value < found.nwi.high < 1


def test_the_same_wall_has_the_same_nwi_at_the_reference_radius():
    thin, wide = (summarise(sections(r, 0.6), voxel_mm=0.5) for r in (0.9, 1.8))
    assert thin.nwi.value > wide.nwi.value + 0.1
    assert thin.nwi_at_reference_radius == pytest.approx(wide.nwi_at_reference_radius)
    assert nwi_at_radius(1.0, radius_mm=1.0) == pytest.approx(0.75)


def test_the_floor_is_13_tenths_of_a_voxel():
    found = summarise(sections(wall=0.6), voxel_mm=0.5)
    assert found.floor_mm == pytest.approx(0.65)
    assert found.below_floor


def test_the_table_has_a_row_per_section_with_intervals_around_the_values():
    table = section_table(sections())
    assert len(table) == 30
    assert (table.nwi_low < table.nwi).all()
    assert (table.lumen_area_mm2 < table.lumen_area_high_mm2).all()
