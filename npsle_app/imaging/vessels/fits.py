"""Annuli fitted to all sections of a vessel, and the point spread that explains them best."""

from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np

from npsle_app.arrays import Bools, Floats
from npsle_app.imaging.vessels.annulus import (
    BLUR_UNCERTAINTY,
    Annulus,
    Blur,
    Section,
    Start,
    fit_annulus,
)
from npsle_app.imaging.vessels.blur import (
    CANDIDATES,
    Kernel,
    PointSpread,
    blur_sigma_mm,
    most_likely,
    relative_widths,
)
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.contours import Contours
from npsle_app.imaging.vessels.course import Course
from npsle_app.imaging.vessels.planes import Voxels, ray_angles, voxels_around

_MOST = 9  # sections that tell the point spread
_AROUND_MM = 1.0  # how far beyond the outer contour the fit looks


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionStart:
    """The voxels of a section and where its fit begins; `apart` sections on they are others."""

    section: Section
    start: Start
    apart: int


def half_slab_mm(voxel_mm: float) -> float:
    """Return how far in front of and behind a plane its voxels lie."""
    return max(0.5, voxel_mm)


def lumen_centres(contours: Contours) -> Floats:
    """Return the centroid of the area inside each inner contour, (n, 2) in mm."""
    angles, radii = ray_angles(), contours.inner_mm
    weight = np.mean(radii**2, axis=1) / 2
    towards = np.stack([np.cos(angles), np.sin(angles)])
    centres: Floats = np.mean(radii[:, None] ** 3 / 3 * towards, axis=2) / weight[:, None]
    return centres


def look_around(course: Course, *, contours: Contours, voxel_mm: float) -> list[SectionStart]:
    """Collect the voxels around each plane of a centreline, and start from its contours."""
    line = course.line
    voxels = voxels_around(course.part, line=line, reach_mm=float(contours.outer_mm.max()) + 2)
    edges_mm = nib.affines.voxel_sizes(course.part.affine)
    axes = course.part.affine[:3, :3] / edges_mm
    centres, slab_mm = lumen_centres(contours), half_slab_mm(voxel_mm)
    found = []
    for k, place in enumerate(line.along_mm):
        near = np.abs(voxels.along_mm - place) <= slab_mm
        radius = float(np.sqrt(np.mean(contours.inner_mm[k] ** 2)))
        outer = float(np.sqrt(np.mean(contours.outer_mm[k] ** 2)))
        start = Start(
            centre_mm=(float(centres[k, 0]), float(centres[k, 1])),
            radius_mm=radius,
            wall_mm=max(outer - radius, 0.2),
        )
        section = _section(voxels, near=near, limit_mm=contours.outer_mm[k] + _AROUND_MM)
        normals = _normals(section, start=start, line=line, plane=k)
        widths = relative_widths(normals @ axes, edges_mm=edges_mm)
        section = replace(section, widths=widths)
        apart = int(np.ceil(2 * slab_mm / line.step_mm - 1e-6)) + 1
        found.append(SectionStart(section=section, start=start, apart=apart))
    return found


def fit_sections(
    starts: list[SectionStart], *, blur: Blur, near: list[Annulus | None] | None = None
) -> list[Annulus | None]:
    """Fit an annulus to each section, from those of another blur on; None where there is none."""
    known = near or [None] * len(starts)
    return [
        fit_annulus(one.section, start=one.start, blur=blur, near=fit)
        for one, fit in zip(starts, known, strict=True)
    ]


def fit_point_spread(
    starts: list[SectionStart], *, voxel_mm: float, expected: float
) -> PointSpread:
    """Find kernel and width of the point spread that explain the sections best.

    Only sections that share no voxels are looked at, without those at the ends. Where they say
    nothing the kernel is a Gaussian of the expected width, and the whole blur uncertain by 15 %.
    """
    apart = starts[1 : -1 : starts[0].apart] if starts else []
    even = np.linspace(0, len(apart) - 1, min(_MOST, len(apart))).round().astype(int)
    chosen = [apart[k] for k in even]
    if not chosen:
        return PointSpread(fwhm_voxels=expected, blur_sd=BLUR_UNCERTAINTY)
    noise = {kernel: _noise(chosen, kernel=kernel, voxel_mm=voxel_mm) for kernel in Kernel}
    n_voxels = np.array([float(one.section.signal.size) for one in chosen])
    found = most_likely(noise, n_voxels=n_voxels, expected=expected)
    return found or PointSpread(fwhm_voxels=expected, blur_sd=BLUR_UNCERTAINTY)


def _noise(chosen: list[SectionStart], *, kernel: Kernel, voxel_mm: float) -> Floats:
    """Return what each candidate leaves unexplained, (n candidates, n sections), NaN for no fit."""
    fits: list[Annulus | None] = [None] * len(chosen)
    rows = []
    for width in CANDIDATES:
        blur = Blur(kernel=kernel, sigma_mm=blur_sigma_mm(voxel_mm, psf_fwhm_voxels=width))
        fits = fit_sections(chosen, blur=blur, near=fits)
        rows.append([np.nan if fit is None else fit.noise for fit in fits])
    return np.array(rows)


def _normals(section: Section, *, start: Start, line: Centreline, plane: int) -> Floats:
    """Return directions from the vessel's middle through the voxels, (n, 3) in the world."""
    first, second = section.first_mm - start.centre_mm[0], section.second_mm - start.centre_mm[1]
    angles = np.arctan2(second, first)
    toward: Floats = (
        np.cos(angles)[:, None] * line.first[plane] + np.sin(angles)[:, None] * line.second[plane]
    )
    return toward


def _section(voxels: Voxels, *, near: Bools, limit_mm: Floats) -> Section:
    first, second = voxels.first_mm[near], voxels.second_mm[near]
    angles = np.arctan2(second, first)
    limit = np.interp(angles, ray_angles(), limit_mm, period=2 * np.pi)
    kept = np.hypot(first, second) < limit
    return Section(signal=voxels.signal[near][kept], first_mm=first[kept], second_mm=second[kept])
