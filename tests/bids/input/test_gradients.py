"""Vectors that are not of length 1: what they tell, and what cannot be told."""

import numpy as np
import pytest

from npsle_app.bids.input.gradients import (
    gradient_findings,
    read_plain_b_values,
    read_tables,
    understand,
)


@pytest.fixture
def directions(rng):
    made = rng.normal(size=(3, 30))
    return made / np.linalg.norm(made, axis=0)


def table(directions, b_values, lengths):
    """Return 2 volumes without weighting and 30 with it."""
    vectors = np.hstack([np.zeros((3, 2)), directions * lengths])
    return np.array([0.0, 0, *np.broadcast_to(b_values, 30)]), vectors


@pytest.mark.fault(
    "Images",
    "shells told by the lengths of the vectors",
    "b-values times the squared lengths, and told",
)
def test_the_lengths_of_vectors_tell_the_shells_of_one_nominal_b_value(directions):
    lengths = np.where(np.arange(30) % 2, np.sqrt(0.5), 1.0)
    b_values, vectors = table(directions, 2000, lengths)
    found = understand(b_values, vectors=vectors)
    np.testing.assert_allclose(found.b_values[2:], np.where(np.arange(30) % 2, 1000, 2000))
    np.testing.assert_allclose(np.linalg.norm(found.vectors[:, 2:], axis=0), 1)
    assert "b-values are taken for 1000, 2000 s/mm²" in found.note


def test_written_with_few_digits_the_lengths_tell_the_same(directions):
    lengths = np.where(np.arange(30) % 3, np.sqrt(1 / 3), 1.0)
    b_values, vectors = table(directions, 3000, lengths)
    found = understand(b_values, vectors=vectors.round(3))
    np.testing.assert_allclose(found.b_values[2:], np.where(np.arange(30) % 3, 1000, 3000), atol=15)


def test_vectors_of_length_0_are_volumes_without_weighting_where_no_b_value_says_so(directions):
    b_values, vectors = table(directions, 1000, 1.0)
    found = understand(np.full(32, 1000.0), vectors=vectors)
    np.testing.assert_allclose(found.b_values, b_values)
    assert not found.fault


def test_vectors_of_length_0_beside_volumes_without_weighting_are_refused(directions):
    b_values, vectors = table(directions, 1000, np.where(np.arange(30) == 7, 0.0, 1.0))
    fault = understand(b_values, vectors=vectors).fault
    assert fault.startswith("1 of its 30 volumes with b > 50 have no direction")


def test_lengths_as_the_root_of_b_values_that_say_the_same_change_nothing(directions):
    b_values = np.where(np.arange(30) % 2, 700.0, 2800.0)
    both = table(directions, b_values, np.sqrt(b_values / 2800))
    found = understand(both[0], vectors=both[1])
    np.testing.assert_array_equal(found.b_values, both[0])
    assert "as the root of b" in found.note


@pytest.mark.parametrize("length", [0.5, 2.0])
def test_one_length_that_is_not_1_tells_nothing_and_is_told(directions, length):
    both = table(directions, 1000, length)
    found = understand(both[0], vectors=both[1])
    np.testing.assert_array_equal(found.b_values, both[0])
    assert found.note == "30 of its 30 directions with b > 50 are not of length 1"


def test_rounded_vectors_of_length_1_are_no_news(directions):
    both = table(directions, 1000, 1.0)
    assert not understand(both[0], vectors=both[1].round(2)).note


@pytest.mark.parametrize("rows", [3, 30])
@pytest.mark.fault(
    "Images",
    "vectors of unlike lengths that tell no shells",
    "refused",
)
def test_lengths_that_tell_no_shells_are_refused_before_computing(tmp_path, directions, rng, rows):
    lengths = rng.uniform(0.3, 1, 30) if rows == 30 else np.where(np.arange(30) % 2, 2.0, 3.0)
    b_values, vectors = table(directions, 1000, lengths)
    image = tmp_path / "sub-01_dwi.nii.gz"
    image.touch()
    np.savetxt(tmp_path / "sub-01_dwi.bval", b_values[None])
    np.savetxt(tmp_path / "sub-01_dwi.bvec", vectors)
    (finding,) = gradient_findings(image, n_volumes=32)
    assert finding.refused
    assert "are not of length 1" in finding.found
    with pytest.raises(ValueError, match="are not of length 1"):
        read_tables(image)


@pytest.mark.parametrize(("unit", "factor"), [("ms/µm²", 1e-3), ("s/m²", 1e6)])
@pytest.mark.fault("Images", "b-values in ms/µm² or s/m²", "read in s/mm², and told")
def test_b_values_in_another_unit_are_understood_and_told(tmp_path, directions, unit, factor):
    path = tmp_path / "sub-01_dwi.nii.gz"
    b_values, vectors = table(directions, 1000, 1)
    np.savetxt(tmp_path / "sub-01_dwi.bvec", vectors)
    np.savetxt(tmp_path / "sub-01_dwi.bval", (b_values * factor)[None], fmt="%g")
    (found,) = gradient_findings(path, n_volumes=32)
    assert not found.refused
    assert f"are taken for {unit}: 1000 s/mm²" in found.found
    np.testing.assert_allclose(read_tables(path)[0], b_values)


@pytest.mark.parametrize("told", [[0, 5, 5], [0] + [20] * 30, [0] + [10_000] * 30])
def test_b_values_that_may_be_s_per_mm2_are_left_as_they_are(tmp_path, told):
    path = tmp_path / "sub-01_dwi.nii.gz"
    np.savetxt(tmp_path / "sub-01_dwi.bval", [told], fmt="%g")
    np.testing.assert_array_equal(read_plain_b_values(path), told)
