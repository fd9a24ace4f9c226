"""How noise and place move the DTI-ALPS index, and how well the bootstrap knows it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as t_distribution

from npsle_app.imaging.alps.index import image_axes
from npsle_app.imaging.alps.noise import Spread, bootstrap_spread, draw_placements
from npsle_app.imaging.alps.rois import PLACES, template_sphere_mm
from npsle_app.imaging.alps.variants import SPHERE, WEIGHTED, measure_variants, place_regions
from npsle_app.imaging.diffusion.tensor import fit_tensors
from tests.imaging.alps.scene import INDEX, make_grid, make_images

pytestmark = pytest.mark.long

REPEATS = 40
SIDES = ("left", "right", "mean")


@pytest.fixture(scope="module")
def scene():
    """Regions in voxels of 2 mm, and their signal without noise."""
    grid = make_grid()
    images = make_images(grid=grid)
    placement = place_regions(
        {place: place.mni_mm + 0.3 for place in PLACES},
        template_points={place: template_sphere_mm(place) for place in PLACES},
        rotation=np.eye(3), radius_mm=2.5, grid=grid,
    )  # fmt: skip
    usable = np.zeros(grid.shape, bool)
    usable[tuple(placement.voxels.T)] = True
    return images, placement, usable


def noisy(images, rng, *, snr):
    signal = images.series.signal
    real, imaginary = rng.normal(0, 1 / snr, (2, *signal.shape))
    return np.hypot(signal + real, imaginary)


def fitted(signal, scene):
    images, _, usable = scene
    series = images.series
    return fit_tensors(
        signal, b_values=series.b_values, directions=series.directions, mask=usable
    ).tensors


def index(signal, scene):
    images, placement, usable = scene
    return measure_variants(
        fitted(signal, scene), placement=placement, usable=usable, axes=image_axes(images.grid)
    ).indices


def spread(scene, signal, *, removed=None, seed=1, samples=30):
    """Bootstrap with regions that stay in place."""
    images, placement, usable = scene
    return bootstrap_spread(
        replace(images.series, signal=signal, removed=removed), placement=placement,
        placements=samples * [placement], tensors=fitted(signal, scene), usable=usable,
        grid=images.grid, rng=np.random.default_rng(seed),
    )  # fmt: skip


@pytest.fixture(scope="module")
def repeated(scene):
    """Scans at a signal-to-noise ratio of 30, and the index of each."""
    rng = np.random.default_rng(20260101)
    scans = [noisy(scene[0], rng, snr=30) for _ in range(REPEATS)]
    return scans, [index(scan, scene) for scan in scans]


@pytest.mark.parametrize("variant", [SPHERE, WEIGHTED])
def test_at_snr_30_the_index_is_off_by_less_than_2_per_cent_and_spreads_by_less_than_0_04(
    repeated, variant
):
    for side in ("left", "right"):
        values = np.array([one[variant][side] for one in repeated[1]])
        assert abs(values.mean() / INDEX - 1) < 0.02
        assert 0.001 < values.std(ddof=1) < 0.04


def test_the_bootstrap_knows_the_spread_that_repeated_scans_show(scene, repeated):
    scans, indices = repeated
    found = [spread(scene, scan, seed=number, samples=60) for number, scan in enumerate(scans[:5])]
    true = np.std([one[SPHERE]["left"] for one in indices], ddof=1)
    assert np.mean([one.sd[SPHERE]["left"] for one in found]) == pytest.approx(true, rel=0.25)


def test_few_volumes_widen_the_interval(scene):
    assert spread(scene, scene[0].series.signal, samples=2).interval == pytest.approx(
        t_distribution.ppf(0.975, 31 - 7)
    )


def test_what_spoils_a_volume_everywhere_spreads_more_than_what_spoils_voxels(scene, rng):
    signal = scene[0].series.signal
    alone = signal * rng.normal(1, 0.03, signal.shape)
    common = signal * rng.normal(1, 0.03, signal.shape[-1])
    for variant in (SPHERE, WEIGHTED):
        assert (
            spread(scene, common).sd[variant]["mean"] > 2 * spread(scene, alone).sd[variant]["mean"]
        )


def test_what_denoising_took_away_counts(scene, rng):
    clean = scene[0].series.signal
    removed = noisy(scene[0], rng, snr=30) - clean
    assert spread(scene, clean).sd[SPHERE]["left"] < 1e-6
    assert spread(scene, clean, removed=removed).sd[SPHERE]["left"] > 0.005


def test_regions_that_move_spread_where_tensors_change_over_space(scene):
    images, placement, _ = scene
    tensors = images.tensors.copy()
    tensors[..., 0, 0] *= np.linspace(0.8, 1.2, images.grid.shape[1])[:, None]
    rng = np.random.default_rng(1)
    placements = draw_placements(
        {place: place.mni_mm for place in PLACES},
        template_points={place: template_sphere_mm(place) for place in PLACES},
        rotation=np.eye(3), radius_mm=2.5, grid=images.grid, samples=30, rng=rng,
    )  # fmt: skip
    everywhere = np.ones(images.grid.shape, bool)
    found = bootstrap_spread(
        images.series, placement=placement, placements=placements, tensors=tensors,
        usable=everywhere, grid=images.grid, rng=rng,
    )  # fmt: skip
    # 0.5 mm of 78 mm over which Dxx changes by 40 %
    assert found.sd[SPHERE]["left"] == pytest.approx(INDEX * 0.4 * 0.5 / 78 / 2**0.5, rel=0.5)


def test_the_same_seed_gives_the_same_spread_and_another_one_not(scene, rng):
    signal = noisy(scene[0], rng, snr=30)
    assert spread(scene, signal) == spread(scene, signal)
    assert spread(scene, signal) != spread(scene, signal, seed=2)


def test_a_doubled_signal_spreads_as_the_single_one(scene, rng):
    signal = noisy(scene[0], rng, snr=30)
    once, twice = spread(scene, signal), spread(scene, 2 * signal)
    for variant, values in once.sd.items():
        assert twice.sd[variant] == pytest.approx(values, rel=1e-6)


def test_where_no_voxel_may_be_used_nothing_is_known(scene):
    images, placement, usable = scene
    found = bootstrap_spread(
        images.series, placement=placement, placements=3 * [placement],
        tensors=0 * images.tensors, usable=usable & False, grid=images.grid,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    for variant in (SPHERE, WEIGHTED, "local_frame", "principal_axes"):
        assert found.sd[variant] == dict.fromkeys(SIDES)


def test_an_interval_about_what_is_not_known_is_not_known():
    found = Spread(sd={SPHERE: {"left": None, "right": 0.1}}, interval=2.0)
    assert found.bounds(SPHERE, side="left", value=1.5) is None
    assert found.bounds(SPHERE, side="right", value=None) is None
    assert found.bounds(SPHERE, side="right", value=1.5) == (1.3, 1.7)
