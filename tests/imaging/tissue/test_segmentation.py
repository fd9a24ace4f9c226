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
SHAPE = (10, 10, 10)


def nifti(data):
    return nib.Nifti1Image(np.asarray(data, np.float32), OBLIQUE)


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
        priors=priors,
        prior_weight=0.5,
        mrf_weight=0.1,
        iterations=8,
    )
    assert found.gm.get_fdata()[nucleus].mean() > 0.8
    assert found.wm.get_fdata()[wm].mean() > 0.9
    total = sum(m.get_fdata() for m in (found.gm, found.wm, found.csf))
    assert np.allclose(total, head, atol=1e-4)
