"""Signal of a wall thinner than the blur, from outlines that are known."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.vessels.blur import blurred_disc
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.planes import Voxels, voxels_around

_MIN_VOXELS = 40
_AROUND_MM = 1.0  # how far beyond the outer wall the signals are looked at
_HALF_SLAB_MM = 0.5
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """Lumen and wall of a measured vessel: n sections along its line, and whether each counts.

    `inner_mm` and `outer_mm` are closed outlines, (n, 72, 2) in mm along the frame's axes;
    `accepted` is (n,).
    """

    line: Centreline
    inner_mm: Floats
    outer_mm: Floats
    accepted: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlinedSection:
    """The voxels of one section in one image and its outlines as radii about their middle."""

    signal: Floats
    first_mm: Floats
    second_mm: Floats
    axes: Floats  # (2, 3): the frame's axes
    angles: Floats
    inner_mm: Floats
    outer_mm: Floats


def outlined_sections(
    image: nib.Nifti1Image, *, outlines: Outlines, room_mm: float
) -> list[OutlinedSection | None]:
    """Collect the voxels of each accepted section; None where there are too few.

    Voxels count to 1 mm beyond the outer outline, which may lie `room_mm` off the centreline's
    middle.
    """
    used = outlines.accepted & np.isfinite(outlines.outer_mm).all(axis=(1, 2))
    if not used.any():
        return [None] * len(used)
    reach = float(np.hypot(*outlines.outer_mm[used].T).max()) + _AROUND_MM + room_mm
    voxels = voxels_around(image, line=outlines.line, reach_mm=reach)
    return [
        _section(voxels, outlines=outlines, index=k) if counts else None
        for k, counts in enumerate(used)
    ]


def _section(voxels: Voxels, *, outlines: Outlines, index: int) -> OutlinedSection | None:
    line, inner_mm, outer_mm = outlines.line, outlines.inner_mm[index], outlines.outer_mm[index]
    centre = inner_mm.mean(axis=0)
    near = np.abs(voxels.along_mm - line.along_mm[index]) <= _HALF_SLAB_MM
    first, second = voxels.first_mm[near] - centre[0], voxels.second_mm[near] - centre[1]
    angles = np.arctan2(*(inner_mm - centre).T[::-1])
    order = np.argsort(angles)
    outer = outer_mm - centre
    outer_angles = np.arctan2(outer[:, 1], outer[:, 0])
    outer_radii = np.interp(
        angles[order], *_ascending(outer_angles, np.hypot(*outer.T)), period=2 * np.pi
    )
    kept = np.hypot(first, second) < outer_radii.max() + _AROUND_MM
    if kept.sum() < _MIN_VOXELS:
        return None
    return OutlinedSection(
        signal=voxels.signal[near][kept],
        first_mm=first[kept],
        second_mm=second[kept],
        axes=np.stack([line.first[index], line.second[index]]),
        angles=angles[order],
        inner_mm=np.hypot(*(inner_mm - centre).T)[order],
        outer_mm=outer_radii,
    )


def _ascending(angles: Floats, radii: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(angles)
    return angles[order], radii[order]


def solve_signals(
    section: OutlinedSection, *, shift_mm: Floats, sigma_mm: float
) -> tuple[Floats, float]:
    """Return signals of lumen, wall and patterns outside, and the sum of squared residuals."""
    aside = section.axes @ shift_mm
    first, second = section.first_mm - aside[0], section.second_mm - aside[1]
    distance, angle = np.hypot(first, second), np.arctan2(second, first)
    lumen, whole = (
        blurred_disc(
            distance,
            radius_mm=np.interp(angle, section.angles, radii, period=2 * np.pi),
            sigma_mm=sigma_mm,
        )
        for radii in (section.inner_mm, section.outer_mm)
    )
    outside = 1 - whole
    columns = np.stack(
        [lumen, whole - lumen, outside, outside * np.cos(angle), outside * np.sin(angle),
         outside * np.cos(2 * angle), outside * np.sin(2 * angle)], axis=1,
    )  # fmt: skip
    square = columns.T @ columns
    ridge = np.diag([1e-9, 1e-9, 1e-9, *[_RIDGE] * 4]) * len(distance)
    signals: Floats = np.linalg.solve(square + ridge, columns.T @ section.signal)
    residual = columns @ signals - section.signal
    return signals, float(residual @ residual)
