"""Laws of the lesion map on a real brain (the model knows this person: no accuracy is judged)."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to
from scipy import ndimage

from npsle_app import templates
from npsle_app.imaging.lesion_features import LesionPriors
from npsle_app.imaging.tissue_model import TissuePriors
from npsle_app.imaging.wmh import lesion_probability, lesions
from npsle_app.stages.participant.lesion_model import read_model
from npsle_app.templates import Template

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "ms_mni" / "patient26"
_USED = (Template.GM, Template.WM, Template.WMH_PRIOR, Template.VENTRICLES)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the real data in {FOLDER}"),
]


@pytest.fixture(scope="module")
def images():
    """FLAIR, T1w, brain and priors; the brain lies in template space, which is near enough."""
    flair, t1w = (nib.load(FOLDER / f"{name}.nii.gz") for name in ("FLAIR", "T1"))
    values = flair.get_fdata(dtype=np.float32)
    brain = ndimage.binary_fill_holes(ndimage.binary_opening(values != 0))
    box = ndimage.find_objects(brain.astype(int))[0]
    priors = [
        resample_from_to(templates.load(name), flair, order=1).get_fdata(dtype=np.float32) / 255
        for name in _USED
    ]
    arrays = [values, t1w.get_fdata(dtype=np.float32), brain.astype(np.float32), *priors]
    return [array[box] for array in arrays]


def volume_ml(images, *, voxel_mm=1.0):
    flair, t1w, brain, gm, wm, lesion, ventricles = images
    found = lesion_probability(
        flair,
        t1w,
        brain=brain >= 0.5,
        priors=LesionPriors(
            tissue=TissuePriors(gm=gm, wm=wm), lesion=lesion, ventricles=ventricles
        ),
        voxel_sizes_mm=np.full(3, voxel_mm),
        model=read_model(),
    ).probability
    mask = lesions(found, voxel_mm3=voxel_mm**3, threshold=0.2, min_lesion_mm3=9)
    return mask.sum() * voxel_mm**3 / 1000


@pytest.fixture(scope="module")
def reference_ml(images):
    return volume_ml(images)


def test_the_volume_is_that_of_a_person_with_some_8_ml(reference_ml):
    assert 6 < reference_ml < 11


def test_voxels_of_one_and_a_half_mm_change_the_volume_by_less_than_a_tenth(images, reference_ml):
    coarse = [
        ndimage.zoom(
            ndimage.gaussian_filter(image, np.sqrt((1.5**2 - 1) / 12)),
            1 / 1.5,
            order=1,
            grid_mode=True,
            mode="nearest",
        )
        for image in images
    ]
    assert volume_ml(coarse, voxel_mm=1.5) == pytest.approx(reference_ml, rel=0.1)


def test_a_mirrored_brain_has_the_same_volume(images, reference_ml):
    mirrored = [np.flip(image, 0).copy() for image in images]
    assert volume_ml(mirrored) == pytest.approx(reference_ml, rel=1e-3)


def test_a_factor_and_a_constant_on_flair_change_nothing(images, reference_ml):
    changed = [images[0] * np.float32(3) + np.float32(200), *images[1:]]
    assert volume_ml(changed) == pytest.approx(reference_ml, rel=1e-3)
