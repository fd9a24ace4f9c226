"""Vessels by an angiogram: bright there, dark in the vessel-wall image."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial import cKDTree

from npsle_app.imaging.vessels.place import HeadPlace
from npsle_app.imaging.vessels.tracing import Angiogram, find_by_angiogram
from tests.imaging.alps.scene import field_of
from tests.imaging.vessels.scene import M1, scene

BENT = {"bend_radius_mm": 12.0}


@pytest.fixture(scope="module")
def place():
    """The middle of the search box lies in the middle of the scene."""
    to_image = np.eye(4)
    to_image[:3, 3] = (25.5, -3.0, 18.5)
    field = field_of(np.eye(4))
    return HeadPlace(to_image=to_image, to_t1w=field, to_template=field)


def angiogram(place, *, shift_mm=(2.0, -1.0, 0.5)):
    """Scan the same artery with bright blood, lying elsewhere by a known shift."""
    _, scan = scene(bright_blood=True, wall_mm=0.4, **BENT)
    affine, to_image = scan.image.affine.copy(), place.to_image.copy()
    affine[:3, 3] += shift_mm
    to_image[:3, 3] += shift_mm
    image = nib.Nifti1Image(scan.image.get_fdata(dtype=np.float32), affine)
    return Angiogram(image=image, place=replace(place, to_image=to_image))


def test_the_course_comes_from_the_angiogram_to_its_place_in_the_black_blood_image(place):
    artery, scan = scene(**BENT)
    course = find_by_angiogram(scan.image, name=M1, place=place, angiogram=angiogram(place))
    line = course.line
    inner = line.points[np.abs(line.points[:, 2]) < 5]
    assert len(inner) > 15
    assert cKDTree(artery.points).query(inner)[0].max() < 0.8


def test_a_bright_vessel_that_is_not_dark_in_the_black_blood_image_is_refused(place):
    _, scan = scene(bright_blood=True, wall_mm=0.4, **BENT)
    with pytest.raises(ValueError, match="no dark tube lies where the angiogram shows a vessel"):
        find_by_angiogram(scan.image, name=M1, place=place, angiogram=angiogram(place))


def test_an_angiogram_without_the_vessel_says_so(place):
    _, scan = scene(**BENT)
    nothing = nib.Nifti1Image(np.ones(scan.image.shape, np.float32), scan.image.affine)
    flat = Angiogram(image=nothing, place=place)
    with pytest.raises(ValueError, match="not assessable: no bright tube of 8-30 mm"):
        find_by_angiogram(scan.image, name=M1, place=place, angiogram=flat)
