"""How much brighter vessel walls are after contrast agent than before, beside white matter."""

from collections.abc import Sequence
from dataclasses import replace

import nibabel as nib
import numpy as np
from scipy import ndimage, optimize

from npsle_app.arrays import Floats, Reals, Volume
from npsle_app.imaging.space.registration import register_rigid, resample
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of
from npsle_app.imaging.vessels.blur import PSF_FWHM_VOXELS, blur_sigma_mm
from npsle_app.imaging.vessels.centreline import Centreline
from npsle_app.imaging.vessels.place import HeadPlace
from npsle_app.imaging.vessels.planes import cut_around, to_voxels
from npsle_app.imaging.vessels.results import MeasuredVessel, StudiedVessel
from npsle_app.imaging.vessels.wall_signal import (
    OutlinedSection,
    Outlines,
    outlined_sections,
    solve_signals,
)
from npsle_app.records import Check, Qc

_NEAR_MM = 30.0  # white matter this near: farther away the coils see it otherwise than the vessel
_MIN_REFERENCE = 200  # voxels
_MIN_SECTIONS = 4
_MAX_SHIFT_MM, _N_FOR_SHIFT = 1.0, 12
_MAX_LUMEN = 0.6  # of the wall's signal
_SURELY = 0.9  # share of white matter in the template
_AROUND_MM = 32.0  # white matter counts to 30 mm from the vessel


def register_post(post: nib.Nifti1Image, *, pre: nib.Nifti1Image, seed: int) -> Floats:
    """Find the rigid motion between the scans before and after contrast agent.

    Returns
    -------
    (4, 4) array
        Maps world points of `pre` to world points of `post`, mm, RAS.
    """
    return register_rigid(post, fixed=pre, seed=seed)


def enhancement_ratio(
    pre: nib.Nifti1Image,
    *,
    post: nib.Nifti1Image,
    to_post: Reals,
    outlines: Outlines,
    white_matter: nib.Nifti1Image,
    psf_fwhm_voxels: float = PSF_FWHM_VOXELS,
) -> float:
    """Return the wall's signal after contrast agent over that before, each over white matter's.

    Parameters
    ----------
    pre, post
        Black-blood images of any grids, the first being the one that was measured.
    to_post
        (4, 4), maps world points of `pre` to those of `post`, mm, RAS.
    outlines
        Of the vessel that was measured in `pre`.
    white_matter
        Mask on the grid of `pre`; of it, what lies within 30 mm of the vessel is used.
    psf_fwhm_voxels
        Width of the point spread beside the voxel's box, in voxels of each image.

    Raises
    ------
    ValueError
        If it is not assessable: no section or white matter, the vessel not in both images, no
        wall or no black blood in one of them, or images more than 1 mm off one another.

    Notes
    -----
    The wall is thinner than the blur, so that its voxels hold blood and fluid too: signals of
    lumen, wall and surroundings are solved for together, with the outlines' blurred areas, in
    the voxels as acquired. The ratio is the median over sections. What is left of the
    registration's error, up to 1 mm for all of the vessel, is found by least squares.

    1 means no enhancement. White matter itself gains 1 to 3 % by the blood in it. Where the
    coils' shading differs between the scans, its change from white matter to the vessel stays
    in the ratio.
    """
    check_same_grid(pre, white_matter)
    reference = _reference(pre, post=post, to_post=to_post, line=outlines.line, mask=white_matter)
    moved = nib.Nifti1Image(post.get_fdata(dtype=np.float32), np.linalg.inv(to_post) @ post.affine)
    walls = []
    for image, when in ((pre, "before"), (moved, "after")):
        sections = outlined_sections(image, outlines=outlines, room_mm=_MAX_SHIFT_MM)
        if sum(section is not None for section in sections) < _MIN_SECTIONS:
            msg = f"not assessable: fewer than {_MIN_SECTIONS} sections {when} contrast agent"
            raise ValueError(msg)
        sigma_mm = _sigma_mm(image, psf_fwhm_voxels=psf_fwhm_voxels)
        shift = _shift_mm(sections, sigma_mm=sigma_mm) if image is moved else np.zeros(3)
        walls.append(_wall_signals(sections, shift_mm=shift, sigma_mm=sigma_mm, when=when))
    ratio = walls[1] / walls[0]
    if np.isfinite(ratio).sum() < _MIN_SECTIONS:
        msg = f"not assessable: fewer than {_MIN_SECTIONS} sections in both images"
        raise ValueError(msg)
    return float(np.nanmedian(ratio)) / reference


def _sigma_mm(image: nib.Nifti1Image, *, psf_fwhm_voxels: float) -> float:
    edges = nib.affines.voxel_sizes(image.affine)
    return blur_sigma_mm(float(np.prod(edges) ** (1 / 3)), psf_fwhm_voxels=psf_fwhm_voxels)


def _reference(
    pre: nib.Nifti1Image,
    *,
    post: nib.Nifti1Image,
    to_post: Reals,
    line: Centreline,
    mask: nib.Nifti1Image,
) -> float:
    """Return white matter's signal near the vessel, after over before."""
    voxels = np.argwhere(np.asarray(mask.dataobj) > 0)
    points = nib.affines.apply_affine(pre.affine, voxels)
    low, high = line.points.min(axis=0) - _NEAR_MM, line.points.max(axis=0) + _NEAR_MM
    near = np.all((points > low) & (points < high), axis=1)
    voxels, points = voxels[near], points[near]
    at = to_voxels(nib.affines.apply_affine(to_post, points), affine=post.affine)
    after = ndimage.map_coordinates(
        post.get_fdata(dtype=np.float32), at.T, order=1, mode="constant", cval=np.nan
    )
    before = pre.get_fdata(dtype=np.float32)[tuple(voxels.T)]
    seen = np.isfinite(after) & np.isfinite(before) & (before > 0) & (after > 0)
    if seen.sum() < _MIN_REFERENCE:
        msg = (f"not assessable: {int(seen.sum())} voxels of white matter within {_NEAR_MM:.0f} mm "
               f"of the vessel in both images; expected {_MIN_REFERENCE}")  # fmt: skip
        raise ValueError(msg)
    return float(np.median(after[seen]) / np.median(before[seen]))


def _shift_mm(sections: list[OutlinedSection | None], *, sigma_mm: float) -> Floats:
    """Find how far the vessel lies off its outlines, (3,) in mm, RAS, from a dozen sections.

    Raises
    ------
    ValueError
        If it is more than 1 mm.
    """
    known = [section for section in sections if section]
    chosen = known[:: max(len(known) // _N_FOR_SHIFT, 1)]

    def misfit(shift_mm: Floats) -> float:
        return sum(solve_signals(s, shift_mm=shift_mm, sigma_mm=sigma_mm)[1] for s in chosen)

    best = optimize.minimize(
        misfit, np.zeros(3), method="Nelder-Mead",
        options={"initial_simplex": np.vstack([np.zeros(3), 0.3 * np.eye(3)]),
                 "xatol": 0.03, "fatol": np.inf, "maxfev": 60},
    ).x  # fmt: skip
    away = float(np.linalg.norm(best))
    if away > _MAX_SHIFT_MM:
        msg = (f"not assessable: after contrast agent the vessel lies {away:.1f} mm off its "
               "outlines")  # fmt: skip
        raise ValueError(msg)
    found: Floats = best
    return found


def _wall_signals(
    sections: list[OutlinedSection | None], *, shift_mm: Floats, sigma_mm: float, when: str
) -> Floats:
    """Return the wall's signal of each section, (n,); NaN where there is none."""
    unknown = np.full(2, np.nan)
    signals = np.array([
        unknown if one is None
        else solve_signals(one, shift_mm=shift_mm, sigma_mm=sigma_mm)[0][:2]
        for one in sections
    ])  # fmt: skip
    lumen, wall = np.nanmedian(signals, axis=0)
    if not wall > 0 or lumen > _MAX_LUMEN * wall:
        msg = (f"not assessable: {when} contrast agent blood is not black inside the outlines "
               f"({lumen:.0f}, the wall {wall:.0f})")  # fmt: skip
        raise ValueError(msg)
    walls: Floats = np.where(signals[:, 1] > 0, signals[:, 1], np.nan)
    return walls


def mark_white_matter(
    image: nib.Nifti1Image,
    *,
    t1w: nib.Nifti1Image,
    share: Volume,
    place: HeadPlace,
) -> nib.Nifti1Image:
    """Mark white matter on the grid of the vessel-wall image, away from its borders.

    `share` is the template's share of white matter on the grid of the T1w image, 0 to 1.
    """
    deep = ndimage.binary_erosion(share > _SURELY)
    mask = on_grid_of(t1w, deep.astype(np.float32))
    found = resample(mask, reference=image, matrix=np.linalg.inv(place.to_image), order=0)
    return on_grid_of(image, found.get_fdata(dtype=np.float32) > 0)


def with_enhancement(
    image: nib.Nifti1Image,
    *,
    vessels: Sequence[StudiedVessel],
    post: nib.Nifti1Image,
    white_matter: nib.Nifti1Image,
    seed: int,
) -> tuple[StudiedVessel, ...]:
    """Measure how far the walls took up contrast agent; a vessel without it says why in a check."""
    if not any(isinstance(one, MeasuredVessel) and one.summary for one in vessels):
        return tuple(vessels)
    to_post = register_post(post, pre=image, seed=seed)
    return tuple(
        _enhanced(one, image=image, post=post, white_matter=white_matter, to_post=to_post)
        if isinstance(one, MeasuredVessel) and one.summary
        else one
        for one in vessels
    )


def _enhanced(
    vessel: MeasuredVessel,
    *,
    image: nib.Nifti1Image,
    post: nib.Nifti1Image,
    white_matter: nib.Nifti1Image,
    to_post: Floats,
) -> MeasuredVessel:
    try:
        ratio = enhancement_ratio(
            cut_around(image, line=vessel.line, margin_mm=_AROUND_MM),
            post=_cut_post(post, vessel=vessel, to_post=to_post),
            to_post=to_post,
            outlines=Outlines(
                line=vessel.line,
                inner_mm=vessel.inner_mm,
                outer_mm=vessel.outer_mm,
                accepted=vessel.sections.accepted,
            ),
            white_matter=cut_around(white_matter, line=vessel.line, margin_mm=_AROUND_MM),
            psf_fwhm_voxels=vessel.psf_fwhm_voxels or PSF_FWHM_VOXELS,
        )
    except ValueError as error:
        return replace(vessel, checks=(*vessel.checks, _check(vessel, seen=str(error))))
    return replace(vessel, enhancement=ratio)


def _cut_post(post: nib.Nifti1Image, *, vessel: MeasuredVessel, to_post: Floats) -> nib.Nifti1Image:
    line = replace(vessel.line, points=nib.affines.apply_affine(to_post, vessel.line.points))
    return cut_around(post, line=line, margin_mm=_AROUND_MM)


def _check(vessel: MeasuredVessel, *, seen: str) -> Check:
    return Check(
        name=f"{vessel.name.text}: enhancement",
        seen=seen,
        expected="the wall and white matter in both images",
        state=Qc.NOT_ASSESSABLE,
        advice="look whether both images show the vessel, and whether they are of one session",
    )
