"""Volumes without signal are left out and named; runs of another scale are scaled and judged."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.diffusion.checks import check_diffusivity, check_volumes
from npsle_app.imaging.diffusion.gradients import Gradients, mean_brightest
from npsle_app.imaging.diffusion.volumes import find_unusable, join_runs
from npsle_app.records import Qc
from tests.imaging.diffusion.scene import AFFINE, scheme, series


@pytest.fixture
def gradients(rng):
    return scheme(rng)


@pytest.fixture
def clean(gradients, rng):
    return series(gradients, rng=rng)[0].get_fdata(dtype=np.float32)


def image(data):
    return nib.Nifti1Image(data.astype(np.float32), AFFINE)


def join(*parts, names=None):
    names = names or [f"run-{n}" for n in range(1, len(parts) + 1)]
    return join_runs([image(data) for data, _ in parts], gradients=[own for _, own in parts],
                     names=names)  # fmt: skip


def test_a_clean_series_is_left_as_it_is(clean, gradients):
    given = image(clean)
    found = join_runs([given], gradients=[gradients], names=["series"])
    assert found.series is given
    assert (found.left_out, found.levels, found.n_volumes) == ((), (1.0,), 22)
    assert [check.state for check in check_volumes(found)] == [Qc.PASS]


@pytest.mark.parametrize("blank", [[0], [1], [2], [11], [21], [5, 6, 7]])
def test_blank_volumes_are_left_out_wherever_they_stand(clean, gradients, blank):
    clean[..., blank] = 0
    found = join((clean, gradients), names=["sub-01_dwi.nii.gz"])
    kept = np.setdiff1d(np.arange(22), blank)
    np.testing.assert_array_equal(found.series.get_fdata(dtype=np.float32), clean[..., kept])
    np.testing.assert_array_equal(found.gradients.b_values, gradients.b_values[kept])
    assert found.left_out == tuple(
        f"Volume {n} (from 0) of sub-01_dwi.nii.gz was left out: it is blank." for n in blank
    )
    assert check_volumes(found)[0].state is Qc.WARN


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [0.0, 20.0])
@pytest.mark.fault(
    "Images",
    "volume that is half blank",
    "left out and named",
)
def test_a_volume_that_stopped_half_way_is_left_out_along_any_axis(clean, gradients, axis, value):
    half = [slice(None)] * 3
    half[axis] = slice(clean.shape[axis] // 2, None)
    clean[(*half, 9)] = value
    faults = find_unusable(image(clean), gradients=gradients)
    assert list(faults) == [9]
    assert "of its planes have lost their signal" in faults[9]


def test_a_volume_without_numbers_is_left_out(clean, gradients):
    clean[..., 4] = np.nan
    assert find_unusable(image(clean), gradients=gradients) == {
        4: "it holds values that are no numbers"
    }


def test_noise_alone_is_no_signal(clean, gradients, rng):
    clean[..., 4] = np.abs(rng.normal(0, 20, clean.shape[:3]))
    assert list(find_unusable(image(clean), gradients=gradients)) == [4]


def test_a_volume_in_another_scale_is_left_out(clean, gradients):
    clean[..., 15] *= 3
    faults = find_unusable(image(clean), gradients=gradients)
    assert faults == {15: "it is 3.0 times as bright as its shell"}


def test_a_few_dropped_slices_are_left_to_be_mended(clean, gradients):
    clean[:, :, 12:15, 7] *= 0.2
    assert find_unusable(image(clean), gradients=gradients) == {}


def test_lone_shells_lose_volumes_only_where_they_are_blank(clean, gradients):
    b_values = np.r_[0, 0, np.linspace(100, 3000, 20)]
    data = clean * np.exp(-b_values * 0.7e-3)
    own = Gradients(b_values, gradients.directions)
    assert find_unusable(image(data), gradients=own) == {}
    data[..., 13] = 0
    assert list(find_unusable(image(data), gradients=own)) == [13]


def test_a_series_without_any_signal_at_b_0_is_refused_in_words(clean, gradients):
    clean[..., :2] = 0
    with pytest.raises(ValueError, match="all volumes without diffusion weighting have lost"):
        join((clean, gradients))
    with pytest.raises(ValueError, match="no volume has a signal"):
        join((0 * clean, gradients))


def halves(gradients):
    first, second = np.r_[0, 2:12], np.r_[1, 12:22]
    return (first, gradients.take(first)), (second, gradients.take(second))


@pytest.mark.parametrize(
    ("factor", "state"),
    [(1.0, Qc.PASS), (0.95, Qc.PASS), (0.85, Qc.WARN), (1.3, Qc.WARN), (0.5, Qc.FAIL),
     (3.0, Qc.FAIL)],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "runs in another scale",
    "scaled and told; beyond a factor of 1.5 the check fails",
)
def test_runs_of_another_scale_are_scaled_and_judged(clean, gradients, factor, state):
    (first, own), (second, other) = halves(gradients)
    found = join((clean[..., first], own), (clean[..., second] * factor, other))
    expected = np.concatenate([clean[..., first], clean[..., second]], axis=3)
    scaled = found.series.get_fdata(dtype=np.float32)
    np.testing.assert_allclose(scaled[expected > 100] / expected[expected > 100], 1, atol=0.02)
    assert found.levels[1] == pytest.approx(factor, rel=0.01)
    check = check_volumes(found)[1]
    assert (check.name, check.state) == ("DWI runs", state)


def test_runs_of_one_scale_are_not_touched(clean, gradients):
    (first, own), (second, other) = halves(gradients)
    found = join((clean[..., first], own), (clean[..., second], other))
    np.testing.assert_array_equal(
        found.series.get_fdata(dtype=np.float32)[..., len(first) :], clean[..., second]
    )


def test_a_run_without_b_0_is_scaled_by_the_shell_that_both_have(clean, gradients):
    first, second = np.r_[0, 1, 2:12], np.r_[12:22]
    found = join(
        (clean[..., first], gradients.take(first)),
        (clean[..., second] * 0.8, gradients.take(second)),
    )
    assert found.levels[1] == pytest.approx(0.8, rel=0.03)


def test_runs_that_nothing_compares_fail_the_check(clean, gradients):
    first, second = np.r_[0, 1, 2:12], np.r_[12:22]
    other = gradients.take(second)
    found = join(
        (clean[..., first], gradients.take(first)),
        (clean[..., second], Gradients(other.b_values + 1000, other.directions)),
    )
    assert np.isnan(found.levels[1])
    assert check_volumes(found)[1].state is Qc.FAIL


def test_a_run_without_any_signal_is_left_out_and_the_other_measured(clean, gradients):
    (first, own), (second, other) = halves(gradients)
    found = join((clean[..., first], own), (0 * clean[..., second], other))
    assert found.series.shape[3] == len(first)
    assert check_volumes(found)[0].state is Qc.FAIL


def test_without_b_values_the_brightest_volumes_are_those_without_weighting(clean):
    np.testing.assert_allclose(
        mean_brightest(image(clean), b_values=None).get_fdata(), clean[..., :2].mean(-1), rtol=1e-6
    )
    lone = image(clean[..., 0])
    assert mean_brightest(lone, b_values=np.array([0.0])) is lone
    blank = clean[..., :3].copy()
    blank[..., 1] = 0
    np.testing.assert_array_equal(
        mean_brightest(image(blank), b_values=np.array([0.0, 0, 1000])).get_fdata(),
        blank[..., 0],
    )
    with pytest.raises(ValueError, match="no volume without diffusion weighting"):
        mean_brightest(image(clean), b_values=np.full(22, 900.0))


@pytest.mark.parametrize(
    ("median", "state"),
    [(0.8e-3, Qc.PASS), (0.5e-3, Qc.WARN), (1.5e-3, Qc.WARN), (0.01e-3, Qc.FAIL),
     (2.5e-3, Qc.FAIL), (np.nan, Qc.FAIL)],
)  # fmt: skip
@pytest.mark.fault(
    "Images",
    "b-values that are not those of the volumes",
    "the mean diffusivity fails its check",
)
def test_a_diffusivity_that_tissue_does_not_have_is_flagged(median, state):
    check = check_diffusivity(median)
    assert check.state is state
    assert bool(check.advice) is (state is not Qc.PASS)
