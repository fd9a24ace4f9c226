import numpy as np
import pytest

from npsle_app.phantom.head.anatomy import draw_shape
from npsle_app.phantom.head.grids import whole_head


def _data(person, name):
    return np.asarray(person.maps[name].dataobj)


def test_tissues_fill_the_intracranial_space(person):
    total = sum(_data(person, name) for name in ("gm", "wm", "csf"))
    assert np.allclose(total, _data(person, "intracranial"), atol=1e-5)


def test_true_volumes_are_the_sums_of_the_maps(person):
    for name, volume in (("gm", "gm_ml"), ("wm", "wm_ml"), ("csf", "csf_ml")):
        expected = _data(person, name).sum(dtype=float) * 0.027
        assert getattr(person.truth, volume) == pytest.approx(expected, rel=1e-6)
    intracranial = _data(person, "intracranial").sum(dtype=float) * 0.027
    assert person.truth.tiv_ml == pytest.approx(intracranial, rel=1e-5)
    assert person.truth.tbv_ml == pytest.approx(person.truth.gm_ml + person.truth.wm_ml)


def test_true_intracranial_volume_is_that_inside_the_half_contour_too(person):
    hard = np.count_nonzero(_data(person, "intracranial") > 0.5) * 0.027
    assert hard == pytest.approx(person.truth.tiv_ml, rel=0.01)


def test_volumes_are_those_of_an_adult(person):
    truth = person.truth
    assert 1200 < truth.tiv_ml < 1900
    assert 0.75 < truth.tbv_ml / truth.tiv_ml < 0.9
    assert 1.1 < truth.gm_ml / truth.wm_ml < 1.7


def test_the_warp_folds_no_tissue_over_itself():
    grid = whole_head(voxel_mm=(4, 4, 4), turn=np.eye(3))
    for seed in range(5):
        shape = draw_shape(np.random.default_rng(seed), age=50, sex="F")
        bends = [shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend]
        slopes = np.stack([np.stack(np.gradient(bend, 4.0), -1) for bend in bends], -2)
        jacobian = np.linalg.det(shape.move[:3, :3] + slopes)
        assert jacobian.min() > 0.2


def test_the_bending_reaches_some_millimetres():
    grid = whole_head(voxel_mm=(6, 6, 6), turn=np.eye(3))
    for seed in range(5):
        shape = draw_shape(np.random.default_rng(seed), age=50, sex="F")
        bends = np.stack([shape.bend_mm * field.at(grid.axes_mm) for field in shape.bend])
        assert 3 < np.linalg.norm(bends, axis=0).max() < 10
