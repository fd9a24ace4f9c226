"""What is done to FLAIR before lesions are looked for."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.wmh.flair import subtract_offset


@pytest.mark.parametrize("constant", [1, 50, 4000])
def test_a_constant_added_to_the_scan_is_taken_away(rng, constant):
    values = rng.integers(0, 400, (6, 6, 6)).astype(np.float32)
    values[0] = 0
    scan = nib.Nifti1Image(values, np.eye(4))
    raised = nib.Nifti1Image(values + np.float32(constant), np.eye(4))
    np.testing.assert_array_equal(subtract_offset(raised).get_fdata(), values)
    assert subtract_offset(scan) is scan
