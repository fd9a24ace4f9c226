"""A given brain mask against the one that was found: what passes, what is told, what is refused."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.head.given_brain import check_given_brain, fit_given_brain
from npsle_app.records import Qc

SHAPE, STEP_MM = (60, 64, 60), 3.0
MIDDLE = (25, 32, 30)  # off the middle of the image, as heads are


def ball(radius_mm, *, centre=MIDDLE):
    axes = zip(np.indices(SHAPE), centre, (1.0, 0.8, 1.0), strict=True)
    far = np.sqrt(sum(((axis - middle) * scale) ** 2 for axis, middle, scale in axes))
    return image(far * STEP_MM <= radius_mm)


def image(data):
    return nib.Nifti1Image(data.astype(np.uint8), np.diag([STEP_MM, STEP_MM, STEP_MM, 1]))


FOUND, SKULL = ball(60), ball(63)


def fit(given):
    return fit_given_brain(given, found=FOUND, intracranial=SKULL)


def states(given):
    return [check.state for check in check_given_brain(fit(given))]


@pytest.mark.parametrize("radius_mm", [57, 60, 63])
def test_masks_of_other_programs_that_are_tighter_or_wider_pass(radius_mm):
    assert fit(ball(radius_mm)).apart < 0.005
    assert states(ball(radius_mm)) == [Qc.PASS, Qc.PASS]


def test_the_share_outside_the_skull_is_counted_to_the_voxel():
    wide = ball(64.5)
    inside, skull = (np.asarray(one.dataobj) > 0 for one in (wide, SKULL))

    assert fit(wide).outside == pytest.approx((inside & ~skull).sum() / inside.sum())
    assert states(wide)[1] is Qc.FAIL


def test_a_mask_with_a_neck_is_told():
    data = np.asarray(FOUND.dataobj).copy()
    data[18:33, 21:43, :12] = 1

    assert states(image(data)) == [Qc.FAIL, Qc.FAIL]


@pytest.mark.fault(
    "Images",
    "brain mask that lies elsewhere, or mirrored",
    "refused: nothing is measured by it, nor in its place",
)
def test_a_mask_that_lies_elsewhere_is_refused():
    with pytest.raises(ValueError, match=r"more than 5 mm from the brain.*of this person"):
        fit(ball(60, centre=(25, 38, 34)))


def test_a_mirrored_mask_is_refused_as_such():
    mirrored = image(np.flip(np.asarray(FOUND.dataobj), 0))

    with pytest.raises(ValueError, match="left and right are swapped"):
        fit(mirrored)


def test_without_a_skull_there_is_one_check():
    bare = fit_given_brain(FOUND, found=FOUND, intracranial=None)

    assert [check.name for check in check_given_brain(bare)] == ["Given brain mask"]
