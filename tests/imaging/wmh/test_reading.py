"""Lesions that others have marked: in the place of those found, or as their correction."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.wmh.reading import (
    apply_reading,
    bring_to_t1w,
    check_inside,
    lesion_share,
    summarise_reading,
)
from npsle_app.records import Qc

SHAPE = (12, 10, 8)


def block(*slices):
    mask = np.zeros(SHAPE, bool)
    mask[slices] = True
    return mask


BRAIN = block(slice(1, 11), slice(1, 9), slice(1, 7))
FOUND = block(slice(2, 5), slice(2, 5), slice(2, 4))
OTHER = block(slice(7, 9), slice(6, 8), slice(4, 6))


def test_a_whole_mask_takes_the_place_of_what_was_found():
    read = apply_reading(sought=FOUND, whole=OTHER, brain=BRAIN)

    np.testing.assert_array_equal(read.mask, OTHER)
    np.testing.assert_array_equal(read.added, OTHER)
    np.testing.assert_array_equal(read.removed, FOUND)


def test_a_correction_adds_and_removes_voxel_by_voxel_and_keeps_the_rest():
    gone = FOUND & block(slice(2, 3))
    read = apply_reading(sought=FOUND, added=OTHER, removed=gone, brain=BRAIN)

    np.testing.assert_array_equal(read.mask, (FOUND & ~gone) | OTHER)
    assert np.bincount(read.labels.ravel(), minlength=4)[1:].tolist() == [12, 8, 6]
    assert summarise_reading(read, voxel_mm3=2.0) == {
        "wmh_added_ml": 0.016,
        "wmh_added_count": 1,
        "wmh_removed_ml": 0.012,
        "wmh_removed_count": 1,
    }


def test_what_is_added_twice_or_removed_where_nothing_was_changes_nothing():
    read = apply_reading(sought=FOUND, added=FOUND, removed=OTHER, brain=BRAIN)

    np.testing.assert_array_equal(read.mask, FOUND)
    assert not (read.added | read.removed).any()


def test_a_mask_that_was_read_corrects_to_itself():
    read = apply_reading(sought=FOUND, added=OTHER, removed=FOUND, brain=BRAIN)
    again = apply_reading(sought=FOUND, whole=read.mask, brain=BRAIN)

    np.testing.assert_array_equal(again.labels, read.labels)


def test_without_flair_all_lesions_must_be_given():
    read = apply_reading(sought=None, whole=OTHER, brain=BRAIN)

    np.testing.assert_array_equal(read.mask, OTHER)
    assert not read.added.any()
    with pytest.raises(ValueError, match="neither FLAIR nor a mask of all lesions"):
        apply_reading(sought=None, added=OTHER, brain=BRAIN)


@pytest.mark.parametrize(("outside", "state"), [(0, Qc.PASS), (1, Qc.WARN), (10, Qc.FAIL)])
def test_what_lies_outside_the_brain_does_not_count_and_is_told(outside, state):
    given = FOUND | OTHER
    given[0].flat[:outside] = True
    read = apply_reading(sought=None, whole=given, brain=BRAIN)

    np.testing.assert_array_equal(read.mask, FOUND | OTHER)
    assert read.outside == pytest.approx(outside / (26 + outside))
    assert check_inside(read).state is state


def test_lesions_of_another_head_are_refused():
    with pytest.raises(ValueError, match="100% of the lesions that were given lie outside"):
        apply_reading(sought=None, whole=~BRAIN, brain=BRAIN)


@pytest.mark.parametrize(
    ("values", "label", "expected"),
    [
        ([0, 1, 1], None, [0, 1, 1]),
        ([0, 255, 0], None, [0, 1, 0]),
        ([0, 0.5, 1], None, [0, 0.5, 1]),
        ([0, 0.5, 0.5], None, [0, 1, 1]),
        ([2, 99, 41], 99, [0, 1, 0]),
        ([0, 0, 0], None, [0, 0, 0]),
    ],
)
def test_masks_of_any_value_maps_and_labels_become_shares(values, label, expected):
    image = nib.Nifti1Image(np.array(values, np.float32).reshape(3, 1, 1), np.eye(4))

    assert lesion_share(image, label=label).get_fdata().ravel().tolist() == expected


def test_a_mask_comes_over_from_flair_with_its_edge_and_a_map_smoothly():
    t1w = nib.Nifti1Image(np.zeros(SHAPE, np.float32), np.eye(4))
    moved = np.eye(4)
    moved[0, 3] = 1.4  # a point of T1w lies 1.4 mm further right in FLAIR
    mask, smooth = (
        bring_to_t1w(nib.Nifti1Image(data.astype(np.float32), np.eye(4)), t1w=t1w, matrix=moved)
        for data in (OTHER, 0.5 * OTHER)
    )

    np.testing.assert_array_equal(mask > 0.5, np.roll(OTHER, -1, axis=0))
    assert set(np.unique(mask)) == {0, 1}
    assert len(np.unique(smooth.round(5))) > 2
