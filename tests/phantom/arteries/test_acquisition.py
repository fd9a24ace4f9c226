"""Scanners: they keep place and brightness, and blur, ring and hiss as they say."""

import numpy as np
import pytest

from npsle_app.phantom.arteries.acquisition import GaussianScanner, SpinEchoTrain

SCANNERS = [
    GaussianScanner(),
    GaussianScanner(parts=(3, 4, 5)),
    SpinEchoTrain(train_of_t2=0.0),
    SpinEchoTrain(parts=(3, 4, 5), filtered=0.3),
    SpinEchoTrain(order="centre-out", phase=0, partition=2),
]


def ball(parts, *, shape=(12, 12, 12), radius=8.0):
    """Return a ball on the fine grid, off its middle, and where it lies in voxels."""
    fine = np.indices([n * part for n, part in zip(shape, parts, strict=True)])
    middle = np.array([26.0, 22.0, 24.0]) * np.array(parts) / 4
    made = np.sum((fine - middle.reshape(3, 1, 1, 1)) ** 2, axis=0) <= radius**2
    return made.astype(np.float32), (middle + 0.5) / parts - 0.5


def scanned(scanner, fine, *, noise_sd=0.0):
    return scanner.magnitude(fine, noise_sd=noise_sd, rng=np.random.default_rng(0))


@pytest.mark.parametrize("scanner", SCANNERS)
def test_what_is_scanned_stays_where_it_is(scanner):
    fine, middle = ball(scanner.parts)
    image = scanned(scanner, fine)
    bright = np.where(image > 0.3, image, 0)
    seen = [np.average(place, weights=bright) for place in np.indices(image.shape)]
    assert seen == pytest.approx(middle, abs=0.1)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_an_even_object_keeps_its_brightness(scanner):
    fine = np.full([8 * part for part in scanner.parts], 0.7, np.float32)
    assert scanned(scanner, fine) == pytest.approx(np.full((8, 8, 8), 0.7), rel=1e-5)


@pytest.mark.parametrize("scanner", [GaussianScanner(), SpinEchoTrain()])
def test_noise_has_its_level_in_bright_tissue(scanner):
    fine = np.ones([24 * part for part in scanner.parts], np.float32)
    assert scanned(scanner, fine, noise_sd=0.05).std() == pytest.approx(0.05, rel=0.05)


def test_a_filter_takes_noise_out_with_the_fine_detail():
    fine = np.ones((96, 96, 96), np.float32)
    raw, smooth = (
        scanned(SpinEchoTrain(filtered=share), fine, noise_sd=0.05).std() for share in (0.0, 0.5)
    )
    assert smooth < 0.9 * raw


def edge_width(scanner, *, axis):
    """Return over how many voxels an edge rises from 0.2 to 0.8 of its height."""
    fine = np.zeros((64, 64, 64), np.float32)
    fine[tuple(slice(16, 48) if k == axis else slice(None) for k in range(3))] = 1
    line = np.moveaxis(scanned(scanner, fine), axis, 0)[:9, 8, 8]
    at = [np.interp(level, line[:7], np.arange(7)) for level in (0.2, 0.8)]
    return at[1] - at[0]


def test_a_cut_off_rings_and_a_gaussian_does_not():
    fine = np.zeros((64, 64, 64), np.float32)
    fine[18:46] = 1
    sharp, soft = (scanned(each, fine)[:, 8, 8] for each in (SpinEchoTrain(), GaussianScanner()))
    assert sharp.max() > 1.05
    assert soft.max() <= 1.001


def test_a_train_from_the_centre_out_blurs_along_its_axis_alone():
    train = SpinEchoTrain(train_of_t2=1.5, order="centre-out", phase=1, filtered=0.3)
    assert edge_width(train, axis=1) > 1.15 * edge_width(train, axis=2)
