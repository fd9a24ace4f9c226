"""The tissue model."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.tissue.mixture import CORTEX, CSF, DEEP, WM, fit_mixture
from npsle_app.settings import TissueSettings

SHAPE = (36, 30, 30)
MEANS = {CSF: 30.0, CORTEX: 65.0, WM: 100.0, DEEP: 82.0}


def fit(t1w, *, mask, priors, **changes):
    given = {"prior_weight": 0.5, "mrf_weight": 0.1, "iterations": 8} | changes
    return fit_mixture(
        t1w.astype(np.float32), mask=mask, priors=priors, zooms_mm=np.ones(3), **given
    )


def slabs(rng, *, sd=3.0):
    """Fluid, cortex, white matter, deep grey, white matter, cortex, fluid along the first axis."""
    order = [CSF, CORTEX, WM, DEEP, DEEP, WM, CORTEX, CSF]
    widths = [4, 5, 7, 2, 2, 7, 5, 4]
    line = np.repeat(order, widths)
    labels = np.broadcast_to(line[:, None, None], SHAPE)
    t1w = np.choose(labels, [MEANS[k] for k in range(4)]) + rng.normal(0, sd, SHAPE)
    priors = np.stack([np.where(labels == k, 0.85, 0.05) for k in range(4)]).astype(np.float32)
    return labels, t1w, priors


def noisy(rng):
    """Cortex about white matter, noise of half their contrast, nuclei nowhere near."""
    radius = np.sqrt(((np.indices(SHAPE) - np.reshape(SHAPE, (3, 1, 1, 1)) / 2) ** 2).sum(axis=0))
    labels = np.select([radius < 9, radius < 13], [WM, CORTEX], CSF)
    t1w = np.choose(labels, [45.0, 88.0, 100.0, 94.0]) + rng.normal(0, 6, SHAPE)
    priors = np.stack([np.where(labels == k, 0.6, 0.2) for k in range(4)]).astype(np.float32)
    priors[DEEP] = 0.02
    return labels, t1w, priors / priors.sum(axis=0)


@pytest.fixture
def solved(rng):
    labels, t1w, priors = slabs(rng)
    mask = np.ones(SHAPE, bool)
    mask[:, :2] = False
    return labels, mask, fit(t1w, mask=mask, priors=priors)


def test_known_tissues_are_told_apart(solved):
    labels, mask, shares = solved
    assert (shares.argmax(axis=0) == labels)[mask].mean() > 0.99


def test_volumes_are_those_of_the_truth(solved):
    labels, mask, shares = solved
    for tissues in ((CSF,), (CORTEX, DEEP), (WM,)):
        truth = sum((labels == tissue)[mask].sum() for tissue in tissues)
        assert sum(shares[tissue].sum() for tissue in tissues) == pytest.approx(truth, rel=0.02)


def test_deep_grey_matter_is_not_taken_for_a_mix_of_cortex_and_white_matter(solved):
    labels, mask, shares = solved
    assert shares[DEEP][mask & (labels == DEEP)].mean() > 0.88


def test_shares_add_to_one_inside_the_mask_and_are_nothing_outside(solved):
    _, mask, shares = solved
    assert np.allclose(shares.sum(axis=0)[mask], 1, atol=1e-5)
    assert not shares[:, ~mask].any()
    assert shares.min() >= 0


def test_a_mirrored_head_has_mirrored_tissue(rng):
    _, t1w, priors = slabs(rng)
    mask = np.ones(SHAPE, bool)
    straight = fit(t1w, mask=mask, priors=priors)
    mirrored = fit(t1w[:, ::-1], mask=mask, priors=priors[:, :, ::-1])
    assert np.allclose(mirrored, straight[:, :, ::-1], atol=1e-4)


def test_the_unit_of_the_image_does_not_matter(rng):
    _, t1w, priors = slabs(rng)
    mask = np.ones(SHAPE, bool)
    assert np.allclose(
        fit(7.3 * t1w, mask=mask, priors=priors), fit(t1w, mask=mask, priors=priors), atol=1e-3
    )


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_voxel_of_two_tissues_is_shared_between_them(rng, share):
    """One plane between fluid and cortex holds a known part of each."""
    _, t1w, priors = slabs(rng, sd=1.5)
    t1w[4] = MEANS[CSF] * (1 - share) + MEANS[CORTEX] * share
    priors[:, 4] = np.array([0.45, 0.45, 0.05, 0.05], np.float32)[:, None, None]
    shares = fit(t1w, mask=np.ones(SHAPE, bool), priors=priors, mrf_weight=0.0)
    assert shares[CORTEX, 4].mean() == pytest.approx(share, abs=0.12)


def test_noise_makes_no_grey_matter_of_white(rng):
    """Low contrast and much noise, as of scanners of the 1990s, with priors that say little."""
    labels, t1w, priors = noisy(rng)
    settings = TissueSettings()
    shares = fit(
        t1w,
        mask=np.ones(SHAPE, bool),
        priors=priors,
        prior_weight=settings.prior_weight,
        mrf_weight=settings.mrf_weight,
        iterations=settings.iterations,
    )
    inner = ndimage.binary_erosion(labels == WM)
    assert shares[WM][inner].mean() > 0.95
    assert shares[DEEP].sum() < 0.02 * (labels == WM).sum()
