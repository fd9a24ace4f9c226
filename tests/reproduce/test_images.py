"""Images are compared by bytes elsewhere; here grid by grid and voxel by voxel."""

import nibabel as nib
import numpy as np
import pytest

from npsle_app.reproduce.images import compare_images
from npsle_app.reproduce.tolerances import EXACT, Rule

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@pytest.fixture
def pair(tmp_path):
    def save(before, now, *, affine=AFFINE, now_affine=AFFINE, rule=EXACT):
        paths = tmp_path / "before.nii.gz", tmp_path / "now.nii.gz"
        for path, data, grid in zip(paths, (before, now), (affine, now_affine), strict=True):
            if isinstance(data, bytes):
                path.write_bytes(data)
            else:
                nib.save(nib.Nifti1Image(data, grid), path)
        return compare_images(*paths, name="a.nii.gz", rule=rule)

    return save


def floats(rng):
    return rng.normal(100, 10, (4, 5, 6)).astype(np.float32)


def test_the_same_voxels_agree(pair, rng):
    data = floats(rng)
    assert pair(data, data.copy()) == []


def test_one_changed_voxel_is_found_and_measured(pair, rng):
    data = floats(rng)
    other = data.copy()
    other[1, 2, 3] += 0.5
    (found,) = pair(data, other)
    assert (found.part, found.n_different, found.n_compared) == ("voxels", 1, 120)
    assert found.largest == pytest.approx(0.5, abs=1e-4)
    assert not found.agrees


@pytest.mark.parametrize(("relative", "agrees"), [(0.01, True), (0.001, False)])
def test_a_tolerance_is_relative_to_the_largest_value(pair, relative, agrees):
    data = np.full((3, 3, 3), 100, np.float32)
    other = data.copy()
    other[0, 0, 0] = 100.5
    (found,) = pair(data, other, rule=Rule(files="*", relative=relative))
    assert found.agrees is agrees


def test_no_number_agrees_with_no_number_alone(pair, rng):
    data = floats(rng)
    data[0, 0, 0] = np.nan
    assert pair(data, data.copy()) == []
    other = data.copy()
    other[0, 0, 0] = 1
    (found,) = pair(data, other, rule=Rule(files="*", absolute=1e9))
    assert not found.agrees
    assert (found.recorded, found.reproduced) == ("1 without a number", "0 without a number")


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_what_is_infinite_agrees_with_the_same_alone(pair, rng, infinite):
    data = floats(rng)
    data[0, 0, 0] = infinite
    assert pair(data, data.copy()) == []
    other = data.copy()
    other[0, 0, 0] = -infinite
    (found,) = pair(data, other, rule=Rule(files="*", absolute=1e9))
    assert not found.agrees
    assert found.largest == np.inf


@pytest.mark.parametrize(("share", "agrees"), [(0.0, False), (0.1, True)])
def test_of_labels_it_counts_how_many_differ(pair, share, agrees):
    data = np.zeros((4, 5, 5), np.uint8)
    other = data.copy()
    other[0, 0, :4] = 200
    (found,) = pair(data, other, rule=Rule(files="*", share=share))
    assert (found.n_different, found.largest, found.agrees) == (4, 200.0, agrees)


def test_another_grid_is_told_and_no_voxel_compared(pair, rng):
    data = floats(rng)
    moved = AFFINE.copy()
    moved[0, 3] = 1.0
    (found,) = pair(data, data, now_affine=moved, rule=Rule(files="*", absolute=1e9))
    assert (found.part, found.largest, found.agrees) == ("affine", 1.0, False)
    (found,) = pair(data, data[:3])
    assert (found.part, found.recorded, found.reproduced) == ("shape", "4 × 5 × 6", "3 × 5 × 6")


def test_an_image_that_breaks_off_is_a_difference(pair, rng):
    (found,) = pair(floats(rng), b"\x1f\x8b\x08cut")
    assert found.recorded == ""
    assert found.reproduced.startswith("cannot be read: ")
    assert not found.agrees


def test_images_of_colours_are_compared(pair):
    data = np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    other = data.copy()
    assert pair(data, other) == []
    other["G"][1, 1, 1] = 9
    (found,) = pair(data, other)
    assert (found.n_different, found.largest) == (1, 9.0)
