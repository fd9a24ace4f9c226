"""Estimated grades, and what may be an infarct."""

import numpy as np
import pytest
from pandas import DataFrame

from npsle_app.imaging.lesions.signs import (
    check_infarcts,
    fazekas_deep,
    fazekas_periventricular,
    find_cavities,
    find_large,
)
from npsle_app.records import Qc
from tests.imaging.lesions.scene import AFFINE, BRAIN, CORTEX, SHAPE, VENTRICLES, filled

CORE, RIM = np.s_[43:47, 26:30, 40:44], np.s_[41:49, 24:32, 38:46]


def lesion(
    zone="deep",
    *,
    extent_mm=5.0,
    volume_mm3=100.0,
    beyond_5mm=0.0,
    beyond_10mm=0.0,
    region="subcortical",
):
    return {
        "zone": zone,
        "region": region,
        "side": "left",
        "lobe": "insular_deep",
        "extent_mm": extent_mm,
        "volume_mm3": volume_mm3,
        "within_5mm_mm3": volume_mm3 - beyond_5mm,
        "within_10mm_mm3": volume_mm3 - beyond_10mm,
        "x_mm": 1.0,
        "y_mm": -2.0,
        "z_mm": 3.0,
    }


def rows(*lesions):
    return DataFrame(list(lesions), columns=list(lesion()))


def grades(*lesions):
    table = rows(*lesions)
    return fazekas_periventricular(table), fazekas_deep(table)


@pytest.mark.parametrize(
    ("beyond_5mm", "beyond_10mm", "grade"), [(500, 0, 1), (530, 500, 2), (900, 530, 3)]
)
def test_the_periventricular_grade_follows_how_much_of_a_lesion_lies_how_far(
    beyond_5mm, beyond_10mm, grade
):
    far = lesion("confluent", volume_mm3=1000, beyond_5mm=beyond_5mm, beyond_10mm=beyond_10mm)

    assert fazekas_periventricular(rows(lesion("periventricular"), far)) == grade


@pytest.mark.parametrize(("volume", "grade"), [(520, 1), (530, 2), (4180, 2), (4190, 3)])
def test_the_deep_grade_follows_the_largest_deep_lesion(volume, grade):
    assert fazekas_deep(rows(lesion(), lesion(volume_mm3=volume, extent_mm=50))) == grade


def test_a_small_lesion_that_reaches_far_by_a_voxel_is_grade_1_as_a_reader_would_say():
    thread = lesion("confluent", volume_mm3=72, beyond_5mm=20, beyond_10mm=1, extent_mm=14)

    assert grades(thread, lesion()) == (1, 1)


def test_grades_do_not_hang_on_one_voxel():
    near, far = (
        lesion("confluent", volume_mm3=2000, beyond_5mm=700, beyond_10mm=beyond)
        for beyond in (0, 1)
    )

    assert grades(near) == grades(far) == (2, 0)


def test_no_grade_falls_where_a_lesion_grows_outward(rng):
    for _ in range(50):
        outward = np.sort(rng.uniform(0, 6000, 3))
        small, grown = (
            lesion("confluent", volume_mm3=scale * outward[2], beyond_5mm=scale * outward[1],
                   beyond_10mm=scale * outward[0])
            for scale in (1.0, rng.uniform(1, 3))
        )  # fmt: skip
        for deep in ((), (lesion(volume_mm3=rng.uniform(0, 6000)),)):
            pairs = zip(grades(small, *deep), grades(grown, *deep), strict=True)
            assert all(before <= after for before, after in pairs)


def test_a_large_confluent_lesion_is_grade_3_in_depth_too():
    confluent = lesion("confluent", volume_mm3=9000, beyond_5mm=7000, beyond_10mm=5000)

    assert grades(confluent) == (3, 3)


def test_no_lesion_is_grade_0_and_infratentorial_ones_do_not_count():
    assert grades() == (0, 0)
    assert fazekas_deep(rows(lesion(region="infratentorial", volume_mm3=5000))) == 0


def image(values, *, core=CORE):
    made = np.zeros(SHAPE, np.float32)
    made[BRAIN] = values["wm"]
    made[CORTEX] = values["gm"]
    made[RIM] = values["lesion"]
    made[VENTRICLES] = values["csf"]
    made[core] = values["core"]
    return made


T1W = {"wm": 130, "gm": 100, "lesion": 95, "csf": 30, "core": 35}
FLAIR = {"wm": 85, "gm": 100, "lesion": 135, "csf": 30, "core": 35}


def cavities(*, t1w=T1W, flair=FLAIR, core=CORE, **changed):
    given = {
        "brain": filled(BRAIN),
        "lesions": filled(RIM) & ~filled(core),
        "ventricles": filled(VENTRICLES),
        "csf": filled(VENTRICLES).astype(np.float32),
        "white_matter": filled(np.s_[5:20, 5:55, 5:25]),
        "expected": np.ones(SHAPE, np.float32),
        "affine": AFFINE,
    } | changed
    return find_cavities(image(t1w, core=core), image(flair, core=core), **given)


def test_a_dark_core_in_a_bright_rim_is_found_where_it_lies():
    (found,) = cavities()
    assert found.centre_mm == pytest.approx((14.5, -2.5, 11.5))
    assert found.extent_mm == pytest.approx(np.sqrt(27) + 1)
    assert str(found) == "dark cavity with a bright rim of 6 mm at (14, -2, 12) mm"


@pytest.mark.parametrize("brighter", ["t1w", "flair"])
def test_a_core_that_is_dark_in_one_image_alone_is_none(brighter):
    values = {"t1w": T1W, "flair": FLAIR}
    values[brighter] = values[brighter] | {"core": values[brighter]["wm"]}
    assert cavities(**values) == ()


def test_a_core_without_a_rim_is_none():
    assert cavities(lesions=filled(np.s_[41:43, 24:26, 38:40])) == ()


def test_a_core_under_15_mm3_is_none():
    assert cavities(core=np.s_[43:45, 26:28, 40:43]) == ()


def test_what_opens_into_a_ventricle_or_the_outside_is_none():
    assert cavities(core=np.s_[33:47, 26:30, 30:44]) == ()
    assert cavities(core=np.s_[43:59, 26:30, 40:44]) == ()


def test_where_the_template_expects_cortex_or_fluid_there_is_no_cavity():
    assert cavities(expected=np.zeros(SHAPE, np.float32)) == ()


def test_without_lesions_there_is_no_cavity():
    assert cavities(lesions=filled()) == ()


def test_lesions_over_15_mm_are_listed_the_longest_first():
    found = find_large(rows(lesion(extent_mm=16), lesion(extent_mm=30), lesion(extent_mm=15)))
    assert [suspect.extent_mm for suspect in found] == [30, 16]
    assert str(found[0]) == "subcortical lesion of 30 mm, left insular or deep at (1, -2, 3) mm"


def test_suspects_warn_and_ask_for_a_look_but_name_no_disease():
    check = check_infarcts(find_large(rows(*[lesion(extent_mm=16)] * 8)))
    assert check.state is Qc.WARN
    assert check.seen.endswith("; and 2 more")
    assert "flagged for exclusion, research use only; look" in check.advice


def test_without_suspects_the_check_passes():
    check = check_infarcts(())
    assert (check.state, check.seen, check.advice) == (Qc.PASS, "none", "")
