"""One cross-section as a picture: a known ring, and a real basilar artery."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.io import imread

from tests.imaging.vessels.picture_section import study_section


def ring(*, inner=18.0, outer=30.0, scale=1.0):
    rows, columns = np.indices((120, 120))
    distance = np.hypot(rows - 61.0, columns - 57.0)
    picture = np.where(distance < inner, 45.0, np.where(distance < outer, 125.0, 80.0))
    return scale * ndimage.gaussian_filter(picture, 2.0)


def test_the_ring_is_found_from_a_seed_off_its_middle():
    found = study_section(ring(), seed=(55, 63), pixel_mm=0.075)
    assert found.nwi == pytest.approx(1 - (18 / 30) ** 2, abs=0.03)
    assert found.lumen_mm2 == pytest.approx(np.pi * (18 * 0.075) ** 2, rel=0.05)
    assert found.inner.mean(axis=0) == pytest.approx([61, 57], abs=0.5)


def test_without_a_pixel_size_there_is_nwi_but_no_area():
    found = study_section(ring(), seed=(61, 57))
    assert found.nwi == pytest.approx(1 - (18 / 30) ** 2, abs=0.03)
    assert found.lumen_mm2 is None
    assert found.outer_mm2 is None


def test_the_signals_scale_changes_nothing():
    first, second = (study_section(ring(scale=k), seed=(61, 57)) for k in (1.0, 40.0))
    assert first.nwi == pytest.approx(second.nwi)


def test_mirroring_the_picture_mirrors_the_masks():
    first = study_section(ring(), seed=(61, 57))
    second = study_section(ring()[::-1], seed=(58, 57))
    assert np.mean(first.whole[::-1] != second.whole) < 0.01


@pytest.mark.parametrize(
    ("picture", "seed", "pixel_mm", "message"),
    [
        (np.zeros((9, 9, 9)), (1, 1), None, "rows and columns"),
        (ring(), (200, 10), None, "outside the picture"),
        (ring(), (61, 57), 0.0, "pixel size above 0"),
        (-ring(), (61, 57), None, "no black-blood lumen"),
    ],
)
def test_what_is_no_section_is_refused(picture, seed, pixel_mm, message):
    with pytest.raises(ValueError, match=message):
        study_section(picture, seed=seed, pixel_mm=pixel_mm)


@pytest.mark.parametrize("shift", [(0, 0), (-5, 8)])
def test_the_outer_wall_of_a_real_basilar_artery_is_that_of_the_reader(shared_data, shift):
    picture = imread(shared_data / "vessel" / "image.png")
    mask = imread(shared_data / "vessel" / "mask.png") > 0
    seed = np.argwhere(mask).mean(axis=0) + shift
    found = study_section(picture, seed=(float(seed[0]), float(seed[1])))
    assert 2 * np.sum(found.whole & mask) / (found.whole.sum() + mask.sum()) >= 0.85
