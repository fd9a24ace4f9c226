"""Volumes of regions on a small head that lies in the template as it is."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.tissue.checks import check_asymmetry, check_filling, check_followed
from npsle_app.imaging.tissue.regions import (
    TissueShares,
    label_regions,
    measure_regions,
    measure_ventricles,
    number_regions,
)
from npsle_app.measures.names_of_regions import (
    MAIN_REGIONS,
    PARCELS,
    REGIONS,
    RIGHT_LABELS,
    SIDES,
    label_rows,
    measure_name,
)
from npsle_app.records import Qc

SHAPE = (60, 40, 30)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[:3, 3] = (-59.0, -40.0, -30.0)  # the middle lies between two planes
NUMBER = {region.name: region.labels[0] for region in MAIN_REGIONS if len(region.labels) == 1}
LEFT, RIGHT = (f"region_thalamus_{side}_ml" for side in SIDES)


def image(data, affine=AFFINE):
    return nib.Nifti1Image(np.asarray(data, dtype=np.float32), affine)


def no_move(shift_mm=(0.0, 0.0, 0.0), affine=AFFINE, shape=SHAPE):
    """A field that moves all points by a shift in RAS; it is stored in LPS."""
    vectors = np.zeros((*shape, 1, 3), dtype=np.float32)
    vectors[...] = np.array(shift_mm) * (-1, -1, 1)
    return nib.Nifti1Image(vectors, affine)


@pytest.fixture
def atlas():
    """Boxes of 12 × 10 × 8 voxels of 2 mm on each side: 7.68 mL."""
    labels = np.zeros(SHAPE, dtype=np.int16)
    for left, name in ((14, "thalamus"), (2, "putamen")):
        labels[left : left + 12, 10:20, 5:13] = NUMBER[name]
        labels[60 - left - 12 : 60 - left, 10:20, 5:13] = NUMBER[name]
    return nib.Nifti1Image(labels, AFFINE)


def shares(gm=None, affine=AFFINE, shape=SHAPE, rest="wm"):
    """Grey matter; what it leaves is white matter, or fluid."""
    grey = np.ones(shape) if gm is None else gm
    others = {name: image((1 - grey) * (name == rest), affine) for name in ("wm", "csf")}
    return TissueShares(gm=image(grey, affine), **others)


def test_a_box_of_known_size_has_its_volume_on_both_sides(atlas):
    found = measure_regions(shares(), labels=atlas, field=no_move()).volumes_ml
    assert found[LEFT] == pytest.approx(7.68)
    assert found[RIGHT] == pytest.approx(7.68)
    assert found["region_caudate_left_ml"] == 0
    assert len(found) == 2 * len(REGIONS)


def test_grey_matter_counts_by_its_share_but_all_that_is_solid_in_the_core(atlas):
    """10 × 8 × 6 voxels of the putamen's box are its core; all of the thalamus counts."""
    found = measure_regions(shares(np.full(SHAPE, 0.25)), labels=atlas, field=no_move())
    share = (480 + 0.25 * 480) / 960
    assert found.volumes_ml["region_putamen_left_ml"] == pytest.approx(share * 7.68)
    assert found.filled["region_putamen_left_ml"] == pytest.approx(share)
    assert found.volumes_ml[LEFT] == pytest.approx(7.68)


def test_fluid_counts_nowhere(atlas):
    fluid = shares(np.full(SHAPE, 0.25), rest="csf")
    found = measure_regions(fluid, labels=atlas, field=no_move()).volumes_ml
    for name in ("region_putamen_left_ml", "region_thalamus_right_ml"):
        assert found[name] == pytest.approx(0.25 * 7.68)


def test_what_is_missing_on_the_left_is_missing_on_the_left(atlas):
    """The side with x < 0 is the left one, in any orientation of the voxels."""
    gm = np.ones(SHAPE)
    gm[:6] = 0  # half of the left putamen
    wanted = {"left": 3.84 + 2 * 0.64, "right": 7.68}
    for flipped in (False, True):
        affine = AFFINE.copy()
        data = gm
        if flipped:
            data = gm[::-1]
            affine[0] = (-2, 0, 0, 59)
        found = measure_regions(shares(data, affine, rest="csf"), labels=atlas, field=no_move())
        for side in SIDES:
            volume = found.volumes_ml[measure_name("putamen", side=side)]
            assert volume == pytest.approx(wanted[side])


def test_the_mirror_image_of_a_head_has_left_and_right_swapped(atlas, rng):
    gm = rng.uniform(size=SHAPE)
    one, other = (
        measure_regions(shares(data), labels=atlas, field=no_move()).volumes_ml
        for data in (gm, gm[::-1])
    )
    for region in ("thalamus", "putamen"):
        left, right = (measure_name(region, side=side) for side in SIDES)
        assert one[left] == pytest.approx(other[right])
        assert one[right] == pytest.approx(other[left])
    difference = one[left] - one[right]
    assert difference == pytest.approx(other[right] - other[left])


def test_finer_voxels_change_nothing(atlas):
    affine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1])
    affine[:3, 3] -= 0.5
    shape = tuple(2 * n for n in SHAPE)
    fine = measure_regions(shares(affine=affine, shape=shape), labels=atlas, field=no_move())
    assert fine.volumes_ml[LEFT] == pytest.approx(7.68)


def test_a_head_of_twice_the_size_has_eight_times_the_volume(atlas):
    """The field takes a point at 2 x to x; the regions are the same share of the head."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0]) @ AFFINE
    i, j, k = np.indices(SHAPE)
    world = np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    vectors = (-world / 2 * (-1, -1, 1))[..., None, :].astype(np.float32)
    field = nib.Nifti1Image(vectors, affine)
    found = measure_regions(shares(affine=affine), labels=atlas, field=field).volumes_ml
    assert found[LEFT] == pytest.approx(8 * 7.68, rel=1e-4)


def test_a_shift_of_a_third_of_a_voxel_moves_no_volume_by_a_whole_one(atlas):
    moved = measure_regions(shares(), labels=atlas, field=no_move((0.0, 0.67, 0.3)))
    assert moved.volumes_ml[LEFT] == pytest.approx(7.68, rel=1e-6)


def test_a_region_that_lies_outside_the_tissue_fails_its_check(atlas):
    good = measure_regions(shares(), labels=atlas, field=no_move())
    filled = dict.fromkeys(good.filled, 1.0) | {"region_putamen_left_ml": 0.6}
    for share, state in ((1.0, Qc.PASS), (0.6, Qc.WARN), (0.4, Qc.FAIL)):
        filled["region_putamen_left_ml"] = share
        check = check_filling(type(good)(volumes_ml=good.volumes_ml, filled=filled))
        assert check.state is state
    assert check.seen == "40 % of region_putamen_left is tissue of its kind"


def test_sides_that_differ_by_more_than_a_quarter_are_pointed_out(atlas):
    gm = np.ones(SHAPE)
    gm[:8] = 0
    check = check_asymmetry(measure_regions(shares(gm, rest="csf"), labels=atlas, field=no_move()))
    assert check.state is Qc.WARN
    assert "putamen" in check.seen
    even = check_asymmetry(measure_regions(shares(), labels=atlas, field=no_move()))
    assert even.state is Qc.PASS


def test_ventricles_are_measured_by_their_fluid():
    mask = np.zeros(SHAPE)
    mask[20:40, 10:20, 10:20] = 1
    csf = image(np.where(np.arange(60)[:, None, None] < 30, 0.5, 1.0) * np.ones(SHAPE))
    found = measure_ventricles(csf, ventricles=image(mask), field=no_move())
    assert found["region_lateral_ventricle_left_ml"] == pytest.approx(4.0)
    assert found["region_lateral_ventricle_right_ml"] == pytest.approx(8.0)


def test_tissue_maps_of_other_grids_are_refused():
    with pytest.raises(ValueError, match="affines differ"):
        TissueShares(gm=image(np.ones(SHAPE)), wm=image(np.ones(SHAPE), np.eye(4)),
                     csf=image(np.ones(SHAPE)))  # fmt: skip


def test_each_parcel_of_the_cortex_is_in_one_lobe_or_the_insula():
    lobes = [label for region in MAIN_REGIONS if "lobe" in region.name for label in region.labels]
    parcels = [label for region in PARCELS for label in region.labels]
    assert sorted(lobes) == sorted(parcels)


def test_labels_tell_left_from_right_and_leave_fluid_out(atlas):
    gm = np.ones(SHAPE)
    gm[14] = 0  # the outermost plane of the left thalamus
    labels = label_regions(shares(gm, rest="csf"), labels=atlas, field=no_move())
    numbers = np.asarray(labels.dataobj)
    left, right = NUMBER["thalamus"], NUMBER["thalamus"] + RIGHT_LABELS
    assert (numbers == left).sum() == 11 * 10 * 8
    assert (numbers == right).sum() == 12 * 10 * 8
    assert (
        np.argwhere(numbers == left)[:, 0].max() < 30 <= np.argwhere(numbers == right)[:, 0].min()
    )
    both = number_regions(labels, names=("putamen", "thalamus"))
    assert (np.asarray(both.dataobj) == 2).sum() == 23 * 10 * 8


def test_every_label_has_one_row_in_the_table_of_names():
    index = [row[0] for row in label_rows()]
    wanted = {label for region in REGIONS for label in region.labels}
    assert sorted(index) == sorted([*wanted, *(label + RIGHT_LABELS for label in wanted)])
    assert len({row[2] for row in label_rows()}) == len(index)


def test_a_way_through_the_session_before_that_leads_elsewhere_is_pointed_out():
    states = [check_followed(gap).state for gap in (0.8, 3.0, 5.0)]
    assert states == [Qc.PASS, Qc.WARN, Qc.FAIL]
