from dataclasses import asdict

import numpy as np
import pytest

from npsle_app.phantom.participant import MAX_LESION_ML, Request, lesion_load_ml, make_participant

pytestmark = pytest.mark.long


def _data(image):
    return np.asarray(image.dataobj)


def test_the_same_seed_makes_the_same_person(person):
    again = make_participant(Request(1, seed=0, voxel_mm=3))
    assert again.truth == person.truth
    assert again.t1w.to_bytes() == person.t1w.to_bytes()
    assert again.flair.to_bytes() == person.flair.to_bytes()


def test_another_seed_or_number_makes_another_person(person):
    others = [
        make_participant(Request(k, seed=s, voxel_mm=4)).truth.tiv_ml for k, s in ((2, 0), (1, 1))
    ]
    assert all(abs(tiv_ml - person.truth.tiv_ml) > 1 for tiv_ml in others)


def test_lesions_leave_the_anatomy_unchanged(person, healthy):
    for name in ("gm", "wm", "csf", "intracranial"):
        assert np.array_equal(_data(person.maps[name]), _data(healthy.maps[name]))
    assert not _data(healthy.maps["lesions"]).any()
    assert healthy.truth.wmh_ml == healthy.truth.wmh_soft_ml == 0
    assert healthy.truth.wm_without_wmh_ml == healthy.truth.wm_ml == person.truth.wm_ml


def test_t1w_differs_from_the_healthy_one_inside_lesions_only(person, healthy):
    lesions = _data(person.maps["lesions"])
    same = _data(person.t1w) == _data(healthy.t1w)
    assert same[lesions == 0].all()
    assert not same[lesions > 0.5].any()


@pytest.fixture(scope="module")
def loads():
    """One head with several volumes of lesions, by mL."""
    wanted = (0, 0.5, 5, 15)
    return {ml: make_participant(Request(2, seed=1, voxel_mm=3, lesion_ml=ml)) for ml in wanted}


def test_lesions_are_dark_in_t1w_and_bright_in_flair(loads):
    inside = _data(loads[15].maps["lesions"]) > 0.9
    ratio = _data(loads[15].t1w)[inside].mean() / _data(loads[0].t1w)[inside].mean()
    assert 0.72 < ratio < 0.95
    gain = _data(loads[15].flair).astype(float) - _data(loads[0].flair)
    assert gain.min() >= 0
    assert gain.max() > 0.3 * np.median(_data(loads[0].flair)[_data(loads[0].flair) > 200])


@pytest.mark.parametrize("lesion_ml", [0.5, 5, 15])
def test_lesion_volume_is_the_one_asked_for(loads, lesion_ml):
    made = loads[lesion_ml]
    assert made.truth.wmh_ml == pytest.approx(lesion_ml, rel=0.06)  # 0.5 mL: 18 voxels
    assert made.truth.wmh_soft_ml == pytest.approx(lesion_ml, rel=0.7)


def test_lesions_lie_in_white_matter(person):
    assert (_data(person.maps["lesions"]) <= _data(person.maps["wm"]) + 1e-6).all()


def test_loads_of_the_first_three_participants_suit_the_tests_of_accuracy():
    loads = sorted(lesion_load_ml(index) for index in (1, 2, 3))
    assert 0.4 < loads[0] < 0.8
    assert loads[1] > 2.1


def test_loads_are_spread_as_in_lupus():
    loads = [lesion_load_ml(index) for index in range(1, 400)]
    assert np.median(loads) == pytest.approx(1.7, rel=0.05)
    assert min(loads) > 0
    assert max(loads) == MAX_LESION_ML


def test_headers_are_sane(person):
    for image in (person.t1w, person.flair, *person.maps.values()):
        assert image.header["sform_code"] == image.header["qform_code"] == 1
        assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-4)
        assert image.header.get_xyzt_units()[0] == "mm"
    assert person.t1w.get_data_dtype() == person.flair.get_data_dtype() == np.int16


def test_maps_are_finite_fractions(person):
    for image in person.maps.values():
        assert np.isfinite(_data(image)).all()
        assert 0 <= _data(image).min() <= _data(image).max() <= 1.00001


def test_a_2d_flair_has_thick_slices_and_follows_the_head():
    made = make_participant(Request(1, seed=3, voxel_mm=3, flair_slice_mm=6))
    assert made.truth.flair_type == "2D"
    assert np.allclose(made.flair.header.get_zooms(), (3, 3, 6))
    assert abs(made.flair.affine[1, 2]) > 0


@pytest.mark.parametrize("wrong", [{"index": 0}, {"seed": -1}, {"voxel_mm": 0.0}])
def test_impossible_requests_are_refused(wrong):
    asked = {"index": 1, "seed": 0, "voxel_mm": 3.0} | wrong
    with pytest.raises(ValueError, match="expected index ≥ 1, seed ≥ 0, voxel_mm > 0"):
        make_participant(Request(asked.pop("index"), **asked))


def test_a_later_session_is_the_same_head_with_larger_lesions_in_another_pose(person):
    later = make_participant(Request(1, seed=0, voxel_mm=3, session=2))
    assert later.truth.gm_ml == person.truth.gm_ml
    assert later.truth.wmh_ml > 1.1 * person.truth.wmh_ml
    gained = later.truth.wmh_new_ml + later.truth.wmh_enlarged_ml
    assert gained == pytest.approx(later.truth.wmh_ml - person.truth.wmh_ml)
    moved = np.corrcoef(_data(later.t1w).ravel(), _data(person.t1w).ravel())[0, 1]
    assert 0.5 < moved < 0.97
    assert person.truth.wmh_new_ml is None


def test_a_rescan_without_growth_has_the_same_truth_and_other_noise():
    again = make_participant(Request(1, seed=0, voxel_mm=3, session=2, lesion_ml=4))
    first = make_participant(Request(1, seed=0, voxel_mm=3, lesion_ml=4))
    assert again.truth.wmh_ml == first.truth.wmh_ml
    assert again.truth.wmh_new_ml == again.truth.wmh_enlarged_ml == 0
    assert not np.array_equal(_data(again.flair), _data(first.flair))


def test_a_session_before_the_first_is_refused():
    with pytest.raises(ValueError, match="expected session ≥ 1: 0"):
        make_participant(Request(1, seed=0, voxel_mm=4, session=0))


@pytest.mark.slow
def test_true_volumes_hardly_depend_on_the_voxel_size(person):
    fine = asdict(make_participant(Request(1, seed=0)).truth)
    for name in ("tiv_ml", "gm_ml", "wm_ml", "wmh_ml"):
        assert fine[name] == pytest.approx(asdict(person.truth)[name], rel=0.03)
