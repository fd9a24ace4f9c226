"""What is known of lesions without maps of tissue."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.imaging.lesions.alone import COLUMNS_ALONE, study_lesions_alone
from npsle_app.measures import MEASURES
from tests.imaging.lesions.scene import AFFINE, BRAIN, filled, lobes, still

SMALL, LARGE = np.s_[10:12, 40:42, 40:42], np.s_[40:50, 10:20, 40:50]


def image(data) -> nib.Nifti1Image:
    return nib.Nifti1Image(data.astype(np.float32), AFFINE)


def study(*lesions):
    mask = filled(*lesions)
    return study_lesions_alone(
        image(np.where(mask, 150, 85) * filled(BRAIN)),
        mask=image(mask),
        probability=image(0.9 * mask),
        white_matter=filled(BRAIN),
        lobes=lobes(),
        field=still(),
        threshold=0.2,
        status_min_ml=0.5,
    )


def test_size_side_and_lobe_are_told():
    table, numbers = study(SMALL, LARGE)
    assert table["volume_mm3"].tolist() == [8, 1000]
    assert table["side"].tolist() == ["left", "right"]
    assert table["lobe"].tolist() == ["frontal", "parietal"]
    assert numbers["wmh_count_below_10mm3"] == numbers["wmh_count_from_1000mm3"] == 1
    assert numbers["wmh_parietal_right_ml"] == numbers["wmh_right_ml"] == pytest.approx(1.0)
    assert numbers["wmh_raw_ml"] == pytest.approx(1.008)
    assert numbers["wmh_status"] == 1


def test_contrast_is_that_to_white_matter_outside_of_lesions():
    table, _ = study(LARGE)
    assert table["flair_contrast"].tolist() == pytest.approx([150 / 85 - 1])


def test_nothing_is_said_of_ventricles_cortex_or_infarcts():
    table, numbers = study(SMALL)
    assert list(table) == list(COLUMNS_ALONE)
    assert not {"zone", "region", "ventricle_min_mm"} & set(table)
    told = {name for name in MEASURES if name.startswith("wmh_")} & set(numbers)
    assert not [
        name
        for name in told
        if "fazekas" in name
        or "ventric" in name
        or "deep" in name.replace("insular_deep", "")
        or "infarct" in name
        or "cortical" in name
    ]


def test_the_dictionary_tells_of_flairs_world():
    assert "FLAIR" in COLUMNS_ALONE["x_mm"]["Description"]
    assert not any("T1w" in meaning["Description"] for meaning in COLUMNS_ALONE.values())


def test_a_map_without_lesions_has_no_rows_and_a_status_of_none():
    table, numbers = study()
    assert not len(table)
    assert numbers["wmh_status"] == numbers["wmh_largest_lesion_mm3"] == 0
    assert numbers["wmh_median_lesion_mm3"] is None
