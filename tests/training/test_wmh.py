"""What the training of the lesion model promises."""

from importlib.util import find_spec

import numpy as np
import pytest

from npsle_app.imaging.wmh.features import FEATURES, FLAIR_FEATURES
from npsle_app.imaging.wmh.model import LesionModel
from training.wmh.fit import fit
from training.wmh.images import Lesson
from training.wmh.score import compare, reliability
from training.wmh.specks import scatter_specks
from training.wmh.variants import rescan

if find_spec("onnx") is None:
    pytest.skip("onnx is not installed: scripts/setup --dev", allow_module_level=True)

from training.wmh.onnx_file import write_graph

pytestmark = pytest.mark.long

FACTS = {"name": "trial", "features": ",".join(FEATURES)}


def lesson(rng, *, recipe="real", person="a"):
    values = rng.normal(0, 1, (2744, len(FEATURES))).astype(np.float32)
    labels = values[:, 0] + np.abs(values[:, 1]) + rng.normal(0, 0.3, len(values)) > 1.5
    return Lesson(
        person=person,
        recipe=recipe,
        healthy=False,
        values=values,
        labels=labels,
        weights=np.ones(len(values)),
    )


@pytest.fixture(scope="module")
def lessons():
    rng = np.random.default_rng(5)
    return [lesson(rng), lesson(rng, recipe="drawn", person="b")]


@pytest.fixture(scope="module")
def fitted(lessons):
    return fit(lessons, features=FEATURES, seed=0)


def test_the_onnx_file_gives_what_the_fitted_models_give(lessons, fitted):
    values = lessons[0].values
    found = LesionModel(write_graph(fitted, facts=FACTS)).predict(values)
    expected = 1 / (1 + np.exp(-fitted.log_odds(values)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_fit_tells_lesion_from_the_rest(lessons, fitted):
    odds = fitted.log_odds(lessons[0].values)
    labels = lessons[0].labels
    assert np.median(odds[labels]) > 0 > -1 > np.median(odds[~labels])


def test_the_same_images_give_the_same_file(lessons, fitted):
    again = fit(lessons, features=FEATURES, seed=0)
    assert write_graph(again, facts=FACTS) == write_graph(fitted, facts=FACTS)


def test_a_model_of_flair_alone_sees_no_t1w(lessons):
    alone = fit(lessons, features=FLAIR_FEATURES, seed=0)
    facts = FACTS | {"features": ",".join(FLAIR_FEATURES)}
    model = LesionModel(write_graph(alone, facts=facts))
    assert not model.needs_t1w
    assert not any(name.startswith("t1w") for name in alone.features)


def test_specks_fill_the_wanted_volume_within_white_matter(rng):
    white = np.zeros((60, 60, 60), bool)
    white[5:55, 5:55, 5:30] = True
    specks = scatter_specks(white, voxels=2000, rng=rng)
    assert 1500 < specks.sum() < 2600
    assert not (specks & ~white).any()


def test_a_map_that_is_the_truth_has_a_perfect_score():
    truth = np.zeros((20, 20, 20), bool)
    truth[3:7, 3:7, 3:7] = truth[12:15, 12:15, 12:15] = True
    score = compare(truth.astype(np.float32), truth)
    assert (score.dice, score.f1, score.found_ml) == (1, 1, score.true_ml)


def test_half_of_the_lesions_found_is_a_sensitivity_of_one_half():
    truth = np.zeros((20, 20, 20), bool)
    truth[3:7, 3:7, 3:7] = truth[12:15, 12:15, 12:15] = True
    half = truth & (np.indices(truth.shape)[0] < 10)
    score = compare(half.astype(np.float32), truth)
    assert (score.sensitivity, score.precision) == (0.5, 1)
    assert score.f1 == pytest.approx(2 / 3)


def test_a_calibrated_map_is_reliable(rng):
    p = rng.uniform(0.02, 1, (60, 60, 60)).astype(np.float32)
    truth = rng.random(p.shape) < p
    rows = reliability([p], [truth], edges=np.linspace(0, 1, 6))
    for predicted, observed in rows:
        assert observed == pytest.approx(predicted, abs=0.02)


@pytest.mark.parametrize("slice_mm", [1, 3, 4.5])
def test_another_scan_keeps_shape_and_level(rng, slice_mm):
    image = np.full((30, 30, 30), 50, np.float32)
    again = rescan(image, slice_mm=slice_mm, axis=2, blur_mm=0.3, noise=0.01, rng=rng)
    assert again.shape == image.shape
    assert again.mean() == pytest.approx(50, rel=0.01)
