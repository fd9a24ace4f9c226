"""Gradient tables: axes, lengths, shells, and what cannot be used."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from npsle_app.imaging.diffusion.gradients import (
    Gradients,
    choose_volumes,
    count_axes,
    find_shells,
    join,
    mean_unweighted,
    read_fsl,
    rotate,
    to_fsl,
)

B = np.array([0.0, 1000, 1000, 1000])
VECTORS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).T


def spread(rng, count, b, zeros=1):
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Gradients(
        np.r_[np.zeros(zeros), np.full(count, float(b))], np.r_[np.zeros((zeros, 3)), vectors]
    )


def test_x_counts_backwards_where_the_image_is_not_mirrored():
    found = read_fsl(B, vectors=VECTORS, affine=np.diag([2.0, 2, 2, 1]))
    np.testing.assert_allclose(found.directions[1:], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_x_counts_forwards_along_the_axis_of_a_mirrored_image():
    found = read_fsl(B, vectors=VECTORS, affine=np.diag([-2.0, 2, 2, 1]))
    np.testing.assert_allclose(found.directions[1:], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_directions_turn_with_an_oblique_image(rng):
    turn = Rotation.random(rng=rng).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-2.0, 2, 3])
    found = read_fsl(B, vectors=VECTORS, affine=affine)
    np.testing.assert_allclose(found.directions[1:], (turn @ np.diag([-1.0, 1, 1])).T, atol=1e-12)


def test_both_shapes_of_a_table_mean_the_same(rng):
    one = spread(rng, 9, 1000)
    affine = np.diag([-2.0, 2, 2, 1])
    table = to_fsl(one, affine=affine)
    for vectors in (table, table.T):
        found = read_fsl(one.b_values, vectors=vectors, affine=affine)
        np.testing.assert_allclose(found.directions, one.directions, atol=1e-12)


def test_lengths_become_1_and_vectors_of_b0_become_0():
    vectors = VECTORS * 1.4
    vectors[:, 0] = 5
    found = read_fsl(np.array([0.004, 1000, 1000, 1000]), vectors=vectors, affine=np.eye(4))
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), [0, 1, 1, 1])


def test_a_weighted_volume_without_direction_is_refused():
    with pytest.raises(ValueError, match="1 volumes with b ≥ 50 s/mm² have no direction"):
        read_fsl(np.array([700.0, 1000, 1000, 1000]), vectors=VECTORS, affine=np.eye(4))


def test_a_wrong_count_is_refused():
    with pytest.raises(ValueError, match=r"4 b-values need 3 × 4 vectors, got \(3, 3\)"):
        read_fsl(B, vectors=VECTORS[:, 1:], affine=np.eye(4))


def test_rotation_turns_each_direction_by_its_own(rng):
    one = spread(rng, 6, 1000)
    turns = Rotation.random(7, rng=rng)
    found = rotate(one, rotations=turns.as_matrix())
    np.testing.assert_allclose(found.directions, turns.apply(one.directions), atol=1e-12)


def test_shells_are_apart_by_more_than_50():
    labels, centres = find_shells(np.array([5.0, 0.004, 990, 1010, 1040, 2000, 700]))
    assert labels.tolist() == [0, 0, 2, 2, 2, 3, 1]
    assert centres == (700.0, pytest.approx(1013.3, abs=0.1), 2000.0)


def test_b0_and_all_shells_from_700_to_1300_are_taken(rng):
    parts = [spread(rng, 12, b) for b in (700, 1000, 2000, 3000)]
    found = choose_volumes(join(parts))
    assert found.shells == (700.0, 1000.0)
    assert len(found.volumes) == 4 + 24
    assert not found.fallback


def test_without_such_a_shell_the_next_is_taken_and_said(rng):
    found = choose_volumes(join([spread(rng, 12, 1500), spread(rng, 12, 3000)]))
    assert found.shells == (1500.0,)
    assert found.fallback


@pytest.mark.parametrize(
    ("shells", "message"),
    [
        ([(12, 3000)], r"no shell up to b 2000 .*b 3000: 12"),
        ([(5, 1000)], r"6 directions that a tensor needs .*b 1000: 5"),
        ([(0, 1000)], "none of its volumes is diffusion-weighted"),
    ],
)
def test_series_without_a_tensor_are_refused(rng, shells, message):
    with pytest.raises(ValueError, match=message):
        choose_volumes(join([spread(rng, *shell) for shell in shells]))


def test_a_series_without_b0_is_refused(rng):
    with pytest.raises(ValueError, match="no volume without diffusion weighting"):
        choose_volumes(spread(rng, 12, 1000, zeros=0))


def test_a_direction_and_its_opposite_count_once(rng):
    one = spread(rng, 8, 1000, zeros=0).directions
    assert count_axes(np.concatenate([one, -one, one])) == count_axes(one) == 8


def test_the_mean_of_unweighted_volumes():
    series = nib.Nifti1Image(np.arange(8.0).reshape(1, 1, 2, 4), np.eye(4))
    found = mean_unweighted(series, b_values=np.array([0.0, 1000, 5, 1000]))
    assert found.get_fdata().ravel().tolist() == [1, 5]
    with pytest.raises(ValueError, match="no volume without diffusion weighting"):
        mean_unweighted(series, b_values=np.full(4, 900.0))
