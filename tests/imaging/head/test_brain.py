"""Masks of brain and skull."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.head.brain import (
    find_brain,
    is_brain_extracted,
    stripped_mask,
    touches_edge_mm2,
)

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
SHAPE = (48, 52, 50)


def ball(radius, *, centre=(24, 26, 25)):
    axes = zip(np.indices(SHAPE), centre, strict=True)
    return sum((a - c) ** 2 for a, c in axes) <= radius**2


def nifti(data, *, affine=AFFINE):
    return nib.Nifti1Image(np.asarray(data, np.float32), affine)


@pytest.fixture
def head(rng):
    """Scalp, dark skull, fluid and a brain of known radius; air is noise."""
    t1w = np.select(
        [ball(15), ball(17.5), ball(19), ball(21)], [80.0, 20.0, 5.0, 110.0], default=0.0
    )
    return nifti(np.abs(t1w + rng.normal(0, 2, SHAPE)))


def test_a_brain_in_exact_zeros_is_extracted(head):
    assert is_brain_extracted(nifti(head.get_fdata() * ball(15)))


def test_a_head_in_noise_is_not_extracted(head):
    assert not is_brain_extracted(head)


def test_a_whole_head_in_exact_zeros_is_not_extracted(head):
    assert ball(21).sum() * 64 / 1000 > 2300
    assert not is_brain_extracted(nifti(head.get_fdata() * ball(21)))


def test_an_empty_image_has_an_empty_mask():
    assert not stripped_mask(nifti(np.zeros(SHAPE))).any()


def test_holes_of_a_stripped_brain_belong_to_it():
    hollow = ball(15) & ~ball(4)
    assert np.array_equal(stripped_mask(nifti(hollow)), ball(15))


def fitted(head, *, expected):
    """Fit a mask at 2 mm, where one voxel is as far as the mask may leave the template's."""
    small = np.diag([2.0, 2.0, 2.0, 1.0])
    images = (nifti(data, affine=small) for data in (head.get_fdata(), expected, ball(17.5)))
    t1w, prior, skull = images
    return find_brain(t1w, expected=prior, intracranial=skull).get_fdata() > 0


def overlap(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_the_brain_ends_where_the_image_says_not_the_template(head):
    found = fitted(head, expected=ball(16))
    assert overlap(found, ball(15)) > 0.98 > overlap(ball(16), ball(15))


def test_the_brain_leaves_the_template_by_2_mm_at_most(head):
    assert not (fitted(head, expected=ball(13)) & ~ball(14)).any()


def test_the_brain_lies_in_the_skull(head):
    assert not (fitted(head, expected=ball(19)) & ~ball(17.5)).any()


def test_cut_area_counts_faces_of_the_field_of_view():
    mask = np.zeros(SHAPE)
    mask[:3, 10:15, 10:12] = 1
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    assert touches_edge_mm2(nib.Nifti1Image(mask, affine)) == pytest.approx(5 * 2 * 2 * 3)
    assert touches_edge_mm2(nifti(ball(15))) == 0
