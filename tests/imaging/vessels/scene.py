"""Small black-blood phantoms for the tests of the vessel wall."""

from functools import cache

import numpy as np

from npsle_app.imaging.vessels.centreline import make_centreline
from npsle_app.imaging.vessels.course import lay_course
from npsle_app.measures.names_of_vessels import VesselName
from npsle_app.phantom.arteries.tubes import Artery, arc
from npsle_app.phantom.arteries.vessels import BRIGHT_BLOOD, Surroundings, scan_arteries

M1 = VesselName("M1", "left")
INSIDE = slice(60, -60)  # 3 mm from each end of the points


@cache
def scene(
    *,
    wall_mm=1.0,
    radius_mm=1.35,
    offset_mm=0.0,
    tilt_deg=0.0,
    bend_radius_mm=np.inf,
    voxel_mm=0.5,
    snr=30.0,
    bright_blood=False,
    slow_mm=None,
    seed=1,
):
    """Return an artery of 14 mm and its scan, which shows all of it."""
    artery = Artery(
        points=arc(length_mm=14, tilt_deg=tilt_deg, bend_radius_mm=bend_radius_mm),
        radius_mm=radius_mm,
        wall_mm=wall_mm,
        offset_mm=offset_mm,
        slow_mm=slow_mm,
    )
    long = 15 if tilt_deg == 0 else 14
    scan = scan_arteries(
        [artery],
        voxel_mm=voxel_mm,
        snr=snr,
        rng=np.random.default_rng(seed),
        field_mm=(12, 12 if tilt_deg == 0 else 17, long),
        surroundings=Surroundings(blood=BRIGHT_BLOOD) if bright_blood else Surroundings(),
    )
    return artery, scan


def rough_line(artery, *, seed=0):
    """Return the centreline through points that are 0.3 mm off."""
    points = artery.points[INSIDE][::20]
    return make_centreline(points + np.random.default_rng(seed).normal(0, 0.3, points.shape))


def course_along(line, *, image):
    """Lay the course of a vessel, whatever its name."""
    return lay_course(image, line=line, name=M1)
