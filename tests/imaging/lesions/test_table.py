"""The rows of the lesions, and the numbers of a person that are made of them."""

import numpy as np
import pytest

from npsle_app.imaging.lesions.table import (
    COLUMNS,
    describe_lesions,
    lesion_type,
    summarise_places,
    summarise_regions,
    summarise_sizes,
)
from tests.imaging.lesions.scene import AFFINE, SHAPE, filled, scene
from tests.imaging.lesions.test_location import AT_CORTEX, BAND, BELOW, CAP, DEEP

FLAIR = np.full(SHAPE, 100, np.float32)
WHITE = filled(np.s_[5:10, 5:10, 20:30])


def table(*lesions, flair=FLAIR, **changed):
    return describe_lesions(
        scene(*lesions, **changed), flair=flair, white_matter=WHITE, affine=AFFINE
    )


CAP_FAR = np.s_[18:25, 28:32, 30:32]  # on the left; the band is on the right
ALL = (CAP_FAR, BAND, AT_CORTEX, BELOW)
DEEP_LEFT = np.s_[8:12, 28:32, 40:44]


def test_a_row_says_how_large_a_lesion_is_and_where():
    flair = FLAIR.copy()
    flair[CAP] = 150
    row = table(CAP, flair=flair).iloc[0]
    assert row["volume_mm3"] == 5 * 4 * 2
    assert (row["side"], row["lobe"]) == ("right", "parietal")
    assert (row["ventricle_min_mm"], row["ventricle_max_mm"]) == (2, 6)
    assert row["flair_contrast"] == pytest.approx(0.5)
    np.testing.assert_allclose(row[["x_mm", "y_mm", "z_mm"]].astype(float), (7, -0.5, 0.5))
    np.testing.assert_allclose(
        row[["template_x_mm", "template_y_mm", "template_z_mm"]].astype(float), (7, -0.5, 0.5)
    )


def test_each_column_is_explained_and_none_is_lost():
    assert list(table(*ALL).columns) == list(COLUMNS)
    assert list(table().columns) == list(COLUMNS)


def test_what_cannot_be_known_is_missing_not_infinite():
    rows = table(DEEP, ventricles=None)
    assert rows[["ventricle_min_mm", "ventricle_max_mm", "convexity"]].isna().all(axis=None)


def test_each_rule_adds_up_to_the_whole():
    rows = table(*ALL, DEEP_LEFT)
    found, whole = summarise_regions(rows), rows["volume_mm3"].sum() / 1000
    for rule in (
        ("periventricular", "confluent", "deep"),
        ("periventricular_or_confluent", "deep"),
        ("periventricular_or_confluent", "juxtacortical", "infratentorial", "subcortical"),
        ("periventricular_d10", "deep_d10"),
    ):
        assert sum(found[f"wmh_{name}_ml"] for name in rule) == pytest.approx(whole), rule
    counts = [found[f"wmh_{name}_count"] for name in ("periventricular", "confluent", "deep")]
    assert counts == [1, 1, 3]


def test_the_voxel_rule_divides_one_lesion_at_10_mm():
    found = summarise_regions(table(BAND))
    assert found["wmh_periventricular_d10_ml"] == pytest.approx(9 * 8 / 1000)
    assert found["wmh_deep_d10_ml"] == pytest.approx(2 * 8 / 1000)


def test_left_and_right_and_all_lobes_add_up_to_the_whole():
    voxels = scene(*ALL, DEEP_LEFT)
    found = summarise_places(voxels, voxel_mm3=2)
    whole = len(voxels.where) * 2 / 1000
    assert found["wmh_left_ml"] + found["wmh_right_ml"] == pytest.approx(whole)
    lobes = [value for name, value in found.items() if name.count("_") >= 3]
    assert len(lobes) == 12
    assert sum(lobes) == pytest.approx(whole)


def test_shapes_are_means_over_the_lesions_that_have_one():
    rows = table(BAND, CAP_FAR, np.s_[40:42, 40:42, 40:42])
    found = summarise_regions(rows)
    mean = rows.loc[rows["zone"] != "deep", "solidity"].mean()
    assert found["wmh_periventricular_or_confluent_solidity"] == pytest.approx(mean)
    assert found["wmh_deep_eccentricity"] is None  # too small


def test_no_lesion_is_0_everywhere_and_has_neither_shape_nor_median():
    found = {
        **summarise_regions(table()),
        **summarise_sizes(table()),
        **summarise_places(scene(), voxel_mm3=1),
    }
    missing = {name for name, value in found.items() if value is None}
    assert missing == {
        *(
            f"wmh_periventricular_or_confluent_{name}"
            for name in ("convexity", "solidity", "concavity_index", "fractal_dimension")
        ),
        "wmh_deep_eccentricity",
        "wmh_deep_fractal_dimension",
        "wmh_median_lesion_mm3",
    }
    assert {value for name, value in found.items() if name not in missing} == {0}


def test_sizes_give_median_and_largest():
    found = summarise_sizes(table(CAP, AT_CORTEX, BELOW))
    assert found["wmh_median_lesion_mm3"] == 40
    assert found["wmh_largest_lesion_mm3"] == 48


@pytest.mark.parametrize(
    ("zones", "kind"),
    [
        (set(), 0),
        ({"periventricular"}, 1),
        ({"periventricular", "deep"}, 2),
        ({"confluent", "deep"}, 3),
        ({"deep"}, 4),
    ],
)
def test_the_type_follows_from_the_zones(zones, kind):
    assert lesion_type(zones) == kind
