"""Finding vessels by landmarks and in search boxes; refusing what is no black-blood vessel."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial import cKDTree

from npsle_app.imaging.vessels.search import EXPECTED, Expectation, find_vessel, vesselness
from npsle_app.imaging.vessels.tracing import trace_landmarks
from npsle_app.imaging.vessels.wall import measure_vessel
from tests.imaging.vessels.scene import INSIDE, course_along, scene

BENT = {"bend_radius_mm": 12.0}


def ends(artery):
    return artery.points[INSIDE][[0, -1]]


def whole_box(image):
    return nib.Nifti1Image(np.ones(image.shape, np.uint8), image.affine)


def error_mm(line, artery):
    """Return the largest distance to the true centreline, away from the ends."""
    inner = line.points[np.abs(line.points[:, 2]) < 6]
    return cKDTree(artery.points).query(inner)[0].max()


def shifted(image, by_mm):
    affine = image.affine.copy()
    affine[:3, 3] += by_mm
    return nib.Nifti1Image(image.get_fdata(), affine)


def test_vesselness_is_highest_in_the_lumen():
    _, scan = scene(**BENT)
    tubes, lumen = vesselness(scan.image), scan.lumen.get_fdata() > 0
    assert lumen[np.unravel_index(tubes.argmax(), tubes.shape)]
    assert tubes[lumen].mean() > 5 * tubes[~lumen].mean()


def test_a_bent_vessel_is_followed_between_its_landmarks():
    artery, scan = scene(**BENT)
    line = trace_landmarks(scan.image, landmarks=ends(artery))
    assert error_mm(line, artery) < 0.8
    assert line.points[0] == pytest.approx(ends(artery)[0], abs=1.0)


@pytest.mark.slow
def test_landmarks_moved_by_1_mm_hardly_change_nwi():
    artery, scan = scene(**BENT)
    moves = np.array([[[0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, -1, 0]], [[-0.7, 0.7, 0], [0, 0, 1]]])
    values = []
    for move in moves:
        line = trace_landmarks(scan.image, landmarks=ends(artery) + move)
        values.append(measure_vessel(course_along(line, image=scan.image)).summary.nwi.value)
    assert np.ptp(values) < 0.02


def test_a_vessel_is_found_in_a_search_box_without_landmarks():
    artery, scan = scene(**BENT)
    line = find_vessel(scan.image, box=whole_box(scan.image), expected=EXPECTED["M1"])
    assert error_mm(line, artery) < 0.8
    assert line.length_mm > 9


def test_what_is_found_in_a_box_lies_in_the_box():
    _, scan = scene(**BENT)
    box = whole_box(scan.image)
    box.dataobj[:, :, : box.shape[2] // 4] = 0
    low = box.affine[2, 3] + 0.5 * (box.shape[2] // 4)
    expected = Expectation(length_mm=(6, 30))
    line = find_vessel(scan.image, box=box, expected=expected)
    assert line.points[:, 2].min() > low - 0.5


def test_a_vessel_of_the_wrong_length_is_not_assessable():
    _, scan = scene(**BENT)
    with pytest.raises(ValueError, match="not assessable: no dark tube of 40-60 mm"):
        find_vessel(
            scan.image,
            box=whole_box(scan.image),
            expected=Expectation(length_mm=(40, 60)),
        )


def test_a_box_outside_the_field_of_view_is_not_assessable():
    _, scan = scene(**BENT)
    empty = nib.Nifti1Image(np.zeros(scan.image.shape, np.uint8), scan.image.affine)
    with pytest.raises(ValueError, match=r"not assessable.*outside the field of view"):
        find_vessel(scan.image, box=empty, expected=EXPECTED["BA"])


def test_a_box_on_another_grid_is_refused():
    _, scan = scene(**BENT)
    with pytest.raises(ValueError, match="grids differ"):
        find_vessel(
            scan.image,
            box=whole_box(scan.image).slicer[1:],
            expected=EXPECTED["BA"],
        )


def test_landmarks_outside_the_image_are_named():
    artery, scan = scene(**BENT)
    with pytest.raises(ValueError, match=r"^the landmark .* lies outside the image$"):
        trace_landmarks(scan.image, landmarks=ends(artery) + 50)


def test_landmarks_in_lps_are_told_from_outside_ones():
    artery, scan = scene(**BENT)
    image = shifted(scan.image, [30, 0, 0])
    points = (ends(artery) + np.array([30, 0, 0])) * [-1, -1, 1]
    with pytest.raises(ValueError, match="read as LPS they would lie inside"):
        trace_landmarks(image, landmarks=points)


def test_landmarks_in_lps_that_fall_into_the_image_are_told_by_brightness():
    artery, scan = scene(**BENT)
    image = shifted(scan.image, [2.4, 0, 0])
    points = (ends(artery) + np.array([2.4, 0, 0])) * [-1, -1, 1]
    with pytest.raises(ValueError, match="read as LPS they do lie on one"):
        trace_landmarks(image, landmarks=points)


def test_landmarks_beside_the_vessel_are_refused():
    artery, scan = scene(**BENT)
    with pytest.raises(ValueError, match="lie on no dark vessel"):
        trace_landmarks(scan.image, landmarks=ends(artery) + np.array([4.6, 0, 0]))


def test_bright_blood_is_not_assessable_by_landmarks():
    artery, scan = scene(bright_blood=True)
    with pytest.raises(ValueError, match="not assessable"):
        trace_landmarks(scan.image, landmarks=ends(artery))


def test_bright_blood_is_not_assessable_in_a_box():
    _, scan = scene(bright_blood=True)
    with pytest.raises(ValueError, match="not assessable"):
        find_vessel(scan.image, box=whole_box(scan.image), expected=EXPECTED["M1"])


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        ([(0, 0, 0)], "expected two landmarks"),
        ([(0, 0, 0), (0, 0, np.nan)], "expected two landmarks"),
        ([(0, 0, 0), (0, 0, 1)], "1.0 mm apart"),
        ([(0, 0, 0), (0, 0, 300)], "300.0 mm apart"),
    ],
)
def test_landmarks_that_make_no_vessel_are_refused(landmarks, message):
    _, scan = scene(**BENT)
    with pytest.raises(ValueError, match=message):
        trace_landmarks(scan.image, landmarks=landmarks)
