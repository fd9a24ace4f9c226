"""The laws of the lesion map on a real head, with the template's priors registered to it.

The head is one that the model was fitted on: what is held here is that it says the same of
other images of it. Accuracy on people left out is what benchmarks/wmh.py measures.
"""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from npsle_app import templates
from npsle_app.imaging.wmh.normal import CELLS
from npsle_app.imaging.wmh.wmh import lesion_probability, lesions
from npsle_app.stages.participant.shared import read_lesion_model
from npsle_app.templates import Template
from training.wmh.normal_atlas import as_image, knowing
from training.wmh.people import Person, list_masks, load_rated

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not (DATA / "ms_mni").exists(), reason="shared/data is not here"),
]


@pytest.fixture(scope="module")
def person() -> Person:
    grid = as_image(np.zeros(CELLS, np.float32))
    normal, spread = (
        resample_from_to(templates.load(name), grid, order=1).get_fdata(dtype=np.float32) / 1000
        for name in (Template.FLAIR_NORMAL, Template.FLAIR_SPREAD)
    )
    someone = load_rated(DATA / "ms_mni" / "patient26", masks=list_masks(DATA))
    return knowing(someone, normal=normal, spread=spread)


@pytest.fixture(scope="module")
def found(person: Person):
    return probability(person)


def probability(person: Person, *, voxel_mm: float = 1.0):
    return lesion_probability(
        person.flair,
        person.t1w,
        brain=person.brain,
        priors=person.priors,
        voxel_sizes_mm=np.full(3, voxel_mm),
        model=read_lesion_model(),
    ).probability


def volume_ml(found, *, voxel_mm: float = 1.0) -> float:
    voxel_mm3 = voxel_mm**3
    mask = lesions(found, voxel_mm3=voxel_mm3, threshold=0.2, min_lesion_mm3=9)
    return mask.sum() * voxel_mm3 / 1000


def on_all(person: Person, change) -> Person:
    return replace(
        person,
        flair=change(person.flair),
        t1w=change(person.t1w),
        brain=change(person.brain.astype(np.float32)) > 0.5,
        priors=person.priors.each(change),
    )


def test_the_volume_is_within_a_fifth_of_the_raters(person, found):
    assert volume_ml(found) == pytest.approx(person.truth.sum() / 1000, rel=0.2)


def test_a_factor_and_a_constant_on_flair_change_no_volume(person, found):
    other = replace(person, flair=np.where(person.brain, 7.3 * person.flair + 500, 0))
    assert volume_ml(probability(other)) == pytest.approx(volume_ml(found), rel=0.005)


def test_the_mirror_image_mirrors_the_map(person, found):
    mirrored = probability(on_all(person, lambda array: array[::-1].copy()))
    np.testing.assert_allclose(mirrored[::-1], found, atol=0.02)
    assert volume_ml(mirrored) == pytest.approx(volume_ml(found), rel=0.005)


def test_voxels_of_one_and_a_half_millimetres_change_the_volume_by_less_than_a_tenth(person, found):
    def coarser(array):
        image = nib.Nifti1Image(array.astype(np.float32), np.eye(4))
        shape = tuple(int(n / 1.5) for n in array.shape)
        made = resample_from_to(image, (shape, np.diag([1.5, 1.5, 1.5, 1])), order=1)
        return made.get_fdata(dtype=np.float32)

    coarse = probability(on_all(person, coarser), voxel_mm=1.5)
    assert volume_ml(coarse, voxel_mm=1.5) == pytest.approx(volume_ml(found), rel=0.1)
