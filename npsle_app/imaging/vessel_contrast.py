"""Enhancement of all vessels of a session, and the white matter that it is held against."""

from collections.abc import Sequence
from dataclasses import replace

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Volume
from npsle_app.imaging.registration import resample
from npsle_app.imaging.vessel_blur import PSF_FWHM_VOXELS
from npsle_app.imaging.vessel_enhancement import enhancement_ratio, register_post
from npsle_app.imaging.vessel_place import HeadPlace
from npsle_app.imaging.vessel_planes import cut_around
from npsle_app.imaging.vessel_results import MeasuredVessel, StudiedVessel
from npsle_app.imaging.volumes import like
from npsle_app.records import Gate, Qc

_SURELY = 0.9  # share of white matter in the template
_AROUND_MM = 32.0  # white matter counts to 30 mm from the vessel


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
    mask = like(t1w, deep.astype(np.float32))
    found = resample(mask, reference=image, matrix=np.linalg.inv(place.to_image), order=0)
    return like(image, found.get_fdata(dtype=np.float32) > 0)


def with_enhancement(
    image: nib.Nifti1Image,
    *,
    found: Sequence[StudiedVessel],
    post: nib.Nifti1Image,
    white_matter: nib.Nifti1Image,
    seed: int,
) -> tuple[StudiedVessel, ...]:
    """Measure how far the walls took up contrast agent; a vessel without it says why in a gate."""
    if not any(isinstance(one, MeasuredVessel) and one.summary for one in found):
        return tuple(found)
    to_post = register_post(post, pre=image, seed=seed)
    return tuple(
        _enhanced(one, image=image, post=post, white_matter=white_matter, to_post=to_post)
        if isinstance(one, MeasuredVessel) and one.summary
        else one
        for one in found
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
            line=vessel.line,
            inner_mm=vessel.inner_mm,
            outer_mm=vessel.outer_mm,
            accepted=vessel.sections.accepted,
            white_matter=cut_around(white_matter, line=vessel.line, margin_mm=_AROUND_MM),
            psf_fwhm_voxels=vessel.psf_fwhm_voxels or PSF_FWHM_VOXELS,
        )
    except ValueError as error:
        return replace(vessel, gates=(*vessel.gates, _gate(vessel, seen=str(error))))
    return replace(vessel, enhancement=ratio)


def _cut_post(post: nib.Nifti1Image, *, vessel: MeasuredVessel, to_post: Floats) -> nib.Nifti1Image:
    line = replace(vessel.line, points=nib.affines.apply_affine(to_post, vessel.line.points))
    return cut_around(post, line=line, margin_mm=_AROUND_MM)


def _gate(vessel: MeasuredVessel, *, seen: str) -> Gate:
    return Gate(
        name=f"{vessel.name.text}: enhancement",
        seen=seen,
        expected="the wall and white matter in both images",
        state=Qc.NOT_ASSESSABLE,
        advice="look whether both images show the vessel, and whether they are of one session",
    )
