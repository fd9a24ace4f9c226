"""Centreline, its frame, and places in the straightened vessel."""

import numpy as np
import pytest

from npsle_app.imaging.vessels.centreline import make_centreline, moved, straighten

LINE = np.linspace([0, 0, 0], [0, 6, 8], 30)


def circle(radius_mm=15.0, turn=1.5):
    angle = np.linspace(0, turn, 200)
    return radius_mm * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)


def helix():
    angle = np.linspace(0, 3, 300)
    return np.stack([8 * np.cos(angle), 8 * np.sin(angle), 4 * angle], axis=1)


def test_a_straight_line_stays_where_it_is_with_its_length():
    line = make_centreline(LINE)
    assert line.length_mm == pytest.approx(10.0)
    assert line.points[-1] == pytest.approx([0, 6, 8], abs=1e-6)
    assert line.tortuosity == pytest.approx(1.0)


def test_an_arc_has_its_length_and_tortuosity():
    line = make_centreline(circle(), smoothing_mm=0)
    assert line.length_mm == pytest.approx(22.5, abs=0.5)
    assert line.tortuosity == pytest.approx(
        line.length_mm / (30 * np.sin(line.length_mm / 30)), rel=1e-3
    )


def test_smoothing_takes_out_jitter_and_keeps_the_ends():
    jitter = np.random.default_rng(0).normal(0, 0.3, LINE.shape)
    line = make_centreline(LINE + jitter)
    off = line.points - np.outer(line.points @ [0, 0.6, 0.8], [0, 0.6, 0.8])
    assert np.linalg.norm(off[2:-2], axis=1).mean() < 0.25
    assert line.points[0] == pytest.approx((LINE + jitter)[0], abs=1e-6)


@pytest.mark.parametrize("points", [LINE, circle(), helix()])
def test_the_frame_is_orthonormal_everywhere(points):
    line = make_centreline(points)
    frames = np.stack([line.tangents, line.first, line.second], axis=1)
    assert frames @ frames.swapaxes(1, 2) == pytest.approx(
        np.broadcast_to(np.eye(3), frames.shape), abs=1e-6
    )


def test_the_frame_of_a_plane_curve_does_not_twist():
    line = make_centreline(circle())
    upward = line.first @ [0, 0, 1]
    assert np.ptp(upward) < 1e-6


def test_places_in_the_straightened_vessel_lead_back_to_the_points():
    line = make_centreline(circle(), smoothing_mm=0)
    k = 20
    points = line.points[[k]] + 1.5 * line.first[[k]] - 0.7 * line.second[[k]]
    along, first, second = straighten(points, line=line)
    assert along[0] == pytest.approx(line.along_mm[k], abs=0.01)
    assert (first[0], second[0]) == pytest.approx((1.5, -0.7), abs=0.01)


def test_points_beyond_the_ends_have_no_place():
    along, _, _ = straighten(np.array([[0, -3.0, -4.0], [0, 3.0, 4.0]]), line=make_centreline(LINE))
    assert np.isnan(along[0])
    assert along[1] == pytest.approx(5.0)


def test_a_line_moves_by_the_offsets_along_its_frame():
    line = make_centreline(LINE)
    there = moved(line, offsets=np.tile([0.5, -0.2], (len(line.points), 1)))
    expected = line.points + 0.5 * line.first - 0.2 * line.second
    assert there.points == pytest.approx(expected, abs=1e-6)


def test_a_vessel_too_short_to_follow_is_refused():
    with pytest.raises(ValueError, match="too short to follow"):
        make_centreline(LINE[:3])
