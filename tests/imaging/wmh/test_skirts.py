"""What a bright lesion lends to the white matter beside it."""

import numpy as np
import pytest

from npsle_app.imaging.wmh.skirts import trim_skirts


def test_the_skirt_of_a_bright_lesion_goes_and_a_faint_lesion_stays_whole():
    probability = np.full((40, 9, 9), 0.3, np.float32)
    over = np.full(probability.shape, 0.2, np.float32)
    for x, height in ((6, 1.0), (32, 0.25)):
        probability[x : x + 3, 3:6, 3:6] = 0.9
        over[x : x + 3, 3:6, 3:6] = height
    where = np.ones(probability.shape, bool)
    kept = trim_skirts(probability, where=where, over_white=over.ravel())
    assert kept[5, 4, 4] < 0.1
    assert kept[31, 4, 4] == pytest.approx(0.3)
    assert kept[7, 4, 4] == pytest.approx(0.9)
