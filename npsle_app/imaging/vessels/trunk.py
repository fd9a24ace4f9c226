"""Move a vessel's line to the middle of its lumen, and end it where the vessel itself ends."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats
from npsle_app.imaging.vessels.centreline import make_centreline, moved
from npsle_app.imaging.vessels.course import Course
from npsle_app.imaging.vessels.fits import lumen_centres

_MAX_ROUNDS = 4
_SETTLED_MM = 0.15
_LEAST_CALIBRE = 0.85  # of the usual one; where a vessel divides its branches are thinner
_FORK_CALIBRE = 1.3  # of the usual one; two vessels in one section
_FORK_WITHIN = 5  # mm from an end: farther in it is a wide place of the vessel
_FORK_MM = 1.0  # in front of a branch, where the section is that of both


def centred(course: Course) -> Course:
    """Move a line to the middle of the lumen, in rounds, until it stays."""
    for _ in range(_MAX_ROUNDS):
        offsets = lumen_centres(course.contours())
        course = replace(course, line=moved(course.line, offsets=offsets))
        if np.percentile(np.hypot(*offsets.T), 90) < _SETTLED_MM:
            break
    return course


def trim_to_trunk(course: Course, *, least_mm: float) -> Course:
    """Cut off the ends of a line that run on into branches.

    Parameters
    ----------
    course
        Its line was found without a reader.
    least_mm
        Length that must be left.

    Returns
    -------
    Course
        The same, in the middle of the lumen, without ends where the outer wall's radius is less
        than 85 % of the median along the line, without what lies beyond a fork (30 % wider) in
        the outer 5 mm, and without 1 mm in front of both. A narrow lumen behind a thick wall is
        no end.

    Raises
    ------
    ValueError
        If too little is left of it.
    """
    course = centred(course)
    line = course.line
    outer_mm = np.sqrt(np.mean(course.contours().outer_mm ** 2, axis=1))
    first, last = trunk_of(outer_mm, margin=round(_FORK_MM / line.step_mm))
    left_mm = max(last - first, 0) * line.step_mm
    if left_mm < least_mm:
        msg = (f"not assessable: of a dark tube in its search box {left_mm:.0f} mm have "
               f"one calibre; expected {least_mm:.0f} mm or more")  # fmt: skip
        raise ValueError(msg)
    trunk = make_centreline(line.points[first : last + 1], smoothing_mm=0)
    return replace(course, line=trunk)


def trunk_of(outer_mm: Floats, *, margin: int) -> tuple[int, int]:
    """Return the first and the last section of the trunk, from the outer wall's radii, (n,).

    Examples
    --------
    >>> trunk_of(np.array([1.0] + [2.0] * 9 + [1.2] * 4), margin=1)
    (2, 8)
    """
    usual = float(np.median(outer_mm))
    smooth = ndimage.median_filter(outer_mm, size=3, mode="nearest")
    wide = np.flatnonzero(smooth >= _LEAST_CALIBRE * usual)
    fork = np.flatnonzero(outer_mm >= _FORK_CALIBRE * usual)
    middle = len(outer_mm) / 2
    before = fork[fork < min(_FORK_WITHIN * margin, middle)]
    behind = fork[fork > len(outer_mm) - 1 - min(_FORK_WITHIN * margin, middle)]
    first = max([int(wide[0]), *before + 1])
    last = min([int(wide[-1]), *behind - 1])
    first += margin if first > 0 else 0
    last -= margin if last < len(outer_mm) - 1 else 0
    return first, last
