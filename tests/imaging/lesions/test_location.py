"""Where lesions lie."""

import numpy as np
import pytest

from npsle_app.imaging.lesions.location import LOBES, Region, find_cortex, regions
from tests.imaging.lesions.scene import CORTEX, SHAPE, VENTRICLES, filled, scene, still

CAP = np.s_[35:40, 28:32, 30:32]  # from 2 to 6 mm off the right ventricle
BAND = np.s_[35:46, 28:32, 30:32]  # from 2 to 12 mm
DEEP = np.s_[42:45, 28:32, 30:32]
AT_CORTEX = np.s_[42:45, 28:32, 53:56]
BELOW = np.s_[28:32, 28:32, 4:7]


@pytest.mark.parametrize(
    ("lesion", "region"),
    [
        (CAP, Region.PERIVENTRICULAR),
        (BAND, Region.CONFLUENT),
        (DEEP, Region.SUBCORTICAL),
        (AT_CORTEX, Region.JUXTACORTICAL),
        (BELOW, Region.INFRATENTORIAL),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_lesion_has_the_region_of_its_place(lesion, region):
    assert regions(scene(lesion)) == (region,)


def test_deep_is_what_is_nowhere_within_3_mm_of_the_ventricles():
    assert [Region.JUXTACORTICAL.zone, Region.INFRATENTORIAL.zone, Region.SUBCORTICAL.zone] == [
        "deep"
    ] * 3
    assert [Region.PERIVENTRICULAR.zone, Region.CONFLUENT.zone] == ["periventricular", "confluent"]


@pytest.mark.parametrize(("gap", "region"), [(3, Region.PERIVENTRICULAR), (4, Region.SUBCORTICAL)])
def test_the_limit_of_periventricular_is_3_mm(gap, region):
    first = 33 + gap  # the ventricle's last voxel is 33
    assert regions(scene(np.s_[first : first + 3, 28:32, 30:32])) == (region,)


@pytest.mark.parametrize(
    ("reach", "region"), [(10, Region.PERIVENTRICULAR), (11, Region.CONFLUENT)]
)
def test_the_limit_of_confluent_is_10_mm(reach, region):
    assert regions(scene(np.s_[34 : 33 + reach + 1, 28:32, 30:32])) == (region,)


def test_what_touches_the_ventricles_and_the_cortex_is_periventricular():
    assert regions(scene(np.s_[28:32, 28:32, 35:56])) == (Region.CONFLUENT,)


def test_one_voxel_at_the_cortex_is_not_enough():
    mask = [np.s_[42:45, 28:32, 48:52], np.s_[42:43, 28:29, 52:56]]
    assert regions(scene(*mask)) == (Region.SUBCORTICAL,)


def test_the_cortex_of_the_cerebellum_makes_no_lesion_juxtacortical():
    assert regions(scene(BELOW, cortex=filled(np.s_[:, :, :4]))) == (Region.INFRATENTORIAL,)


def test_without_ventricles_distances_are_infinite():
    assert np.isinf(scene(CAP, ventricles=None).ventricle_mm).all()


def test_sides_are_those_of_the_template_not_of_the_grid():
    right = scene(CAP)
    moved = scene(CAP, field=still((-20.0, 0, 0)))
    assert set(right.side) == {1}
    assert set(moved.side) == {0}
    np.testing.assert_allclose(moved.template_mm[:, 0], right.template_mm[:, 0] - 20, atol=1e-4)


def test_a_mirrored_lesion_lies_on_the_other_side_in_the_same_lobe():
    one, other = scene(np.s_[40:44, 40:44, 40:44]), scene(np.s_[16:20, 40:44, 40:44])
    assert set(one.side) == {1}
    assert set(other.side) == {0}
    assert set(one.lobe) == set(other.lobe) == {LOBES.index("frontal")}


def test_no_lesions_have_no_regions():
    empty = scene()
    assert empty.count == 0
    assert regions(empty) == ()


def test_deep_nuclei_and_the_rim_of_the_ventricles_are_no_cortex():
    gm = filled(CORTEX, np.s_[20:26, 20:40, 20:26], VENTRICLES).astype(np.float32)
    deep = filled(np.s_[20:26, 20:40, 20:26]).astype(np.float32)
    found = find_cortex(gm, deep_gm=deep, voxel_sizes_mm=np.ones(3))
    np.testing.assert_array_equal(found, filled(CORTEX))


def test_without_grey_matter_there_is_no_cortex():
    nothing = np.zeros(SHAPE, np.float32)
    assert not find_cortex(nothing, deep_gm=nothing, voxel_sizes_mm=np.ones(3)).any()
