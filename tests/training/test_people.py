"""Whom the lesion model is trained on."""

import nibabel as nib
import numpy as np
import pytest

from training.wmh.people import read_output


@pytest.mark.parametrize("session", ["sub-01", "sub-01/ses-2"])
def test_of_an_image_in_two_spaces_the_one_of_the_session_itself_is_read(tmp_path, session):
    folder = tmp_path / session / "anat"
    folder.mkdir(parents=True)
    name = session.replace("/", "_")
    for space, value in (("", 1), ("space-MNI152NLin2009aSym_", 2)):
        image = nib.Nifti1Image(np.full((2, 2, 2), value, np.uint8), np.eye(4))
        nib.save(image, folder / f"{name}_{space}desc-preproc_FLAIR.nii.gz")
    read = read_output(folder, "desc-preproc_FLAIR")
    assert np.asarray(read.dataobj).max() == 1
