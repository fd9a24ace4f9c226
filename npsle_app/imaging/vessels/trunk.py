"""Move a vessel's line to the middle of its lumen, and end it where the vessel itself ends."""

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats
from npsle_app.imaging.vessels.centreline import Centreline, make_centreline, moved
from npsle_app.imaging.vessels.contours import Contours, find_contours
from npsle_app.imaging.vessels.fits import lumen_centres
from npsle_app.imaging.vessels.planes import RAY_STEP_MM, cut_around, sample_rays

_MARGIN_MM = 8.0
_MAX_ROUNDS = 4
_SETTLED_MM = 0.15
_LEAST_CALIBRE = 0.85  # of the usual one; where a vessel divides its branches are thinner
_FORK_CALIBRE = 1.3  # of the usual one; two vessels in one section
_FORK_WITHIN = 5  # mm from an end: farther in it is a wide place of the vessel
_FORK_MM = 1.0  # in front of a branch, where the section is that of both


def centred(part: nib.Nifti1Image, *, line: Centreline) -> Centreline:
    """Move a line to the middle of the lumen, in rounds, until it stays.

    `part` is the image, cut around the line with some room; the line runs inside the lumen.
    """
    for _ in range(_MAX_ROUNDS):
        offsets = lumen_centres(_contours(part, line=line))
        line = moved(line, offsets=offsets)
        if np.percentile(np.hypot(*offsets.T), 90) < _SETTLED_MM:
            break
    return line


def trim_to_trunk(
    image: nib.Nifti1Image, *, line: Centreline, least_mm: float, name: str
) -> Centreline:
    """Cut off the ends of a line that run on into branches.

    Parameters
    ----------
    image
        Black-blood image.
    line
        A line that was found without a reader, inside the lumen.
    least_mm
        Length that must be left.
    name
        What to call the vessel in messages.

    Returns
    -------
    Centreline
        The same, in the middle of the lumen, without ends where the outer wall's radius is less
        than 85 % of the median along the line, without what lies beyond a fork (30 % wider) in
        the outer 5 mm, and without 1 mm in front of both. A narrow lumen behind a thick wall is
        no end.

    Raises
    ------
    ValueError
        If the line leaves the image, or too little is left of it.
    """
    part = cut_around(image, line=line, margin_mm=_MARGIN_MM)
    line = centred(part, line=line)
    outer_mm = np.sqrt(np.mean(_contours(part, line=line).outer_mm ** 2, axis=1))
    first, last = trunk_of(outer_mm, margin=round(_FORK_MM / line.step_mm))
    left_mm = max(last - first, 0) * line.step_mm
    if left_mm < least_mm:
        msg = (f"{name}: not assessable: of a dark tube in its search box {left_mm:.0f} mm have "
               f"one calibre; expected {least_mm:.0f} mm or more")  # fmt: skip
        raise ValueError(msg)
    return make_centreline(line.points[first : last + 1], smoothing_mm=0)


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


def _contours(part: nib.Nifti1Image, *, line: Centreline) -> Contours:
    return find_contours(sample_rays(part, line=line), step_mm=RAY_STEP_MM)
