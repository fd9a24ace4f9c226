"""The lateral ventricles."""

import numpy as np
import pytest

from npsle_app.imaging.tissue.ventricles import check_ventricles, find_lateral_ventricles
from npsle_app.records import Qc


@pytest.fixture
def zone():
    made = np.zeros((40, 40, 40), np.float32)
    made[10:30, 5:35, 15:30] = 1
    made[4:10, 10:20, 4:10] = 0.5  # a temporal horn
    return made


def fluid(*boxes):
    csf = np.zeros((40, 40, 40), np.float32)
    for box in boxes:
        csf[box] = 0.9
    return csf


LEFT, RIGHT = np.s_[12:18, 10:30, 18:28], np.s_[22:28, 10:30, 18:28]
SULCUS, SPECK, HORN = np.s_[0:3, 0:40, 0:40], np.s_[20, 33, 16], np.s_[5:9, 12:18, 5:9]


def test_the_two_largest_bodies_of_fluid_in_the_zone_are_the_ventricles(zone):
    found = find_lateral_ventricles(fluid(LEFT, RIGHT, SULCUS, SPECK), zone=zone, voxel_mm3=1)
    np.testing.assert_array_equal(found, fluid(LEFT, RIGHT) > 0)


def test_where_both_touch_no_speck_is_the_second(zone):
    one = np.s_[12:28, 10:30, 18:28]
    found = find_lateral_ventricles(fluid(one, SPECK), zone=zone, voxel_mm3=1)
    np.testing.assert_array_equal(found, fluid(one) > 0)


def test_a_closed_off_temporal_horn_counts_from_50_mm3(zone):
    csf = fluid(LEFT, RIGHT, HORN)
    assert find_lateral_ventricles(csf, zone=zone, voxel_mm3=1)[HORN].all()
    assert not find_lateral_ventricles(csf, zone=zone, voxel_mm3=0.1)[HORN].any()


def test_choroid_plexus_does_not_make_a_hole(zone):
    csf = fluid(LEFT, RIGHT)
    csf[14:16, 18:22, 22:24] = 0.1
    np.testing.assert_array_equal(
        find_lateral_ventricles(csf, zone=zone, voxel_mm3=1), fluid(LEFT, RIGHT) > 0
    )


def test_without_fluid_there_are_no_ventricles_and_the_check_fails(zone):
    found = find_lateral_ventricles(fluid(SULCUS), zone=zone, voxel_mm3=1)
    assert not found.any()
    check = check_ventricles(found, zone=zone, affine=np.eye(4))
    assert check.state is Qc.FAIL
    assert "leave out all that hangs" in check.advice


@pytest.mark.parametrize(("edge_mm", "state"), [(1.0, Qc.FAIL), (2.0, Qc.PASS), (5.0, Qc.FAIL)])
def test_ventricles_of_2_ml_or_300_ml_are_none(zone, edge_mm, state):
    found = find_lateral_ventricles(fluid(LEFT, RIGHT), zone=zone, voxel_mm3=1)
    affine = np.diag([edge_mm] * 3 + [1.0])
    assert check_ventricles(found, zone=zone, affine=affine).state is state
