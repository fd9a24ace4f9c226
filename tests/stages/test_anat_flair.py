"""What the anat_flair stage writes and says, on a coarse head of 2D FLAIR."""

import json

import nibabel as nib
import numpy as np
import pytest

from npsle_app.bids.input.scans import Scan
from npsle_app.bids.output.writer import Writer
from npsle_app.phantom.participant import Request, make_participant
from npsle_app.settings import AnatSettings
from npsle_app.stages.participant import anat_flair

pytestmark = pytest.mark.slow  # the head is registered to the template


@pytest.fixture(scope="module")
def person():
    return make_participant(Request(1, seed=0, voxel_mm=4, flair_slice_mm=6, lesion_ml=0))


@pytest.fixture(scope="module")
def outputs(person, tmp_path_factory):
    folder = tmp_path_factory.mktemp("anat_flair")
    path = folder / "raw/sub-01/anat/sub-01_FLAIR.nii.gz"
    path.parent.mkdir(parents=True)
    nib.save(person.flair, path)
    out = Writer(folder / "out", "01", datasets={"raw": folder / "raw"})
    settings = AnatSettings(
        affine_sampling_mm=6, warp_sampling_mm=4, warp_iterations=(20, 0, 0), bias_sampling_mm=8
    )
    return anat_flair.run(flair=Scan(path), settings=settings, out=out)


def record(outputs):
    return json.loads(outputs.record.read_text())


def test_the_intracranial_volume_is_measured(person, outputs):
    (tiv,) = record(outputs)["measures"]
    assert tiv["name"] == "tiv_ml"
    assert tiv["value"] == pytest.approx(person.truth.tiv_ml, rel=0.12)


def test_masks_lie_on_the_grid_of_the_scan_whose_slices_are_thick(person, outputs):
    for path in (outputs.flair, outputs.brain_mask, outputs.intracranial_mask):
        image = nib.load(path)
        assert image.shape == person.flair.shape
        assert np.allclose(image.affine, person.flair.affine, atol=1e-3)
    assert "space-FLAIR" in outputs.brain_mask.name
    assert outputs.flair.name == "sub-01_desc-preproc_FLAIR.nii.gz"


def test_it_says_that_there_is_no_t1w_image_and_what_follows(outputs):
    assert record(outputs)["choices"][0].startswith("No T1w image: FLAIR was measured alone.")
    assert not [one["name"] for one in record(outputs)["checks"] if "T1w" in str(one)]


def test_sidecars_name_the_templates_whose_contrast_was_changed(outputs):
    sidecar = json.loads(
        outputs.brain_mask.with_name("sub-01_space-FLAIR_desc-brain_mask.json").read_text()
    )
    assert set(sidecar["Templates"]) == {"HEAD", "BRAIN", "INTRACRANIAL", "GM", "WM"}
