"""What is told of a voxel that might be lesion."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.wmh.features import FEATURES, LesionPriors, find_candidates, smooth_inside
from tests.imaging.wmh.unpatterned import unpatterned

SHAPE = (60, 60, 60)
MIDDLE = np.sqrt(sum((axis - 30.0) ** 2 for axis in np.indices(SHAPE)))
SPOT = np.sqrt(
    sum((axis - c) ** 2 for axis, c in zip(np.indices(SHAPE), (30, 45, 30), strict=True))
)
BRAIN, CORE, VENTRICLE, LESION = MIDDLE <= 28, MIDDLE <= 22, MIDDLE <= 6, SPOT <= 3


def paint(rng, *, csf, gm, wm, lesion):
    image = np.zeros(SHAPE)
    for where, value in ((BRAIN, gm), (CORE, wm), (VENTRICLE, csf), (LESION, lesion)):
        image[where] = value
    return (image + np.where(BRAIN, rng.normal(0, 2, SHAPE), 0)).astype(np.float32)


@pytest.fixture(scope="module")
def head():
    rng = np.random.default_rng(20260101)
    flair = paint(rng, csf=20, gm=100, wm=85, lesion=135)
    t1w = paint(rng, csf=30, gm=80, wm=110, lesion=90)
    soft = [
        ndimage.gaussian_filter(where.astype(np.float32), 1)
        for where in (BRAIN & ~CORE, CORE & ~VENTRICLE, VENTRICLE)
    ]
    priors = LesionPriors(
        tissue=TissuePriors(gm=soft[0], wm=soft[1]),
        lesion=np.where(CORE, 0.1, 0.004).astype(np.float32),
        ventricles=soft[2],
        **unpatterned(BRAIN.shape),
    )
    return flair, t1w, priors


@pytest.fixture(scope="module")
def described(head):
    flair, t1w, priors = head
    return find_candidates(flair, t1w, brain=BRAIN, priors=priors)


def feature(candidates, name, where):
    return candidates.values[where[candidates.where], FEATURES.index(name)]


def test_each_candidate_has_every_feature(described):
    assert described.values.shape == (described.where.sum(), len(FEATURES))
    assert described.values.dtype == np.float32
    assert np.isfinite(described.values).all()


def test_lesions_are_candidates_and_most_of_normal_white_matter_is_not(described):
    inner = MIDDLE < 19
    assert described.where[LESION].all()
    assert described.where[inner & ~LESION & ~VENTRICLE & (SPOT > 6)].mean() < 0.4


def test_brightness_is_in_units_of_grey_matter_above_no_signal(described):
    """20, the fluid, is the darkest and counts as 0; grey matter counts as 1."""
    centre = SPOT < 1.5
    expected = (135 - 20) / (100 - 20) - 1
    assert np.median(feature(described, "brightness", centre)) == pytest.approx(expected, abs=0.08)


def test_a_lesion_stands_out_of_the_white_matter_around(described):
    over = feature(described, "over_white", SPOT < 1.5)
    assert np.median(over) == pytest.approx((135 - 85) / (100 - 20), abs=0.08)


def test_the_centre_of_a_bright_spot_curves_down_in_every_direction(described):
    assert (feature(described, "curvature_high", SPOT < 1) < 0).all()


def test_t1w_is_0_at_grey_matter_and_lesions_lie_between_it_and_white_matter(described):
    t1w = np.median(feature(described, "t1w", SPOT < 2))
    assert 0 < t1w < (110 - 80) / (110 - 30)


def test_distances_are_in_mm(described):
    at = np.abs(SPOT) < 0.5
    assert feature(described, "from_ventricles", at)[0] == pytest.approx(15 - 6, abs=1)
    assert feature(described, "from_outer_fluid", at)[0] == pytest.approx(28 - 15, abs=1.5)


def test_fluid_is_found_in_t1w(described):
    fluid = described.fluid
    assert fluid[MIDDLE < 4].all()
    assert not fluid[LESION].any()


@pytest.mark.parametrize(("factor", "constant"), [(0.01, 0), (30, 0), (1, 500), (2, -90)])
def test_neither_a_factor_nor_a_constant_changes_a_feature(head, described, factor, constant):
    flair, t1w, priors = head
    other = find_candidates(
        np.float32(factor) * flair + np.float32(constant), t1w, brain=BRAIN, priors=priors
    )
    both = described.where & other.where
    assert both.sum() > 0.999 * described.where.sum()
    np.testing.assert_allclose(
        other.values[both[other.where]], described.values[both[described.where]], atol=5e-3
    )


def test_smoothing_inside_a_mask_does_not_darken_its_edge():
    smooth = smooth_inside(np.full(SHAPE, 7, np.float32), mask=CORE, sigma_mm=2)
    np.testing.assert_allclose(smooth[CORE], 7, rtol=1e-5)
    assert not smooth[~CORE].any()
