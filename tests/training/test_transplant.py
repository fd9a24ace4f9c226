"""Lesions taken away from a head and drawn into it."""

import numpy as np
import pytest
from scipy import ndimage

from training.wmh.transplant import Head, Look, choose_lesions, draw_lesions_into, remove_lesions

SHAPE = (40, 40, 40)
LOOK = Look(flair=0.5, t1w=-0.2, spread=0)


def ball(centre, radius):
    axes = zip(np.indices(SHAPE), centre, strict=True)
    return np.sqrt(sum((axis - c) ** 2 for axis, c in axes)) <= radius


BRAIN, WHITE = ball((20, 20, 20), 18), ball((20, 20, 20), 14)
LESIONS = ball((20, 28, 20), 3) | ball((14, 20, 20), 2)


@pytest.fixture
def head(rng):
    flair, t1w = (
        (np.where(WHITE, white, 100) * BRAIN + rng.normal(0, 2, SHAPE) * BRAIN).astype(np.float32)
        for white in (85, 130)
    )
    return Head(flair=flair, t1w=t1w, brain=BRAIN, white_matter=WHITE)


def test_drawn_lesions_have_the_contrast_asked_for(head, rng):
    drawn, truth = draw_lesions_into(head, lesions=LESIONS, look=LOOK, rng=rng)
    core = ndimage.binary_erosion(truth)
    assert drawn.flair[core].mean() == pytest.approx(85 * 1.45, rel=0.05)
    assert drawn.t1w[core].mean() == pytest.approx(130 * 0.82, rel=0.05)


def test_far_from_the_drawn_lesions_nothing_changes(head, rng):
    drawn, truth = draw_lesions_into(head, lesions=LESIONS, look=LOOK, rng=rng)
    far = ~ndimage.binary_dilation(truth, iterations=14)
    assert far.any()
    np.testing.assert_allclose(drawn.flair[far], head.flair[far], atol=0.01)


def test_the_truth_lies_in_white_matter(head, rng):
    outside = ball((20, 20, 36), 3)
    _, truth = draw_lesions_into(head, lesions=LESIONS | outside, look=LOOK, rng=rng)
    np.testing.assert_array_equal(truth, (LESIONS | outside) & WHITE)


def test_what_was_drawn_can_be_taken_away(head, rng):
    drawn, truth = draw_lesions_into(head, lesions=LESIONS, look=LOOK, rng=rng)
    clean = remove_lesions(drawn, lesions=truth, rng=rng)
    assert clean.flair[truth].mean() == pytest.approx(85, rel=0.04)
    assert clean.flair[truth].std() == pytest.approx(head.flair[truth].std(), rel=0.5)
    assert clean.t1w[truth].mean() == pytest.approx(130, rel=0.04)


def test_taking_no_lesion_away_changes_nothing(head, rng):
    clean = remove_lesions(head, lesions=np.zeros(SHAPE, bool), rng=rng)
    np.testing.assert_array_equal(clean.flair, head.flair)


def test_drawing_no_lesion_changes_nothing(head, rng):
    drawn, truth = draw_lesions_into(head, lesions=np.zeros(SHAPE, bool), look=LOOK, rng=rng)
    assert not truth.any()
    np.testing.assert_array_equal(drawn.flair, head.flair)


@pytest.mark.parametrize(("voxels", "expected"), [(0, 0), (40, 40), (60, 60), (10_000, 156)])
def test_lesions_are_chosen_until_they_hold_the_volume(voxels, expected, rng):
    chosen = choose_lesions([LESIONS], white_matter=WHITE, voxels=voxels, rng=rng)
    assert chosen.sum() == expected
    assert not (chosen & ~LESIONS).any()


def test_one_confluent_lesion_is_trimmed_to_its_core_instead_of_left_out(rng):
    large = ball((20, 20, 20), 8)
    chosen = choose_lesions([large, LESIONS], white_matter=WHITE, voxels=400, rng=rng)
    assert chosen.sum() == 200 + LESIONS.sum()
    core = choose_lesions([large], white_matter=WHITE, voxels=400, rng=rng)
    assert core[20, 20, 20]
    assert core.sum() == 200  # no lesion is more than half of the volume
    assert np.linalg.norm(np.argwhere(core) - 20, axis=1).max() < 4.5


def test_slivers_of_lesions_that_lie_elsewhere_are_not_chosen(rng):
    beside = ball((20, 36, 20), 4)  # most of it lies outside the white matter
    assert (beside & WHITE).any()
    assert not choose_lesions([beside], white_matter=WHITE, voxels=500, rng=rng).any()
