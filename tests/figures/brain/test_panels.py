import nibabel as nib
import numpy as np
import pytest

from npsle_app.figures.brain import panels

_RAS = np.diag([1.0, 1.0, 1.0, 1.0])


def _image(data, affine=_RAS):
    return nib.Nifti1Image(np.asarray(data, dtype=np.float32), affine)


def _marked() -> nib.Nifti1Image:
    """One bright voxel to the patient's left, in front and above (RAS: low x, high y, high z)."""
    data = np.zeros((8, 10, 12))
    data[1, 8, 10] = 1
    return _image(data)


def _brightest(panel, volume):
    pixels = panel.sample(volume.data, order=0)
    row, column = np.argwhere(pixels == pixels.max()).mean(axis=0)
    return row / pixels.shape[0], column / pixels.shape[1]


def _panel(axis, index):
    volume = panels.canonical(_marked())
    box = panels.bounding_box(np.ones(volume.data.shape))
    return panels.lay_out([(axis, [index])], box=box, grid=volume, columns=4, top=0)[0], volume


def test_axial_panels_show_the_patients_left_on_the_right_and_the_front_on_top():
    row, column = _brightest(*_panel(panels.AXIAL, 10))
    assert row < 0.25
    assert column > 0.75


def test_coronal_panels_show_the_patients_left_on_the_right_and_the_vertex_on_top():
    row, column = _brightest(*_panel(panels.CORONAL, 8))
    assert row < 0.25
    assert column > 0.75


def test_sagittal_panels_face_left():
    row, column = _brightest(*_panel(panels.SAGITTAL, 1))
    assert row < 0.25
    assert column < 0.25


@pytest.mark.parametrize("codes", ["LPS", "RAS", "SAL", "PIR"])
def test_any_orientation_shows_the_same_picture(codes):
    image = _marked()
    wanted = nib.orientations.axcodes2ornt(codes)
    turned = image.as_reoriented(nib.io_orientation(np.diag([1, 1, 1, 1.0])))
    turned = turned.as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(image.affine), wanted)
    )
    assert nib.aff2axcodes(turned.affine) == tuple(codes)
    np.testing.assert_array_equal(panels.canonical(turned).data, panels.canonical(image).data)


def test_thick_slices_keep_the_proportions_of_the_body():
    data = np.ones((100, 100, 30))
    volume = panels.canonical(_image(data, np.diag([0.9, 0.9, 3.0, 1.0])))
    box = panels.bounding_box(volume.data)
    panel = panels.lay_out([(panels.CORONAL, [50])], box=box, grid=volume, columns=4, top=0)[0]
    width, height = panel.size
    assert width / height == pytest.approx(90 / 90, rel=0.02)


def test_an_outline_lies_where_its_pixels_lie():
    volume = panels.canonical(_marked())
    box = panels.bounding_box(np.ones(volume.data.shape))
    panel = panels.lay_out([(panels.AXIAL, [10])], box=box, grid=volume, columns=4, top=26)[0]
    x, y = panel.place(np.array([[1.0, 8.0]]))[0]
    pixels = panel.sample(volume.data, order=0)
    left, top = panel.corner
    assert pixels[int(y - top), int(x - left)] == 1


def test_a_mask_on_another_grid_is_brought_over():
    grid = panels.canonical(_image(np.zeros((10, 10, 10))))
    coarse = np.zeros((5, 5, 5))
    coarse[2, 2, 2] = 1
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = 0.5
    moved = panels.onto(_image(coarse, affine), grid, order=0)
    assert np.argwhere(moved > 0).min(axis=0).tolist() == [4, 4, 4]
    assert np.argwhere(moved > 0).max(axis=0).tolist() == [5, 5, 5]


def test_slices_are_moved_to_where_the_lesions_are():
    area = np.zeros(40)
    area[[3, 17]] = 5
    slices = panels.spread_over(area, (0, 39), count=8)
    assert len(slices) == 8
    assert {3, 17} <= set(slices)
    assert slices == sorted(set(slices))


def test_few_slices_are_all_shown():
    assert panels.spread((4, 6), count=14) == [4, 5, 6]
    assert panels.spread_over(np.zeros(9), (4, 6), count=14) == [4, 5, 6]


def test_nan_and_infinity_count_as_nothing():
    data = np.ones((3, 3, 3))
    data[0, 0, 0], data[1, 1, 1] = np.nan, np.inf
    shown = panels.canonical(_image(data)).data
    assert shown[0, 0, 0] == shown[1, 1, 1] == 0


def test_the_position_is_that_of_the_affine_in_mm():
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[2, 3] = -40
    volume = panels.canonical(_image(np.ones((5, 5, 20)), affine))
    box = panels.bounding_box(volume.data)
    panel = panels.lay_out([(panels.AXIAL, [10])], box=box, grid=volume, columns=4, top=0)[0]
    assert panels.position_mm(panel, volume) == pytest.approx(-10)
