"""Whether a template that lies beside the brain is noticed."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.head.checks import check_template_place, white_matter_offsets_mm
from npsle_app.records import Qc

SIZES = np.array([2.0, 2.0, 2.0])


@pytest.fixture(scope="module")
def head():
    """A ball whose white matter has gyri of 16 mm; T1w shows them under noise."""
    rng = np.random.default_rng(3)
    shape = (64, 72, 60)
    radius = np.linalg.norm(np.indices(shape).T - np.array(shape) / 2, axis=-1).T
    brain = radius < 28
    folds = ndimage.gaussian_filter(rng.normal(0, 1, shape), 4)
    prior = ndimage.gaussian_filter((brain & (folds > 0)).astype(np.float32), 1)
    t1w = np.where(brain, 60 + 40 * prior + rng.normal(0, 5, shape), 0).astype(np.float32)
    return t1w, prior, brain


def offsets(head, *, shift_mm=(0, 0, 0), sizes=SIZES):
    t1w, prior, brain = head
    moved = ndimage.shift(prior, np.array(shift_mm) / sizes, order=1)
    return white_matter_offsets_mm(t1w, white_matter=moved, brain=brain, voxel_sizes_mm=sizes)


def test_in_place_every_eighth_is_within_a_millimetre(head):
    found = offsets(head)
    assert len(found) == 8
    assert found.max() < 1
    assert check_template_place(found).state is Qc.PASS


@pytest.mark.parametrize("axis", range(3))
def test_a_shift_is_found_on_every_axis(head, axis):
    found = offsets(head, shift_mm=2 * np.eye(3)[axis])
    assert np.median(found) == pytest.approx(2, abs=0.6)


def test_a_template_6_mm_off_fails_with_advice(head):
    check = check_template_place(offsets(head, shift_mm=(0, 6, 0)))
    assert check.state is Qc.FAIL
    assert "look at T1w against template" in check.advice


def test_a_template_off_in_one_corner_alone_is_noticed(head):
    t1w, prior, brain = head
    bent = prior.copy()
    corner = (slice(32, None), slice(36, None), slice(30, None))
    bent[corner] = ndimage.shift(prior, (0, 3, 0), order=1)[corner]
    found = white_matter_offsets_mm(t1w, white_matter=bent, brain=brain, voxel_sizes_mm=SIZES)
    assert check_template_place(found).state is Qc.FAIL
    assert np.sort(found)[:7].max() < 2


def test_gain_and_offset_of_the_scan_change_nothing(head):
    t1w, prior, brain = head
    other = white_matter_offsets_mm(
        3 * t1w + 100, white_matter=prior, brain=brain, voxel_sizes_mm=SIZES
    )
    np.testing.assert_allclose(other, offsets(head), atol=1e-3)


def test_thick_slices_are_measured_in_millimetres(head):
    t1w, prior, brain = (volume[:, :, ::3] for volume in head)
    sizes = np.array([2.0, 2.0, 6.0])
    found = white_matter_offsets_mm(
        np.asarray(t1w), white_matter=prior, brain=brain, voxel_sizes_mm=sizes
    )
    assert found.max() < 1.5


def test_a_scan_without_any_structure_is_as_far_off_as_can_be(head):
    _, prior, brain = head
    found = white_matter_offsets_mm(
        np.ones_like(prior), white_matter=prior, brain=brain, voxel_sizes_mm=SIZES
    )
    assert (found == 6).all()


def test_a_brain_too_thin_to_judge_fails():
    brain = np.zeros((20, 20, 20), bool)
    brain[9:11] = True
    nothing = white_matter_offsets_mm(
        brain.astype(np.float32),
        white_matter=brain.astype(np.float32),
        brain=brain,
        voxel_sizes_mm=SIZES,
    )
    assert nothing.size == 0
    assert check_template_place(nothing).state is Qc.FAIL
