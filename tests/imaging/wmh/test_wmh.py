"""What the lesion model promises."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from npsle_app import templates
from npsle_app.imaging.tissue.intensity import TissuePriors, fit_tissue
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.imaging.wmh.wmh import (
    count_lesions,
    lesion_probability,
    lesion_volumes_ml,
    lesions,
    soft_volume_ml,
)
from npsle_app.stages.participant.shared import read_lesion_model
from npsle_app.templates import Template
from tests.imaging.wmh.unpatterned import unpatterned

SHAPE = (30, 30, 30)  # leaves two voxels around the brain, as the search takes where it can
VOXEL_MM = np.full(3, 2.0)
FLAIR = {"csf": 30.0, "gm": 100.0, "wm": 85.0, "lesion": 135.0}
T1W = {"csf": 30.0, "gm": 100.0, "wm": 130.0, "lesion": 95.0}


def distance(centre, *, shape=SHAPE):
    axes = zip(np.indices(shape), centre, strict=True)
    return np.sqrt(sum((axis - c) ** 2 for axis, c in axes))


@dataclass
class Head:
    """A ball of white matter in a shell of cortex, a ventricle in its middle."""

    flair: np.ndarray
    t1w: np.ndarray
    brain: np.ndarray
    lesions: np.ndarray
    priors: LesionPriors

    def probability(self, **changes):
        given = {"brain": self.brain, "priors": self.priors} | changes
        images = given.pop("flair", self.flair), given.pop("t1w", self.t1w)
        return lesion_probability(
            *images, voxel_sizes_mm=VOXEL_MM, model=read_lesion_model(), **given
        ).probability


def make_head(rng, *, lesion_radius=2.5, shape=SHAPE):
    """Another `shape`, a cube too, holds a head of another size with lesions of the same."""
    size = shape[0] / 2
    middle = distance(np.array(shape) / 2, shape=shape) / size
    brain, core, ventricle = middle <= 0.864, middle <= 0.682, middle <= 0.227
    spots = size * np.array([(1, 1, 1.5), (1.41, 1, 1), (1, 0.545, 1)])
    near = [distance(spot, shape=shape) <= lesion_radius for spot in spots]
    lesion = np.any(near, axis=0) & core & ~ventricle
    parts = [("gm", brain & ~core), ("wm", core), ("csf", ventricle), ("lesion", lesion)]
    images = []
    for values in (FLAIR, T1W):
        image = np.zeros(shape)
        for name, where in parts:
            image[where] = values[name]
        noise = np.where(brain, rng.normal(0, 4, shape), 0)
        images.append((image + noise).astype(np.float32))
    soft = [
        ndimage.gaussian_filter((where).astype(np.float32), 0.8)
        for where in (brain & ~core, core & ~ventricle, ventricle)
    ]
    priors = LesionPriors(
        tissue=TissuePriors(gm=soft[0], wm=soft[1]),
        lesion=np.where(core, 0.1, 0.004).astype(np.float32),
        ventricles=soft[2],
        **unpatterned(shape),
    )
    return Head(*images, brain, lesion, priors)


@pytest.fixture(scope="module")
def whole():
    """A head as it was made, and the probability found in it: neither is to be changed."""
    head = make_head(np.random.default_rng(20260101))
    return head, head.probability()


@pytest.fixture
def plain(whole):
    return whole[1]


@pytest.fixture
def head(whole):
    return copy.deepcopy(whole[0])


def scale_of(head):
    return fit_tissue(head.flair[head.brain], priors=head.priors.tissue.at(head.brain)).scale


def found(probability, threshold=0.2):
    return lesions(probability, voxel_mm3=8, threshold=threshold, min_lesion_mm3=9)


def test_lesions_are_found_where_they_are(head, plain):
    mask = found(plain)
    overlap = 2 * (mask & head.lesions).sum() / (mask.sum() + head.lesions.sum())
    assert overlap > 0.8
    assert count_lesions(mask) == 3


def test_a_head_without_lesions_has_none(rng):
    healthy = make_head(rng, lesion_radius=-1)
    assert found(healthy.probability()).sum() == 0


@pytest.mark.parametrize("factor", [1e-3, 4096])
def test_the_unit_of_the_images_does_not_matter(head, plain, factor):
    """Each intensity is divided by the median of grey matter, and only ratios go on."""
    scaled = head.probability(flair=head.flair * np.float32(factor), t1w=head.t1w * 7)
    np.testing.assert_allclose(scaled, plain, atol=2e-3)


def test_the_scale_is_the_median_of_grey_matter(head):
    assert scale_of(head) == pytest.approx(FLAIR["gm"], rel=0.01)


def test_lesion_load_does_not_move_the_scale(rng):
    """The trap that took a pilot from 0.62 to 0.04 Dice.

    A scaling by white matter, here its mean, moves with the lesions that are looked for;
    grey matter where the template has grey matter holds no lesions.
    """
    light, heavy = make_head(rng, lesion_radius=1), make_head(rng, lesion_radius=6)
    means = [head.flair[head.priors.tissue.wm > 0.9].mean() for head in (light, heavy)]
    assert heavy.lesions.sum() > 0.1 * (heavy.priors.tissue.wm > 0.5).sum()
    assert means[1] / means[0] > 1.05
    assert scale_of(heavy) == pytest.approx(scale_of(light), rel=0.005)


def test_nothing_is_found_outside_the_brain_mask(head):
    head.flair[:, :, :3] = 500
    covered = head.brain & (np.indices(SHAPE)[2] < 19)
    assert not head.probability(brain=covered)[~covered].any()


def test_a_bright_patch_of_cortex_is_no_lesion(head):
    patch = (distance((2, 15, 15)) < 3) & head.brain
    head.flair[patch] = FLAIR["lesion"]
    assert not (found(head.probability()) & patch).any()


def test_a_bright_plexus_in_the_ventricle_is_no_lesion(rng):
    shape = (44, 44, 44)  # a ventricle wide enough to have a middle
    head, plexus = make_head(rng, shape=shape), distance((22, 22, 22), shape=shape) < 2
    head.flair[plexus] = FLAIR["lesion"]
    assert not (found(head.probability()) & plexus).any()


def test_a_faint_speck_without_a_core_is_no_lesion(head):
    """Between the lesions and noise: what is nowhere likely is left out altogether."""
    faint = distance((9, 15, 20)) < 1.8
    faded = head.flair.copy()
    faded[faint] = 104
    assert not found(head.probability(flair=faded))[faint].any()


def test_probabilities_lie_between_0_and_1(plain):
    assert plain.dtype == np.float32
    assert plain.min() == 0
    assert plain.max() <= 1


def test_flair_that_misses_the_brain_is_refused(head):
    with pytest.raises(ValueError, match="FLAIR covers no voxel of the brain"):
        head.probability(brain=np.zeros(SHAPE, dtype=bool))


def test_an_image_without_grey_matter_is_refused():
    with pytest.raises(ValueError, match="look at the brain mask and at the registration"):
        fit_tissue(
            np.full(10, 85, np.float32),
            priors=TissuePriors(gm=np.zeros(10, np.float32), wm=np.ones(10, np.float32)),
        )


def test_a_higher_threshold_never_finds_more(plain):
    volumes = lesion_volumes_ml(plain, voxel_mm3=8, min_lesion_mm3=9)
    assert list(volumes) == [0.1, 0.2, 0.3, 0.5]
    assert sorted(volumes.values(), reverse=True) == list(volumes.values())
    assert volumes[0.2] > 0


def test_volumes_of_an_empty_map_are_0():
    empty = np.zeros((5, 5, 5), np.float32)
    assert set(lesion_volumes_ml(empty, voxel_mm3=1, min_lesion_mm3=9).values()) == {0.0}


@pytest.mark.parametrize(("voxel_mm3", "kept"), [(1.0, 0), (2.4, 4), (20.0, 4)])
def test_the_smallest_lesion_is_told_in_mm3(voxel_mm3, kept):
    probability = np.zeros((6, 6, 6), np.float32)
    probability[1:3, 1:3, 1] = 0.9
    mask = lesions(probability, voxel_mm3=voxel_mm3, threshold=0.2, min_lesion_mm3=9)
    assert mask.sum() == kept


def test_a_single_thick_voxel_is_no_lesion():
    probability = np.zeros((4, 4, 4), np.float32)
    probability[1, 1, 1] = 0.9
    assert not lesions(probability, voxel_mm3=20, threshold=0.2, min_lesion_mm3=9).any()


def test_a_hole_inside_a_lesion_is_lesion():
    probability = np.zeros((7, 7, 7), np.float32)
    probability[2:5, 2:5, 2:5] = 0.9
    probability[3, 3, 3] = 0
    assert lesions(probability, voxel_mm3=1, threshold=0.2, min_lesion_mm3=9)[3, 3, 3]


def test_soft_volume_sums_the_probability_from_0_05_on():
    probability = np.zeros((10, 10, 10), np.float32)
    probability[0, 0, :4] = 0.5
    probability[5] = 0.049
    assert soft_volume_ml(probability, voxel_mm3=1000) == pytest.approx(2.0)


def test_lesions_far_away_do_not_change_what_a_voxel_has(head, plain):
    """The odds of every voxel once followed the total load."""
    flair = head.flair.copy()
    far = np.zeros(head.brain.shape, bool)
    far[: head.brain.shape[0] // 3] = True
    white = (head.priors.tissue.wm > 0.9) & ~head.lesions & head.brain
    flair[far & white] *= np.float32(1.5)
    near = ~ndimage.binary_dilation(far, iterations=12)
    found = head.probability(flair=flair)
    before, after = (np.count_nonzero((image >= 0.2) & near) for image in (plain, found))
    assert before > 0
    assert after == pytest.approx(before, rel=0.05)


def test_the_prior_that_ships_is_symmetric_and_nowhere_0():
    prior = templates.load(Template.WMH_PRIOR)
    values = np.asarray(prior.dataobj)
    assert values.dtype == np.uint8
    assert values.min() == 1
    assert np.abs(values.astype(int) - values[::-1]).max() <= 1
    assert templates.locate(Template.WMH_PRIOR).stat().st_size < 1e6


def test_the_prior_that_ships_expects_lesions_beside_the_ventricles():
    prior = templates.load(Template.WMH_PRIOR)
    values = np.asarray(prior.dataobj) / 255

    def at(x, y, z):
        place = np.round(np.linalg.inv(prior.affine) @ [x, y, z, 1])[:3].astype(int)
        return values[tuple(place)]

    assert at(26, -45, 20) > 0.15  # beside the posterior horn
    assert at(60, -20, 10) < 0.02  # temporal cortex
