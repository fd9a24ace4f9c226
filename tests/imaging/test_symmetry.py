"""The plane in which a head is its own mirror image."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.symmetry import find_mirror


def _head(*, axis: int = 0, tilt_rad: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """Two blobs in an egg; symmetric about a plane across `axis`."""
    grid = np.indices((72, 80, 64)).astype(float) - 36
    x = grid[0] - shift
    turned = np.cos(tilt_rad) * x + np.sin(tilt_rad) * grid[1]
    along = -np.sin(tilt_rad) * x + np.cos(tilt_rad) * grid[1]
    egg = (turned / 24) ** 2 + (along / (30 + along / 8)) ** 2 + ((grid[2] + 4) / 22) ** 2 < 1
    blobs = ((np.abs(turned) - 12) ** 2 + (along - 8) ** 2 + (grid[2] + 2) ** 2) < 36
    image = ndimage.gaussian_filter(egg + 2.0 * blobs, 1).astype(np.float32)
    return np.moveaxis(image, 0, axis)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_left_right_may_be_any_axis(axis: int) -> None:
    mirror = find_mirror(_head(axis=axis))
    normal = np.eye(3)[axis]
    np.testing.assert_allclose(mirror.matrix @ normal, -normal, atol=0.02)


@pytest.mark.parametrize("tilt_deg", [-12, 7])
def test_a_tilted_and_shifted_plane_is_found_within_a_degree_and_half_a_voxel(
    tilt_deg: int,
) -> None:
    tilt = np.radians(tilt_deg)
    mirror = find_mirror(_head(tilt_rad=tilt, shift=3.0))
    normal = np.array([np.cos(tilt), np.sin(tilt), 0])
    found = (np.eye(3) - mirror.matrix)[0] / 2
    found /= np.linalg.norm(found)
    assert np.degrees(np.arccos(abs(found @ normal))) < 1
    on_plane = np.array([39.0, 36, 36])
    assert np.linalg.norm(mirror.matrix @ on_plane + mirror.offset - on_plane) < 1


def test_reflecting_twice_gives_the_point_back() -> None:
    mirror = find_mirror(_head(tilt_rad=0.1, shift=2))
    point = np.array([10.0, 20, 30])
    once = mirror.matrix @ point + mirror.offset
    np.testing.assert_allclose(mirror.matrix @ once + mirror.offset, point, atol=1e-9)


def test_a_spot_is_seen_on_the_other_side() -> None:
    head = _head(shift=2)
    spot = np.zeros_like(head)
    spot[20:23, 40:43, 30:33] = 1
    there = ndimage.center_of_mass(find_mirror(head).reflect(spot))
    np.testing.assert_allclose(there, (2 * 38 - 21, 41, 31), atol=1)


def test_an_empty_image_swaps_the_ends_of_the_first_axis() -> None:
    mirror = find_mirror(np.zeros((20, 24, 28), np.float32))
    np.testing.assert_allclose(mirror.matrix, np.diag([-1, 1, 1]), atol=1e-6)
