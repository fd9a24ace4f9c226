"""Closed contours on rays: the radii of a known ring, whatever the signal's scale."""

import numpy as np
import pytest
from scipy import ndimage

from npsle_app.imaging.vessels.contours import close_path, find_contours
from npsle_app.imaging.vessels.planes import RAY_STEP_MM, ray_angles, ray_radii


def rays(*, inner=1.4, outer=2.4, n=4, brain_at=None):
    """Return rays through a ring, blurred by little; brain lies from `brain_at` mm on."""
    radii = ray_radii()
    inner, outer = (np.broadcast_to(each, 72)[:, None] for each in (inner, outer))
    signal = np.where(radii < inner, 0.05, np.where(radii < outer, 1.0, 0.25))
    if brain_at is not None:
        toward = np.cos(ray_angles())[:, None] * radii
        signal = np.where(toward > brain_at, 0.85, signal)
    return np.repeat(ndimage.gaussian_filter1d(signal, 3.0, axis=1)[None], n, axis=0)


def test_both_radii_of_a_ring_are_found():
    found = find_contours(rays(), step_mm=RAY_STEP_MM)
    assert found.inner_mm == pytest.approx(np.full((4, 72), 1.4), abs=0.06)
    assert found.outer_mm == pytest.approx(np.full((4, 72), 2.4), abs=0.06)


def test_an_eccentric_wall_is_followed_around():
    outer = 2.3 + 0.5 * np.cos(ray_angles())
    found = find_contours(rays(outer=outer), step_mm=RAY_STEP_MM)
    assert found.outer_mm[0] == pytest.approx(outer, abs=0.08)


def test_brain_beside_the_vessel_does_not_draw_the_contours_away():
    found = find_contours(rays(brain_at=3.2), step_mm=RAY_STEP_MM)
    assert found.outer_mm == pytest.approx(np.full((4, 72), 2.4), abs=0.12)


def test_the_signals_scale_changes_nothing():
    first, second = (find_contours(k * rays(), step_mm=RAY_STEP_MM) for k in (1.0, 700.0))
    assert first.inner_mm == pytest.approx(second.inner_mm)
    assert first.outer_mm == pytest.approx(second.outer_mm)


def test_turning_the_rays_turns_the_contours():
    outer = 2.3 + 0.5 * np.cos(ray_angles())
    first = find_contours(rays(outer=outer), step_mm=RAY_STEP_MM)
    second = find_contours(np.roll(rays(outer=outer), 18, axis=1), step_mm=RAY_STEP_MM)
    assert np.roll(first.outer_mm, 18, axis=1) == pytest.approx(second.outer_mm, abs=0.06)


def test_a_plane_of_noise_is_held_by_its_neighbours():
    signal = rays(n=9)
    signal[4] = np.random.default_rng(0).normal(0.5, 0.3, signal[4].shape)
    found = find_contours(signal, step_mm=RAY_STEP_MM)
    assert np.abs(found.inner_mm[4] - 1.4).mean() < 0.5


def test_paths_close_and_move_by_one_sample_at_most():
    cost = np.random.default_rng(1).random((5, 72, 40))
    path = close_path(cost)
    steps = np.diff(np.concatenate([path, path[:, :1]], axis=1), axis=1)
    assert np.abs(steps).max() <= 1


def test_no_other_closed_path_is_cheaper_on_a_small_example():
    cost = np.full((1, 12, 9), 1.0)
    cost[0, np.arange(12), 4 + np.round(2 * np.sin(np.arange(12) * np.pi / 6)).astype(int)] = 0.0
    path = close_path(cost)
    assert np.take_along_axis(cost, path[..., None], axis=2).sum() == 0.0
