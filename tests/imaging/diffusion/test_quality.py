"""Dropped slices, flipped gradients, the head's mask, and the checks that judge them."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from npsle_app.imaging.diffusion.checks import (
    check_distortion,
    check_gradients,
    check_image,
    check_motion,
)
from npsle_app.imaging.diffusion.coherence import Coherence, measure_coherence
from npsle_app.imaging.diffusion.gradients import Gradients, Selection
from npsle_app.imaging.diffusion.outliers import find_outliers
from npsle_app.imaging.diffusion.tensor import fit_tensors, predict_signal
from npsle_app.imaging.head.head_mask import head_mask
from npsle_app.records import Qc
from tests.imaging.diffusion.scene import AFFINE, scheme, series


@pytest.fixture
def gradients(rng):
    return scheme(rng)


def test_a_slice_that_lost_half_its_signal_is_found_and_mended(gradients, rng):
    image, brain, _ = series(gradients, rng=rng)
    data = image.get_fdata(dtype=np.float32)
    whole = data.copy()
    data[:, :, 12, 7] *= 0.5
    data[:, :, 20, 11] *= 0.7
    found = find_outliers(nib.Nifti1Image(data, AFFINE), mask=brain, gradients=gradients)
    assert np.argwhere(found.found).tolist() == [[12, 7], [20, 11]]
    slice_ = brain[:, :, 12]
    rest = (found.fixed - whole)[:, :, 12, 7][slice_]
    assert abs(rest.mean()) < 0.03 * whole[:, :, 12, 7][slice_].mean()
    assert found.loss[12, 7] > 0.3
    assert np.isnan(found.loss[:, :2]).all()


def test_a_clean_series_has_no_dropped_slices_and_stays(gradients, rng):
    image, brain, _ = series(gradients, rng=rng)
    found = find_outliers(image, mask=brain, gradients=gradients)
    assert not found.found.any()
    np.testing.assert_array_equal(found.fixed, image.get_fdata(dtype=np.float32))


@pytest.mark.parametrize("left", [0.0, 0.55])
@pytest.mark.fault(
    "Images",
    "one bad volume among good ones",
    "found; the limit for the others stays",
)
def test_a_volume_that_is_lost_as_a_whole_does_not_lift_the_limit_for_the_others(
    gradients, rng, left
):
    image, brain, _ = series(gradients, rng=rng)
    data = image.get_fdata(dtype=np.float32)
    whole = data.copy()
    data[..., 9] *= left
    data[:, :, 12, 7] *= 0.7
    found = find_outliers(nib.Nifti1Image(data, AFFINE), mask=brain, gradients=gradients)
    slices = np.flatnonzero(np.isfinite(found.loss[:, 9]))
    expected = sorted([[12, 7], *([int(one), 9] for one in slices)])
    assert np.argwhere(found.found).tolist() == expected
    rest = (found.fixed - whole)[brain]
    assert abs(rest.mean()) < 0.01 * whole[brain].mean()
    assert np.nanmedian(found.loss[:, 9]) > 0.4


def test_six_directions_cannot_tell_dropped_slices(rng):
    gradients = scheme(rng, count=6, zeros=1)
    image, brain, _ = series(gradients)
    assert find_outliers(image, mask=brain, gradients=gradients) is None


def tubes(gradients, told, rng):
    """Tensors along twenty thin straight bundles askew, with nothing between them."""
    shape = (26, 26, 26)
    place = np.stack(np.indices(shape) - 12.5, axis=-1)
    tensors = np.tile(0.8e-3 * np.eye(3), (*shape, 1, 1))
    for along in Rotation.random(20, rng=rng).as_matrix()[:, 0]:
        away = place - rng.uniform(-9, 9, 3)
        beside = np.linalg.norm(np.cross(away, along), axis=-1)
        tensors[beside < 1.3] = 0.4e-3 * np.eye(3) + 1.2e-3 * np.outer(along, along)
    b, g = gradients.b_values, gradients.directions
    signal = predict_signal(tensors, s0=np.ones(shape), b_values=b, directions=g)
    fit = fit_tensors(signal, b_values=b, directions=told)
    return measure_coherence(fit.tensors, mask=np.ones(shape, bool), affine=np.eye(4))


def test_gradients_as_they_are_keep_fibres_in_line(gradients, rng):
    assert tubes(gradients, gradients.directions, rng).best == "+x+y+z"


@pytest.mark.parametrize(
    ("change", "best"),
    [
        (np.diag([-1, 1, 1]), {"-x+y+z"}),
        (np.diag([1, -1, 1]), {"+x-y+z"}),
        (np.diag([1, 1, -1]), {"+x+y-z"}),
        (np.diag([-1, -1, 1]), {"+x+y-z"}),
        (np.eye(3)[[0, 2, 1]], {"+x+z+y"}),
        (np.eye(3)[[1, 0, 2]], {"+y+x+z"}),
    ],
)
def test_flipped_or_exchanged_axes_are_detected(gradients, rng, change, best):
    found = tubes(gradients, gradients.directions @ change.T, rng)
    assert found.best in best
    assert found.at_best > 1.2 * found.as_read


def test_what_holds_no_fibres_tells_nothing():
    found = measure_coherence(
        np.tile(np.eye(3), (9, 9, 9, 1, 1)), mask=np.ones((9, 9, 9), bool), affine=AFFINE
    )
    assert (found.best, found.n_voxels) == ("+x+y+z", 0)


def test_the_head_is_found_whatever_the_scale_and_orientation(rng):
    image, brain, _ = series(Gradients(np.zeros(1), np.zeros((1, 3))), rng=rng)
    b0 = image.slicer[..., 0]
    found = head_mask(b0)
    dice = 2 * (found & brain).sum() / (found.sum() + brain.sum())
    assert dice > 0.9
    scaled = nib.Nifti1Image(b0.get_fdata() * 9, AFFINE)
    np.testing.assert_array_equal(head_mask(scaled), found)
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    np.testing.assert_array_equal(head_mask(nib.Nifti1Image(b0.get_fdata(), turned @ AFFINE)),
                                  found)  # fmt: skip


def test_noise_alone_is_no_head(rng):
    with pytest.raises(ValueError, match="no head was found"):
        head_mask(nib.Nifti1Image(rng.random((20, 20, 20)), np.eye(4)))


GOOD = Coherence("+x+y+z", 0.2, 0.2, 9000)


def selection(n=30, fallback=False, b=1000.0):
    return Selection(volumes=np.arange(n), shells=(b,), n_directions=n, fallback=fallback)


@pytest.mark.parametrize(
    ("check", "state"),
    [
        (check_gradients(selection(), coherence=GOOD)[0], Qc.PASS),
        (check_gradients(selection(8), coherence=GOOD)[0], Qc.WARN),
        (check_gradients(selection(), coherence=GOOD)[1], Qc.PASS),
        (check_gradients(selection(12, fallback=True, b=1500), coherence=GOOD)[1], Qc.WARN),
        (check_gradients(selection(), coherence=GOOD)[2], Qc.PASS),
        (check_gradients(selection(), coherence=Coherence("-x+y+z", 0.1, 0.2, 9000))[2], Qc.FAIL),
        (check_gradients(selection(), coherence=Coherence("-x+y+z", 0.2, 0.201, 9000))[2], Qc.WARN),
        (check_gradients(selection(), coherence=Coherence("+x+y+z", 0, 0, 9))[2],
         Qc.NOT_ASSESSABLE),
        (check_motion(np.array([0, 0.5, 0.5]), dropped_share=None)[0], Qc.PASS),
        (check_motion(np.array([0, 1.5, 1.5]), dropped_share=None)[0], Qc.WARN),
        (check_motion(np.array([0, 5.0, 5.0]), dropped_share=None)[0], Qc.FAIL),
        (check_motion(None, dropped_share=0.01)[0], Qc.PASS),
        (check_motion(None, dropped_share=0.1)[0], Qc.WARN),
        (check_motion(None, dropped_share=0.5)[0], Qc.FAIL),
        (check_distortion("pair"), Qc.PASS),
        (check_distortion("t1w"), Qc.PASS),
        (check_distortion("external"), Qc.PASS),
        (check_distortion("none"), Qc.WARN),
        (check_distortion("off"), Qc.WARN),
        (check_distortion("unlike"), Qc.WARN),
    ],
)  # fmt: skip
def test_gates_judge_by_their_limits(check, state):
    assert check.state is state
    assert bool(check.advice) is (state is not Qc.PASS)


def test_uncorrected_distortion_is_named():
    assert "distortion uncorrected" in check_distortion("none").seen


def test_gates_of_the_image():
    fine = nib.Nifti1Image(np.zeros((4, 4, 4)), np.diag([2.0, 2, 2, 1]))
    thick = nib.Nifti1Image(np.zeros((4, 4, 4)), np.diag([2.0, 2, 4, 1]))
    states = [check.state for check in check_image(fine, snr=30.0, coverage=0.99)]
    assert states == [Qc.PASS] * 3
    states = [check.state for check in check_image(thick, snr=9.0, coverage=0.7)]
    assert states == [Qc.WARN] * 3
    states = [check.state for check in check_image(fine, snr=3.0, coverage=0.3)[1:]]
    assert states == [Qc.FAIL] * 2
    assert len(check_image(fine, snr=None, coverage=None)) == 1
