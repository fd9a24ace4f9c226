"""The tensor fit by known answers and laws."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from npsle_app.imaging.diffusion.tensor import (
    fit_tensors,
    fractional_anisotropy,
    from_six_components,
    mean_diffusivity,
    predict_signal,
    principal_directions,
    six_components,
)

PROJECTION = np.diag([0.70, 0.46, 1.15]) * 1e-3
ASSOCIATION = np.diag([0.66, 1.20, 0.42]) * 1e-3


def scheme(rng, *, count=30, b=1000.0, zeros=2):
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.r_[np.zeros(zeros), np.full(count, b)], np.r_[np.zeros((zeros, 3)), vectors]


@pytest.fixture
def gradients(rng):
    return scheme(rng)


@pytest.fixture
def tensors(rng):
    turns = Rotation.random(4, rng=rng).as_matrix()
    return np.stack([PROJECTION, ASSOCIATION, *(turns @ PROJECTION @ turns.transpose(0, 2, 1))])


def signal_of(tensors, gradients, s0=700.0):
    b_values, directions = gradients
    return predict_signal(
        tensors, s0=np.full(tensors.shape[:-2], s0), b_values=b_values, directions=directions
    )


def fit(signal, gradients, **options):
    return fit_tensors(signal, b_values=gradients[0], directions=gradients[1], **options)


@pytest.mark.parametrize("robust", [False, True])
def test_known_tensors_come_back(tensors, gradients, robust):
    found = fit(signal_of(tensors, gradients), gradients, robust=robust)
    np.testing.assert_allclose(found.tensors, tensors, atol=1e-13)  # 1e-10 of their size
    np.testing.assert_allclose(found.s0, 700, rtol=1e-10)


def test_the_signal_of_a_tensor_along_an_axis_is_the_stejskal_tanner_equation():
    signal = predict_signal(
        PROJECTION, s0=np.array(10.0), b_values=np.array([1000.0]), directions=np.eye(3)[2:]
    )
    assert signal == pytest.approx([10 * np.exp(-1.15)])


def test_turning_the_gradients_turns_the_tensors(tensors, gradients, rng):
    turn = Rotation.random(rng=rng).as_matrix()
    signal = signal_of(tensors, gradients)
    turned = fit(signal, (gradients[0], gradients[1] @ turn.T))
    np.testing.assert_allclose(turned.tensors, turn @ tensors @ turn.T, atol=1e-13)


def test_scaling_the_signal_changes_s0_alone(tensors, gradients, rng):
    noisy = signal_of(tensors, gradients) + rng.normal(0, 20, (6, 32))
    once, scaled = fit(noisy, gradients), fit(37.5 * noisy, gradients)
    np.testing.assert_allclose(scaled.tensors, once.tensors, rtol=1e-9)
    np.testing.assert_allclose(scaled.s0, 37.5 * once.s0, rtol=1e-9)


def test_flipping_x_of_the_gradients_keeps_the_diagonal_and_swapping_y_and_z_does_not(
    tensors, gradients
):
    signal = signal_of(tensors, gradients)
    flipped = fit(signal, (gradients[0], gradients[1] * [-1, 1, 1])).tensors
    swapped = fit(signal, (gradients[0], gradients[1][:, [0, 2, 1]])).tensors
    diagonal = np.einsum("...ii->...i", tensors)
    np.testing.assert_allclose(np.einsum("...ii->...i", flipped), diagonal, atol=1e-13)
    np.testing.assert_allclose(flipped[..., 0, 1], -tensors[..., 0, 1], atol=1e-13)
    assert abs(np.einsum("...ii->...i", swapped) - diagonal).max() > 1e-4


def test_weighting_beats_its_absence_in_noise(rng):
    """Against ordinary least squares of the logarithm, written out here."""
    gradients = scheme(rng, b=1200.0)
    truth = np.broadcast_to(ASSOCIATION, (4000, 3, 3))
    noisy = np.abs(signal_of(truth, gradients, s0=1.0) + rng.normal(0, 1 / 15, (4000, 32)))
    b, g = gradients
    x, y, z = g.T
    design = np.c_[-b[:, None] * np.c_[x * x, 2 * x * y, 2 * x * z, y * y, 2 * y * z, z * z],
                   np.ones(len(b))]  # fmt: skip
    plain = (np.linalg.pinv(design) @ np.log(noisy).T).T[:, :6]
    weighted = six_components(fit(noisy, gradients).tensors)
    truth = six_components(ASSOCIATION)
    assert np.sqrt(np.mean((weighted - truth) ** 2)) < 0.97 * np.sqrt(np.mean((plain - truth) ** 2))


def test_the_robust_fit_forgives_a_volume_that_dropped_out(gradients, rng):
    truth = np.broadcast_to(PROJECTION, (500, 3, 3))
    signal = signal_of(truth, gradients) + rng.normal(0, 14, (500, 32))
    signal[:, 7] *= 0.3
    plain, robust = (fit(signal, gradients, robust=flag).tensors for flag in (False, True))
    error = [np.sqrt(np.mean((found - truth) ** 2)) for found in (plain, robust)]
    assert error[1] < 0.6 * error[0]


def test_only_the_mask_is_fitted_and_the_rest_is_0(tensors, gradients):
    signal = signal_of(tensors, gradients)
    mask = np.array([True, False, True, True, True, True])
    signal[2, 3] = np.nan
    signal[3] = 0
    found = fit(signal, gradients, mask=mask)
    assert found.fitted.tolist() == [True, False, False, False, True, True]
    assert not found.tensors[~found.fitted].any()
    assert np.isfinite(found.tensors).all()


def test_an_empty_mask_gives_zeros(tensors, gradients):
    found = fit(signal_of(tensors, gradients), gradients, mask=np.zeros(6, bool))
    assert not found.fitted.any()
    assert found.tensors.shape == (6, 3, 3)


def test_a_signal_of_0_in_one_volume_does_not_spoil_the_voxel(gradients):
    signal = signal_of(PROJECTION[None], gradients)
    signal[0, 5] = 0
    assert np.isfinite(fit(signal, gradients).tensors).all()


def test_a_small_b_counts_as_none_whatever_its_vector(tensors, gradients):
    b_values, directions = gradients[0].copy(), gradients[1].copy()
    b_values[:2], directions[0] = (0.004, 5), (0, 0, 3)
    found = fit(signal_of(tensors, gradients), (b_values, directions))
    np.testing.assert_allclose(found.tensors, tensors, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b, g: (b[:7], g[:7]), "5 weighted volumes do not determine a tensor"),
        (lambda b, g: (b, g * [1, 1, 0] / np.maximum(np.hypot(*g[:, :2].T), 1e-9)[:, None]),
         "not all in one plane"),
        (lambda b, g: (b[2:], g[2:]), "a volume with b below 50"),
        (lambda b, g: (b, np.where(np.arange(32)[:, None] == 9, 0, g)), "no direction of length 1"),
        (lambda b, g: (b, g.T), r"expected 32 × 3 directions, got \(3, 32\)"),
        (lambda b, g: (b[:-1], g[:-1]), "32 volumes and 31 b-values"),
    ],
)  # fmt: skip
def test_gradients_that_determine_no_tensor_are_refused(tensors, gradients, change, message):
    signal = signal_of(tensors, gradients)
    changed = change(*gradients)
    count = len(changed[0]) if "31" not in message else 32
    with pytest.raises(ValueError, match=message):
        fit(signal[:, :count], changed)


def test_invariants_of_known_tensors():
    assert mean_diffusivity(PROJECTION) == pytest.approx(0.77e-3)
    assert fractional_anisotropy(np.eye(3)) == pytest.approx(0)
    assert fractional_anisotropy(np.diag([2.0, 1.0, 1.0])) == pytest.approx(np.sqrt(1 / 6))
    assert fractional_anisotropy(np.zeros((2, 3, 3))).tolist() == [0, 0]
    np.testing.assert_allclose(abs(principal_directions(ASSOCIATION)), [0, 1, 0], atol=1e-12)


def test_invariants_do_not_turn(tensors, rng):
    turn = Rotation.random(rng=rng).as_matrix()
    turned = turn @ tensors @ turn.T
    np.testing.assert_allclose(fractional_anisotropy(turned), fractional_anisotropy(tensors))
    np.testing.assert_allclose(mean_diffusivity(turned), mean_diffusivity(tensors))
    along = np.sum(principal_directions(turned) * (principal_directions(tensors) @ turn.T), -1)
    np.testing.assert_allclose(abs(along), 1)


def test_six_components_hold_the_whole_tensor(tensors):
    np.testing.assert_allclose(from_six_components(six_components(tensors)), tensors, atol=1e-18)
    assert six_components(np.arange(9).reshape(3, 3)).tolist() == [0, 1, 2, 4, 5, 8]
