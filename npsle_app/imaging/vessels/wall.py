"""Lumen and wall of a vessel in black-blood images, along its centreline."""

from collections.abc import Callable
from dataclasses import dataclass

import nibabel as nib
import numpy as np

from npsle_app.arrays import Floats
from npsle_app.imaging.vessels.annulus import BLUR_UNCERTAINTY, Annulus, Blur
from npsle_app.imaging.vessels.blur import PSF_FWHM_VOXELS, blur_sigma_mm, fine_detail
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.checks import MIN_ACCEPTED, Quality, accepted
from npsle_app.imaging.vessels.contours import Contours
from npsle_app.imaging.vessels.course import Course
from npsle_app.imaging.vessels.fits import fit_point_spread, fit_sections, half_slab_mm, look_around
from npsle_app.imaging.vessels.measures import Sections, Summary, summarise
from npsle_app.imaging.vessels.planes import ray_angles
from npsle_app.imaging.vessels.trunk import centred
from npsle_app.measures.names_of_vessels import MAX_VOXEL_MM

_MIN_DETAIL = 0.65
_TRIM = 1  # sections left out at each end, where the frame and the smoothing are one-sided


@dataclass(frozen=True, slots=True, kw_only=True)
class Vessel:
    """A vessel that was measured; contours are (n, 72, 2) in mm along the frame's axes.

    `summary` is None where fewer than 70 % of the sections were accepted; `psf_fwhm_voxels` is
    the width of the scanner's point spread as it was fitted.
    """

    line: Centreline
    inner_mm: Floats
    outer_mm: Floats
    sections: Sections
    quality: Quality
    summary: Summary | None
    psf_fwhm_voxels: float


def measure_vessel(course: Course, *, psf_fwhm_voxels: float = PSF_FWHM_VOXELS) -> Vessel:
    """Measure lumen and wall along a centreline that runs inside the lumen.

    Parameters
    ----------
    psf_fwhm_voxels
        Expected width of the scanner's point spread beside the voxel's own box, in voxels. What
        the vessel itself says of the width is weighed against it.

    Raises
    ------
    ValueError
        If voxels are longer than 0.8 mm, or the image was interpolated or smoothed.
    """
    voxel_mm = check_resolution(course.part)
    check_sampling(course.part)
    course = centred(course)
    contours = course.contours()
    starts = look_around(course, contours=contours, voxel_mm=voxel_mm)
    spread = fit_point_spread(starts, voxel_mm=voxel_mm, expected=psf_fwhm_voxels)
    blur = Blur(
        kernel=spread.kernel,
        sigma_mm=blur_sigma_mm(voxel_mm, psf_fwhm_voxels=spread.fwhm_voxels),
    )
    fits = fit_sections(starts, blur=blur)
    quality = _quality(fits, contours=contours, voxel_mm=voxel_mm)
    sections = _sections(
        fits,
        line=course.line,
        contours=contours,
        quality=quality,
        voxel_mm=voxel_mm,
        blur_sd=spread.blur_sd,
    )
    enough = sections.accepted[_TRIM:-_TRIM].mean() >= MIN_ACCEPTED
    inner, outer = _outlines(fits, contours=contours)
    return Vessel(
        line=course.line,
        inner_mm=inner,
        outer_mm=outer,
        sections=sections,
        quality=quality,
        summary=summarise(sections, voxel_mm=voxel_mm) if enough else None,
        psf_fwhm_voxels=spread.fwhm_voxels,
    )


def check_resolution(image: nib.Nifti1Image) -> float:
    """Return the cube root of the voxel's volume in mm; refuse voxels that hide the wall."""
    edges = nib.affines.voxel_sizes(image.affine)
    if max(edges) > MAX_VOXEL_MM + 0.01:
        msg = (f"voxels of {' × '.join(f'{edge:.2f}' for edge in edges)} mm do not show a wall "
               f"of 0.3-1.5 mm; at most {MAX_VOXEL_MM} mm can be measured")  # fmt: skip
        raise ValueError(msg)
    return float(np.prod(edges) ** (1 / 3))


def check_sampling(image: nib.Nifti1Image) -> None:
    """Refuse images that were interpolated or smoothed: their blur is not that of their voxels.

    A wall of one voxel would read twice as thick, with a narrow interval.
    """
    share = fine_detail(image.get_fdata(dtype=np.float32))
    if share < _MIN_DETAIL:
        msg = (f"not assessable: the image was interpolated or smoothed (finest "
               f"detail {share:.2f} of white noise's): use voxels as acquired")  # fmt: skip
        raise ValueError(msg)


def _quality(fits: list[Annulus | None], *, contours: Contours, voxel_mm: float) -> Quality:
    def each(value: Callable[[Annulus], float]) -> Floats:
        return np.array([np.nan if fit is None else value(fit) for fit in fits])

    inner = contours.inner_strength > 0.3 * np.median(contours.inner_strength)
    outer = contours.outer_strength > 0.3 * np.median(contours.outer_strength)
    outer_mm = np.sqrt(np.mean(contours.outer_mm**2, axis=1))
    found_mm = each(lambda fit: fit.radius_mm + fit.wall_mm)
    return Quality(
        cnr_lumen=each(lambda fit: (fit.wall_signal - fit.lumen_signal) / fit.noise),
        cnr_outside=each(lambda fit: (fit.wall_signal - fit.outside_signal) / fit.noise),
        lumen_of_wall=each(lambda fit: fit.lumen_signal / fit.wall_signal),
        rays=np.mean(inner & outer, axis=1),
        lumen_mm2=each(lambda fit: np.pi * fit.radius_mm**2),
        nwi=each(lambda fit: 1 - (fit.radius_mm / (fit.radius_mm + fit.wall_mm)) ** 2),
        agrees=np.abs(found_mm - outer_mm) < np.maximum(0.15 * outer_mm, 0.6 * voxel_mm),
    )


def _sections(
    fits: list[Annulus | None],
    *,
    line: Centreline,
    contours: Contours,
    quality: Quality,
    voxel_mm: float,
    blur_sd: float,
) -> Sections:
    rows = np.array([_row(fit) for fit in fits])
    rows[:, [3, 5]] *= blur_sd / BLUR_UNCERTAINTY
    good = accepted(quality)
    good[:_TRIM] = good[-_TRIM:] = False
    return Sections(
        along_mm=line.along_mm,
        lumen_mm2=rows[:, 0],
        outer_mm2=rows[:, 1],
        log_radius_sd=rows[:, 2],
        log_radius_by_blur=rows[:, 3],
        log_ratio_sd=rows[:, 4],
        log_ratio_by_blur=rows[:, 5],
        thickness_mean_mm=rows[:, 6],
        thickness_max_mm=rows[:, 7],
        thickness_min_mm=rows[:, 8],
        contour_lumen_mm2=np.pi * np.mean(contours.inner_mm**2, axis=1),
        contour_outer_mm2=np.pi * np.mean(contours.outer_mm**2, axis=1),
        accepted=good,
        shared=max(2 * half_slab_mm(voxel_mm) / line.step_mm, 1.0),
    )


def _row(fit: Annulus | None) -> tuple[float, ...]:
    """Return the section's numbers in the order of `_sections`."""
    if fit is None:
        return (np.nan,) * 9
    inner, outer = fit.contours_mm(ray_angles())
    thickness = outer - inner
    contrast = np.array([-1.0, 1.0])
    spread = fit.covariance[2:4, 2:4]
    return (
        np.pi * float(np.mean(inner**2)),
        np.pi * float(np.mean(outer**2)),
        float(np.sqrt(spread[0, 0])),
        float(fit.by_blur[2]),
        float(np.sqrt(contrast @ spread @ contrast)),
        float(contrast @ fit.by_blur[2:4]),
        float(thickness.mean()),
        float(thickness.max()),
        float(thickness.min()),
    )


def _outlines(fits: list[Annulus | None], *, contours: Contours) -> tuple[Floats, Floats]:
    """Return closed outlines of the fits; of the contours where there is no fit."""
    angles = ray_angles()
    towards = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inner, outer = [], []
    for k, fit in enumerate(fits):
        centre = np.zeros(2) if fit is None else np.array(fit.centre_mm)
        radii = (contours.inner_mm[k], contours.outer_mm[k]) if fit is None else (
            fit.contours_mm(angles))  # fmt: skip
        inner.append(centre + radii[0][:, None] * towards)
        outer.append(centre + radii[1][:, None] * towards)
    return np.array(inner), np.array(outer)
