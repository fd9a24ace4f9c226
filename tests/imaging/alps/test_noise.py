"""How noise moves the DTI-ALPS index, and how well the bootstrap knows it."""

import numpy as np
import pytest

from npsle_app.imaging.alps.index import by_side, measure_regions
from npsle_app.imaging.alps.noise import bootstrap_sd
from npsle_app.imaging.alps.rois import PLACES, cut_sphere
from npsle_app.imaging.diffusion.tensor import fit_tensors
from tests.imaging.alps.scene import INDEX, make_grid, make_images

REPEATS = 100


@pytest.fixture(scope="module")
def scene():
    """The voxels of four spheres in 2 mm, cut out as a list; their signal without noise."""
    grid = make_grid()
    images = make_images(grid=grid)
    spheres = {p: cut_sphere(p.mni_mm + 0.3, radius_mm=2.5, grid=grid) for p in PLACES}
    usable = np.zeros(grid.shape, bool)
    for sphere in spheres.values():
        usable[tuple(sphere.voxels.T)] = True
    return images, spheres, usable


def noisy(images, rng, *, snr):
    shape = images.signal.shape
    real, imaginary = rng.normal(0, 1 / snr, (2, *shape))
    return np.hypot(images.signal + real, imaginary)


def index(signal, scene):
    images, spheres, usable = scene
    fit = fit_tensors(signal, b_values=images.b_values, directions=images.directions, mask=usable)
    regions = measure_regions(fit.tensors, spheres=spheres, usable=usable)
    return by_side(regions, rotation=np.eye(3))


@pytest.fixture(scope="module")
def repeated(scene):
    """Scans at a signal-to-noise ratio of 30, and the index of each."""
    rng = np.random.default_rng(20260101)
    scans = [noisy(scene[0], rng, snr=30) for _ in range(REPEATS)]
    return scans, [index(scan, scene) for scan in scans]


def test_at_snr_30_the_index_is_off_by_less_than_2_per_cent_and_spreads_by_less_than_0_04(repeated):
    for side in ("left", "right"):
        values = np.array([one[side] for one in repeated[1]])
        assert abs(values.mean() / INDEX - 1) < 0.02
        assert 0.005 < values.std(ddof=1) < 0.04


def test_the_bootstrap_knows_the_spread_that_repeated_scans_show(scene, repeated):
    images, spheres, usable = scene
    scans, indices = repeated
    true = np.std([one["left"] for one in indices], ddof=1)
    found = [
        bootstrap_sd(
            scan, b_values=images.b_values, directions=images.directions, spheres=spheres,
            usable=usable, rotation=np.eye(3), samples=100, seed=number,
        )["left"]
        for number, scan in enumerate(scans[:6])
    ]  # fmt: skip
    assert np.mean(found) == pytest.approx(true, rel=0.25)


def sd(scene, signal, *, seed=1, samples=30):
    images, spheres, usable = scene
    return bootstrap_sd(
        signal, b_values=images.b_values, directions=images.directions, spheres=spheres,
        usable=usable, rotation=np.eye(3), samples=samples, seed=seed,
    )  # fmt: skip


def test_a_signal_without_noise_has_no_spread(scene):
    assert sd(scene, scene[0].signal) == pytest.approx(dict.fromkeys(("left", "right", "mean"), 0))


def test_the_same_seed_gives_the_same_spread_and_another_one_not(scene, rng):
    signal = noisy(scene[0], rng, snr=30)
    assert sd(scene, signal) == sd(scene, signal)
    assert sd(scene, signal) != sd(scene, signal, seed=2)


def test_a_doubled_signal_spreads_as_the_single_one(scene, rng):
    signal = noisy(scene[0], rng, snr=30)
    assert sd(scene, 2 * signal) == pytest.approx(sd(scene, signal), rel=1e-6)


def test_the_mean_of_both_sides_spreads_less_than_either(scene, rng):
    found = sd(scene, noisy(scene[0], rng, snr=30), samples=200)
    assert found["mean"] < min(found["left"], found["right"])


def test_where_no_voxel_may_be_used_nothing_is_known(scene):
    images, spheres, usable = scene
    found = bootstrap_sd(
        images.signal, b_values=images.b_values, directions=images.directions, spheres=spheres,
        usable=usable & False, rotation=np.eye(3), samples=5, seed=1,
    )  # fmt: skip
    assert found == {"left": None, "right": None, "mean": None}
