"""From a whole-head FLAIR image alone to a corrected, registered, masked head."""

from dataclasses import replace

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from scipy import ndimage

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.head.head import (
    REGION_VOXELS,
    HeadSteps,
    HeadTemplate,
    PreparedHead,
    grown_mask,
    mask_head,
    stripped_template,
)
from npsle_app.imaging.space.registration import at_spacing, warp
from npsle_app.imaging.space.template_registration import crown_mm, register_to_template
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of, voxel_mm3

_WHITE, _FLUID = 0.85, 0.25  # of grey matter, as FLAIR shows them from 1.5 to 7 T
_OF_T1W = 0.01  # the head template's muscle, about 60, becomes 0.6 of grey matter
_MUSCLE = 0.5  # of grey matter; nothing outside the skull is brighter once fat is suppressed
# Times the brain, on cubes of 2 mm. Fat that is not suppressed reaches 2 in one piece of 246 mL.
# Where it is suppressed, brain near a coil reaches 1.5 in a piece of 56 mL, but 2 in one of 2 mL.
_FAT, _SURELY_FAT = 1.5, 2.0
_LEAST_FAT_ML = 20.0
_LOOKED_AT_MM = 2.0
_RIM_MM = 2.0  # around fat, where it shares a voxel
_MIDDLE_BELOW_CROWN_MM = 70.0
_MIDDLE_RADIUS_MM = 40.0
_LEAST_VOXELS = 20


def compose_flair_template(
    template: HeadTemplate, *, gm: nib.Nifti1Image, wm: nib.Nifti1Image
) -> HeadTemplate:
    """Give the head template the contrast of FLAIR, and keep its masks.

    Parameters
    ----------
    template : HeadTemplate
        T1w; outside the skull muscle is grey and bone dark, as in FLAIR. Its fat is suppressed.
    gm, wm : Nifti1Image
        Fractions of grey and white matter on the template's grid; what they leave is fluid.

    Returns
    -------
    HeadTemplate
        In units of grey matter.
    """
    check_same_grid(template.head, gm, wm)
    grey, white, skull, head = (
        image.get_fdata(dtype=np.float32)
        for image in (gm, wm, template.intracranial, template.head)
    )
    inside, outside = flair_contrast(gm=grey, wm=white), np.minimum(_OF_T1W * head, _MUSCLE)
    contrast = skull * inside + (1 - skull) * outside
    return HeadTemplate(
        head=on_grid_of(template.head, contrast),
        brain=template.brain,
        intracranial=template.intracranial,
    )


def flair_contrast(*, gm: Volume, wm: Volume) -> Volume:
    """Return what FLAIR should show of these fractions of tissue, in units of grey matter."""
    fluid = np.clip(1 - gm - wm, 0, 1)
    return np.asarray(gm + _WHITE * wm + _FLUID * fluid, dtype=np.float32)


def prepare_flair_head(
    scan: nib.Nifti1Image,
    *,
    template: HeadTemplate,
    stripped: bool,
    steps: HeadSteps,
) -> PreparedHead:
    """Register, correct and mask a FLAIR scan of which there is no T1w image.

    Registration sees no fat: some scans suppress it and others do not. Three times as bright as
    the brain it takes all bins of the mutual information; cut to the brain's brightness, scalp is
    taken for cortex.

    Parameters
    ----------
    scan : Nifti1Image
        FLAIR, any orientation and voxel size, without an offset (`subtract_offset`).
    template : HeadTemplate
        Of FLAIR's contrast (`compose_flair_template`).
    stripped : bool
        Whether the skull was taken off before.

    Returns
    -------
    PreparedHead
        `compared` leaves out what of the brain the scan does not show. Fluid and bone are both
        dark: the intracranial space is less sure than by T1w, by about a tenth of its volume.
    """
    scan = on_grid_of(scan, np.nan_to_num(scan.get_fdata(dtype=np.float32)))
    fit = register_to_template(
        suppress_fat(scan),
        template=stripped_template(template) if stripped else template.head,
        region=grown_mask(template.intracranial, voxels=REGION_VOXELS),
        seed=steps.seed,
        affine_sampling_mm=steps.affine_sampling_mm,
        warp_sampling_mm=steps.warp_sampling_mm,
        warp_iterations=steps.warp_iterations,
        within_view=True,
    )
    head = mask_head(scan, fit=fit, template=template, stripped=stripped, steps=steps)
    return _compared_where_shown(head)


def suppress_fat(scan: nib.Nifti1Image) -> nib.Nifti1Image:
    """Make scalp and marrow as dark as muscle, where the scan has not suppressed them.

    That it has not is told by a piece of 20 mL or more that is twice as bright as the brain; then
    all such pieces that are 1.5 times as bright go, and a rim of 2 mm with them.
    """
    level = brain_level(scan)
    if not _large(at_spacing(scan, spacing_mm=_LOOKED_AT_MM), least=_SURELY_FAT * level).any():
        return scan
    fat, data = _large(scan, least=_FAT * level), scan.get_fdata(dtype=np.float32)
    away = ndimage.distance_transform_edt(~fat, sampling=voxel_sizes(scan.affine))
    darker = np.minimum(data, np.float32(_MUSCLE * level))
    return on_grid_of(scan, np.where(away <= _RIM_MM, darker, data))


def _large(scan: nib.Nifti1Image, *, least: float) -> Mask:
    """Mark pieces of 20 mL or more that are brighter than `least`."""
    labels, _ = ndimage.label(scan.get_fdata(dtype=np.float32) > least)
    large = np.bincount(labels.ravel()) * voxel_mm3(scan) / 1000 >= _LEAST_FAT_ML
    large[0] = False
    found: Mask = large[labels]
    return found


def brain_level(scan: nib.Nifti1Image) -> float:
    """Return how bright the brain is: the median around its middle, 70 mm below the crown.

    The ball of 40 mm holds basal ganglia, ventricles and white matter; where the field of view
    leaves less than 20 voxels of it, the median of all that is bright stands for it.
    """
    data = scan.get_fdata(dtype=np.float32)
    middle = crown_mm(scan) - (0, 0, _MIDDLE_BELOW_CROWN_MM)
    points = np.moveaxis(np.indices(data.shape), 0, -1) @ scan.affine[:3, :3].T
    near = np.linalg.norm(points + scan.affine[:3, 3] - middle, axis=-1) < _MIDDLE_RADIUS_MM
    if np.count_nonzero(near) < _LEAST_VOXELS:
        near = data > np.percentile(data, 80)
    return float(np.median(data[near]))


def _compared_where_shown(head: PreparedHead) -> PreparedHead:
    whole = on_grid_of(head.image, np.ones(head.image.shape, np.float32))
    shown = warp(whole, reference=head.template, field=head.fit.to_template)
    both = (shown.get_fdata(dtype=np.float32) > 0.5) & (np.asarray(head.compared.dataobj) > 0)
    return replace(head, compared=on_grid_of(head.compared, both))
