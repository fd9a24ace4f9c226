"""Lines in the middle of the lumen, which end where the vessel itself ends."""

from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.trunk import centred, trim_to_trunk, trunk_of
from npsle_app.phantom.arteries.tubes import Artery, arc
from npsle_app.phantom.arteries.vessels import scan_arteries
from tests.imaging.vessels.scene import course_along

FORK_MM = 13.0


@cache
def forked(*, bend_radius_mm=20.0):
    """Return an artery that runs on into a branch half as wide, their course, and the image."""
    points = arc(length_mm=20, bend_radius_mm=bend_radius_mm)
    at = round(FORK_MM / 0.05)
    trunk = Artery(points=points[:at], radius_mm=1.5, wall_mm=0.8)
    branch = Artery(points=points[at:], radius_mm=0.75, wall_mm=0.35)
    scan = scan_arteries([trunk, branch], voxel_mm=0.5, snr=20, rng=np.random.default_rng(3),
                         field_mm=(12, 14, 17))  # fmt: skip
    return trunk, points, scan.image


def line_along(points):
    return make_centreline(points[60:-60:10], smoothing_mm=0)


def test_a_line_that_runs_on_into_a_branch_is_cut_at_the_fork():
    trunk, points, image = forked()
    found = trim_to_trunk(course_along(line_along(points), image=image), least_mm=4).line
    along = cKDTree(points).query(found.points)[1] * 0.05
    assert along.max() == pytest.approx(FORK_MM - 1, abs=1.0)
    assert along.min() == pytest.approx(3, abs=0.6)
    assert cKDTree(trunk.points).query(found.points)[0].max() < 0.2


def test_a_line_that_starts_in_a_branch_is_cut_alike():
    _, points, image = forked()
    course = course_along(line_along(points[::-1]), image=image)
    found = trim_to_trunk(course, least_mm=4).line
    along = cKDTree(points).query(found.points)[1] * 0.05
    assert along.max() == pytest.approx(FORK_MM - 1, abs=1.0)


def test_a_trunk_that_is_too_short_is_not_assessable():
    _, points, image = forked()
    with pytest.raises(ValueError, match=r"not assessable: .* expected 15 mm or more"):
        trim_to_trunk(course_along(line_along(points), image=image), least_mm=15)


def test_a_line_at_the_lumens_edge_moves_to_its_middle():
    trunk, points, image = forked(bend_radius_mm=6.0)
    course = points[60 : round(FORK_MM / 0.05) - 40 : 10]
    inwards = np.mean(course, axis=0) - course
    edge = course + inwards / np.linalg.norm(inwards, axis=1, keepdims=True)
    line = centred(course_along(make_centreline(edge, smoothing_mm=0), image=image)).line
    inner = line.points[2:-2]
    assert cKDTree(trunk.points).query(inner)[0].max() < 0.25


def test_a_vessel_of_one_calibre_keeps_its_ends():
    assert trunk_of(np.linspace(2.2, 2.0, 30), margin=2) == (0, 29)


def test_a_thin_place_in_the_middle_is_no_end():
    outer = np.full(30, 2.0)
    outer[12:18] = 1.2
    assert trunk_of(outer, margin=2) == (0, 29)


def test_what_lies_beyond_a_fork_near_an_end_belongs_to_another_vessel():
    outer = np.full(40, 2.0)
    outer[4:7] = 3.1
    assert trunk_of(outer, margin=2) == (9, 39)
    assert trunk_of(outer[::-1], margin=2) == (0, 30)


def test_a_wide_place_in_the_middle_is_no_fork():
    outer = np.full(40, 2.0)
    outer[18:24] = 3.1
    assert trunk_of(outer, margin=2) == (0, 39)
