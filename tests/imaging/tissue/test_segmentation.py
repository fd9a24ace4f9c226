"""From tissue maps to volumes."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.tissue.segmentation import (
    TissueMaps,
    TissuePriors,
    contrast,
    count_lesions_as_white_matter,
    measure,
    segment,
    volume_ml,
)

OBLIQUE = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.2, 0.1, 0) @ np.diag([1, 2, 3.0]))
COARSE = np.diag([3.0, 3.0, 3.0, 1.0])
SHAPE = (10, 10, 10)


def nifti(data, affine=OBLIQUE):
    return nib.Nifti1Image(np.asarray(data, np.float32), affine)


@pytest.fixture
def maps(rng):
    parts = rng.dirichlet([1, 1, 1], size=SHAPE)
    parts[0] = 0
    return TissueMaps(*(nifti(parts[..., k]) for k in range(3)))


@pytest.fixture
def lesions():
    mask = np.zeros(SHAPE)
    mask[4:6, 5, 5] = 1
    return nifti(mask)


def test_volume_is_the_sum_of_fractions_times_the_voxel():
    assert volume_ml(nifti(np.full(SHAPE, 0.5))) == pytest.approx(500 * 6 / 1000)


def test_lesions_count_as_white_matter_and_as_nothing_else(maps, lesions):
    found = count_lesions_as_white_matter(maps, lesions)
    inside = lesions.get_fdata() > 0
    assert np.all(found.wm.get_fdata()[inside] == 1)
    assert not found.gm.get_fdata()[inside].any()
    assert not found.csf.get_fdata()[inside].any()
    assert np.array_equal(found.gm.get_fdata()[~inside], maps.gm.get_fdata()[~inside])


def test_white_matter_is_also_given_without_lesions(maps, lesions):
    found = measure(
        count_lesions_as_white_matter(maps, lesions), intracranial=None, lesions=lesions
    )
    assert found.wm_ml - found.wm_without_wmh_ml == pytest.approx(2 * 6 / 1000)


def test_brain_volume_is_grey_plus_white_matter(maps):
    found = measure(maps, intracranial=nifti(np.ones(SHAPE)), lesions=None).as_measures()
    assert found["tbv_ml"] == found["gm_ml"] + found["wm_ml"]
    assert found["tiv_ml"] == pytest.approx(6)
    assert found["wm_without_wmh_ml"] == found["wm_ml"]


def test_without_a_skull_neither_tiv_nor_fluid_is_known(maps):
    found = measure(maps, intracranial=None, lesions=None)
    assert found.tiv_ml is None
    assert found.csf_ml is None


def test_labels_name_the_likeliest_class_and_nothing_outside(maps):
    labels = np.asarray(maps.labels.dataobj)
    assert not labels[0].any()
    assert set(np.unique(labels[1:])) == {1, 2, 3}
    assert maps.gm.get_fdata()[labels == 1].min() > 1 / 3 - 1e-6


def test_contrast_is_that_of_the_classes(rng):
    labels = rng.integers(0, 2, SHAPE)
    t1w = nifti(np.where(labels == 1, 100, 60) + rng.normal(0, 4, SHAPE))
    sure = TissueMaps(nifti(labels == 0), nifti(labels == 1), nifti(np.zeros(SHAPE)))
    found = contrast(t1w, sure)
    assert found.cnr == pytest.approx(40 / np.hypot(4, 4), rel=0.15)
    assert found.snr_wm == pytest.approx(25, rel=0.15)


def test_without_tissue_there_is_no_contrast():
    nothing = nifti(np.zeros(SHAPE))
    found = contrast(nothing, TissueMaps(nothing, nothing, nothing))
    assert (found.cnr, found.snr_wm) == (0, 0)


def test_deep_grey_matter_is_grey_although_it_is_brighter_than_cortex(rng):
    """A ball with a bright nucleus, on an oblique grid cut to its mask."""
    shape = (36, 36, 36)
    radius = np.sqrt(((np.indices(shape) - 17.5) ** 2).sum(axis=0))
    nucleus, white, cortex, head = radius < 5, radius < 11, radius < 14, radius < 16
    t1w = np.select([nucleus, white, cortex, head], [84.0, 100.0, 65.0, 30.0])
    t1w += rng.normal(0, 3, shape)
    gm, wm = cortex & ~white, white & ~nucleus
    priors = TissuePriors(
        gm=nifti(0.9 * gm), wm=nifti(0.9 * wm + 0.6 * nucleus), deep_gm=nifti(0.9 * nucleus)
    )
    found = segment(
        nifti(t1w),
        mask=nifti(head),
        brain=nifti(radius < 14),
        priors=priors,
        prior_weight=0.5,
        mrf_weight=0.1,
        iterations=8,
    )
    assert found.gm.get_fdata()[nucleus].mean() > 0.8
    assert found.wm.get_fdata()[wm].mean() > 0.9
    total = sum(m.get_fdata() for m in (found.gm, found.wm, found.csf))
    assert np.allclose(total, head, atol=1e-4)


def test_what_is_as_bright_as_cortex_outside_the_brain_is_no_tissue(rng):
    """Dura lies against the skull; beside the brain a voxel may hold a share of cortex."""
    shape = (40, 40, 40)
    radius = np.sqrt(((np.indices(shape) - 19.5) ** 2).sum(axis=0))
    white, cortex, dura, head = radius < 10, radius < 13, radius >= 16.5, radius < 18
    nucleus = radius < 4
    t1w = np.select([nucleus, white, cortex, dura & head, head], [84.0, 100, 65, 65, 20])
    partial = head & (radius >= 13) & (radius < 14)
    t1w[partial] = 35.0
    t1w += rng.normal(0, 2, shape)
    priors = TissuePriors(
        gm=nifti(0.4 * (radius >= 10) + 0.5 * (cortex & ~white)),
        wm=nifti(0.9 * white),
        deep_gm=nifti(0.9 * nucleus),
    )
    found = segment(
        nifti(t1w),
        mask=nifti(head),
        brain=nifti(cortex),
        priors=priors,
        prior_weight=0.5,
        mrf_weight=0.1,
        iterations=8,
    )
    gm, csf = found.gm.get_fdata(), found.csf.get_fdata()
    assert gm[cortex & ~white].mean() > 0.9
    assert 0.1 < gm[partial].mean() < 0.5
    assert not gm[dura & head].any()
    assert csf[dura & head].min() > 0.99


def test_tissue_is_told_where_a_coil_leaves_one_side_brighter(rng):
    """Brightness rises by two thirds from side to side: one mean for each tissue is not enough."""
    shape = (48, 40, 40)
    radius = np.sqrt(((np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) / 2) ** 2).sum(axis=0))
    white, cortex, head = radius < 12, radius < 16, radius < 18
    t1w = np.select([white, cortex, head], [100.0, 75.0, 20.0])
    t1w = t1w * np.linspace(0.75, 1.25, shape[0])[:, None, None] + rng.normal(0, 3, shape)
    priors = TissuePriors(
        gm=nifti(0.6 * cortex), wm=nifti(0.6 * cortex * (radius < 14)), deep_gm=nifti(0 * radius)
    )
    found = segment(
        nifti(t1w, COARSE),
        mask=nifti(head, COARSE),
        brain=nifti(cortex, COARSE),
        priors=priors,
        prior_weight=0.5,
        mrf_weight=0.1,
        iterations=12,
    )
    assert found.wm.get_fdata()[white].mean() > 0.95
    assert found.gm.get_fdata()[cortex & ~white].mean() > 0.97
