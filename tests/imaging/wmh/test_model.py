"""What the trained model that ships promises."""

from importlib.resources import files

import numpy as np
import pytest

from npsle_app.imaging.wmh.features import FEATURES
from npsle_app.imaging.wmh.model import LesionModel
from npsle_app.stages.participant.shared import describe_lesion_model, read_lesion_model


@pytest.fixture(scope="module")
def model():
    return read_lesion_model()


def lesion_voxel(**changes):
    """Describe a voxel in the middle of a bright lesion beside the ventricle."""
    typical = dict.fromkeys(FEATURES, 0.0) | {
        "brightness": 0.4,
        "brightness_1mm": 0.38,
        "brightness_2mm": 0.3,
        "contrast_6mm": 0.35,
        "contrast_12mm": 0.4,
        "over_white": 0.5,
        "over_white_2mm": 0.4,
        "over_white_sd": 8,
        "brightest_neighbour": 0.5,
        "darkest_neighbour": 0.25,
        "curvature_low": -0.1,
        "curvature_middle": -0.08,
        "curvature_high": -0.04,
        "t1w": 0.1,
        "t1w_1mm": 0.1,
        "t1w_2mm": 0.15,
        "t1w_grey": 0.3,
        "grey_matter": 0.05,
        "white_matter": 0.9,
        "log_odds": -1.0,
        "from_ventricles": 5,
        "from_outer_fluid": 15,
        "over_white_contrast": 3,
        "over_normal": 0.5,
        "over_normal_sd": 6,
        "over_other_side": 0.45,
        "other_side": 0.05,
    }
    return np.array([list((typical | changes).values())], np.float32)


def normal_voxel():
    dark = {
        "brightness": -0.1,
        "brightness_1mm": -0.1,
        "brightness_2mm": -0.1,
        "contrast_6mm": 0,
        "contrast_12mm": 0,
        "over_white": 0.04,
        "over_white_2mm": 0.01,
        "over_white_sd": 0.7,
        "over_white_contrast": 0.3,
        "over_normal": 0.04,
        "over_normal_sd": 0.6,
        "over_other_side": 0.02,
        "brightest_neighbour": -0.05,
        "darkest_neighbour": -0.15,
        "curvature_low": 0,
        "curvature_middle": 0,
        "curvature_high": 0,
        "t1w": 0.3,
        "t1w_1mm": 0.3,
        "t1w_2mm": 0.3,
        "t1w_grey": 0.02,
    }
    return lesion_voxel(**dark)


def test_a_bright_spot_of_white_matter_is_likely_and_normal_white_matter_is_not(model):
    assert model.predict(lesion_voxel())[0] > 0.8
    assert model.predict(normal_voxel())[0] < 0.05


def test_one_by_one_equals_all_at_once(model, rng):
    values = rng.normal(0, 1, (200, len(FEATURES))).astype(np.float32)
    single = [model.predict(row[None])[0] for row in values]
    np.testing.assert_allclose(model.predict(values), single, atol=1e-6)


def test_no_voxel_gives_no_probability(model):
    assert model.predict(np.zeros((0, len(FEATURES)), np.float32)).shape == (0,)


def test_the_model_says_its_name_and_hash():
    facts = describe_lesion_model()
    assert facts["Model"].startswith("npsle-wmh")
    assert len(facts["ModelSha256"]) == 64


def test_the_file_is_small():
    assert (files("npsle_app") / "data" / "wmh_model.onnx").stat().st_size < 1_000_000


def test_a_model_for_other_features_is_refused():
    onnx = pytest.importorskip("onnx", reason="writes the file that is refused")
    content = (files("npsle_app") / "data" / "wmh_model.onnx").read_bytes()
    graph = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(graph, {"name": "other", "features": "colour"})
    with pytest.raises(ValueError, match="is for colour, not brightness"):
        LesionModel(graph.SerializeToString())
