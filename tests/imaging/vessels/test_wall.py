"""Lumen and wall along a vessel: known answers, and what must change nothing."""

from functools import cache

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.checks import check_flow
from npsle_app.imaging.vessels.wall import check_resolution, measure_vessel
from npsle_app.records import Qc
from tests.imaging.vessels.scene import course_along, rough_line, scene

pytestmark = pytest.mark.long


@cache
def found(**options):
    artery, scan = scene(**options)
    return artery, measure_vessel(course_along(rough_line(artery), image=scan.image))


def with_image(data, affine):
    return nib.Nifti1Image(data.astype(np.float32), affine)


@pytest.mark.parametrize("offset_mm", [0.0, 0.4])
def test_a_wall_of_two_voxels_has_the_true_nwi_and_lumen(offset_mm):
    artery, vessel = found(offset_mm=offset_mm)
    assert vessel.summary.nwi.value == pytest.approx(artery.nwi, abs=0.02)
    assert vessel.summary.lumen_mm2.value == pytest.approx(artery.lumen_mm2, rel=0.05)


def test_a_wall_of_one_voxel_is_told_with_an_interval_where_contours_are_wrong():
    artery, vessel = found(wall_mm=0.5)
    nwi = vessel.summary.nwi
    assert nwi.value == pytest.approx(artery.nwi, abs=0.06)
    assert nwi.low < artery.nwi < nwi.high
    assert vessel.summary.nwi_of_contours > artery.nwi + 0.08
    assert vessel.summary.below_floor


def test_an_eccentric_wall_has_its_thinnest_and_thickest_side():
    _, vessel = found(offset_mm=0.4)
    assert vessel.sections.thickness_max_mm[5:-5] == pytest.approx(1.4, abs=0.15)
    assert vessel.sections.thickness_min_mm[5:-5] == pytest.approx(0.6, abs=0.15)


def test_a_vessel_tilted_by_45_degrees_measures_as_a_straight_one():
    straight, tilted = (found(tilt_deg=tilt)[1].summary for tilt in (0.0, 45.0))
    assert tilted.nwi.value == pytest.approx(straight.nwi.value, rel=0.03)
    assert tilted.lumen_mm2.value == pytest.approx(straight.lumen_mm2.value, rel=0.03)
    assert tilted.wall_mm2 == pytest.approx(straight.wall_mm2, rel=0.03)


def test_the_centreline_moves_to_the_lumens_middle():
    artery, vessel = found()
    away = np.hypot(*vessel.line.points[:, :2].T)
    assert rough_line(artery).points[:, :2].std() > 0.05
    assert away.max() < 0.15


def test_the_signals_scale_changes_nothing():
    artery, scan = scene()
    other = with_image(7.3 * scan.image.get_fdata(), scan.image.affine)
    seen = measure_vessel(course_along(rough_line(artery), image=other)).summary
    assert seen.nwi.value == pytest.approx(found()[1].summary.nwi.value, abs=1e-4)


def test_the_order_of_the_axes_in_the_file_changes_nothing():
    artery, scan = scene()
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = scan.image.shape[0] - 1
    other = with_image(scan.image.get_fdata()[::-1], scan.image.affine @ flip)
    seen = measure_vessel(course_along(rough_line(artery), image=other)).summary
    assert seen.nwi.value == pytest.approx(found()[1].summary.nwi.value, abs=1e-3)


@pytest.mark.slow
def test_a_mirrored_head_has_a_mirrored_vessel():
    artery, scan = scene(bend_radius_mm=15.0, offset_mm=0.3)
    line, mirror = rough_line(artery), np.diag([-1.0, 1, 1, 1])
    other = with_image(scan.image.get_fdata(), mirror @ scan.image.affine)
    first = measure_vessel(course_along(line, image=scan.image))
    mirrored = make_centreline(line.points * [-1, 1, 1], smoothing_mm=0)
    second = measure_vessel(course_along(mirrored, image=other))
    n = min(len(first.line.points), len(second.line.points))
    assert second.summary.nwi.value == pytest.approx(first.summary.nwi.value, abs=0.005)
    assert second.line.points[:n] == pytest.approx(first.line.points[:n] * [-1, 1, 1], abs=0.1)


def test_sections_with_slow_flow_are_left_out():
    artery, vessel = found(slow_mm=(6.0, 8.0))
    at = vessel.line.points[:, 2]
    assert not vessel.sections.accepted[(at > -0.6) & (at < 0.6)].any()
    assert check_flow(vessel.quality, vessel="M1").state is not Qc.PASS
    rest = vessel.sections.nwi[vessel.sections.accepted]
    assert rest.mean() == pytest.approx(artery.nwi, abs=0.02)


def test_a_bright_blood_image_gives_no_number():
    _, vessel = found(bright_blood=True)
    assert vessel.summary is None


def test_noise_alone_gives_no_number():
    artery, scan = scene()
    noise = np.random.default_rng(0).normal(100, 20, scan.image.shape)
    image = with_image(noise, scan.image.affine)
    vessel = measure_vessel(course_along(rough_line(artery), image=image))
    assert vessel.summary is None


def test_voxels_of_2_mm_are_refused():
    image = with_image(np.zeros((9, 9, 9)), np.diag([2.0, 2, 2, 1]))
    with pytest.raises(ValueError, match=r"voxels of 2\.00 × 2\.00 × 2\.00 mm do not show a wall"):
        check_resolution(image)


def test_a_centreline_outside_the_image_is_refused():
    _, scan = scene()
    line = make_centreline(np.linspace([30, 0, 0], [30, 0, 10], 20))
    with pytest.raises(ValueError, match="field of view"):
        course_along(line, image=scan.image)


def test_an_interpolated_image_is_refused_because_its_blur_is_not_that_of_its_voxels():
    artery, scan = scene()
    fine = ndimage.zoom(scan.image.get_fdata(), 2, order=3)
    step = (np.array(scan.image.shape) - 1) / (np.array(fine.shape) - 1)
    affine = scan.image.affine @ np.diag([*step, 1])
    with pytest.raises(ValueError, match="not assessable: the image was interpolated"):
        measure_vessel(course_along(rough_line(artery), image=with_image(fine, affine)))
