"""What the training of the lesion model promises."""

from importlib.util import find_spec

import numpy as np
import pytest

from npsle_app.imaging.wmh.features import FEATURES, Candidates
from npsle_app.imaging.wmh.model import LesionModel
from training.wmh.fit import Described, fit
from training.wmh.score import compare, reliability
from training.wmh.variants import Variant, rescan

if find_spec("onnx") is None:
    pytest.skip("onnx is not installed: scripts/setup --dev", allow_module_level=True)

from training.wmh.onnx_file import write_graph

FACTS = {"name": "trial", "features": ",".join(FEATURES)}


def described(rng, *, kind="real", person="a"):
    where = np.ones((14, 14, 14), bool)
    values = rng.normal(0, 1, (where.size, len(FEATURES))).astype(np.float32)
    labels = values[:, 0] + np.abs(values[:, 1]) + rng.normal(0, 0.3, where.size) > 1.5
    truth = labels.reshape(where.shape)
    image = np.zeros(where.shape, np.float32)
    return Described(
        variant=Variant(person=person, kind=kind, flair=image, t1w=image, truth=truth),
        candidates=Candidates(where=where, values=values, tissue=None, fluid=~where),
        labels=labels,
        brain=where,
    )


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(5)
    return [described(rng), described(rng, kind="drawn", person="b")]


@pytest.fixture(scope="module")
def fitted(images):
    return fit(images, seed=0)


def test_the_onnx_file_gives_what_the_fitted_models_give(images, fitted):
    values = images[0].candidates.values
    found = LesionModel(write_graph(fitted, facts=FACTS)).predict(values)
    expected = 1 / (1 + np.exp(-fitted.log_odds(values)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_fit_tells_lesion_from_the_rest(images, fitted):
    odds = fitted.log_odds(images[0].candidates.values)
    labels = images[0].labels
    assert np.median(odds[labels]) > 0 > -1 > np.median(odds[~labels])


def test_the_same_images_give_the_same_file(images, fitted):
    assert write_graph(fit(images, seed=0), facts=FACTS) == write_graph(fitted, facts=FACTS)


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
