"""Where vessels are sought, and on which side they are."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.place import BOXES, HeadPlace, check_place, check_side, search_box
from npsle_app.measures.names_of_vessels import STANDARD, VesselName
from tests.imaging.alps.scene import field_of, turned

M1 = VesselName("M1", "left")
POSE = turned(pitch=5, yaw=4)  # template to T1w
SHIFT = np.eye(4)  # T1w to image
SHIFT[:3, 3] = (3, -4, 5)


@pytest.fixture(scope="module")
def place():
    return HeadPlace(
        to_image=SHIFT, to_t1w=field_of(POSE), to_template=field_of(np.linalg.inv(POSE))
    )


def image_around(points, *, edge=1.0, margin=12.0):
    low = points.min(axis=0) - margin
    shape = np.ceil((points.max(axis=0) + margin - low) / edge).astype(int)
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = low
    return nib.Nifti1Image(np.zeros(shape, np.float32), affine)


def corners(name):
    ranges = BOXES[name.label].ranges(name.side)
    return np.array([[r[0] for r in ranges], [r[1] for r in ranges]], dtype=float)


def test_points_go_to_the_template_and_back(place):
    points = np.array([[-20.0, 5.0, 10.0], [12.0, -30.0, 20.0]])
    there = place.template_points(points)
    expected = nib.affines.apply_affine(np.linalg.inv(SHIFT @ POSE), points)
    assert there == pytest.approx(expected, abs=0.3)
    assert place.image_points(there) == pytest.approx(points, abs=0.5)


@pytest.mark.parametrize("name", STANDARD, ids=lambda name: name.text)
def test_a_search_box_has_its_size_and_its_side(place, name):
    where = nib.affines.apply_affine(SHIFT @ POSE, corners(name))
    part, box = search_box(image_around(where, margin=40), name=name, place=place)
    inside = np.asarray(box.dataobj) > 0
    volume = float(np.prod(np.ptp(corners(name), axis=0)))
    assert inside.sum() == pytest.approx(volume, rel=0.1)
    middle = nib.affines.apply_affine(box.affine, np.argwhere(inside)).mean(axis=0)
    found = place.template_points(middle[None])[0]
    assert found == pytest.approx(corners(name).mean(axis=0), abs=1.0)
    assert part.shape == box.shape
    assert not inside[0].any()
    assert not inside[-1].any()


def test_left_and_right_boxes_are_mirror_images():
    for name in STANDARD:
        if name.side == "left":
            right = corners(VesselName(name.label, "right"))
            assert corners(name)[::-1, 0] == pytest.approx(-right[:, 0])


def test_a_box_outside_the_image_is_not_assessable(place):
    image = image_around(np.array([[200.0, 0, 0], [230.0, 20, 20]]))
    with pytest.raises(ValueError, match=r"not assessable.*outside the field of view"):
        search_box(image, name=M1, place=place)


def test_a_vessel_without_a_box_needs_landmarks(place):
    with pytest.raises(ValueError, match="it has no search box; give landmarks"):
        search_box(image_around(corners(M1)), name=VesselName("M2", "left"), place=place)


def test_left_is_never_taken_for_right():
    points = np.linspace([-10.0, 0, 0], [-25, 0, 2], 30)
    check_side(points, name=M1)
    with pytest.raises(ValueError, match=r"expected on the right, found 1\d mm to the left"):
        check_side(points, name=VesselName("M1", "right"))
    with pytest.raises(ValueError, match="expected on the middle"):
        check_side(points, name=VesselName("BA", "middle"))


def test_a_vessel_far_from_its_box_is_refused(place):
    there = np.linspace([-15.0, 3, -18], [-30, 5, -18], 30)
    line = make_centreline(place.image_points(there))
    check_place(line, name=M1, place=place)
    away = make_centreline(place.image_points(there + np.array([0, 0, 60])))
    with pytest.raises(ValueError, match=r"it lies \d+ mm from where that vessel"):
        check_place(away, name=M1, place=place)
    check_place(away, name=VesselName("A2", "left"), place=place)
