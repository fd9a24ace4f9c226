"""Lay the template on diffusion images that came without a T1w image."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy import ndimage

from npsle_app.imaging.space.registration import at_spacing
from npsle_app.imaging.space.template_registration import TemplateFit, register_to_template
from npsle_app.imaging.space.volumes import on_grid_of
from npsle_app.records import Check, graded

_FLUID = 1.5e-3  # mm²/s: FA of what diffuses faster is noise
_AFFINE_MM, _WARP_MM, _WARP_ITERATIONS = 4.0, 2.0, (40, 20, 2)
_STARTS_MM = (3.0, 6.0)


@dataclass(frozen=True, slots=True)
class WhiteMatterTemplate:
    """Share of white matter and of brain, 0 to 1, on one grid."""

    wm: nib.Nifti1Image
    brain: nib.Nifti1Image


def make_template(*, wm: nib.Nifti1Image, brain: nib.Nifti1Image) -> WhiteMatterTemplate:
    """Bring the white matter, 0 to 1, to the coarser grid of the brain mask."""
    smooth = at_spacing(wm, spacing_mm=float(brain.header.get_zooms()[0]))
    moved = resample_from_to(smooth, brain, order=1)
    return WhiteMatterTemplate(wm=on_grid_of(brain, moved.get_fdata(dtype=np.float32)), brain=brain)


def register_fa(
    fa: nib.Nifti1Image,
    *,
    adc: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    template: WhiteMatterTemplate,
    seed: int,
) -> TemplateFit:
    """Register FA to the share of white matter: affine from several starts, then a warp.

    Both are bright in white matter and dark elsewhere. The edge of the brain and fluid, where
    FA is noise, are set to 0.

    Parameters
    ----------
    fa, adc, brain : Nifti1Image
        FA, mean diffusivity in mm²/s, brain mask, on one grid.
    """
    inside = ndimage.binary_erosion(brain.get_fdata(dtype=np.float32) > 0.5)
    white = inside & (adc.get_fdata(dtype=np.float32) < _FLUID)
    if not white.any():
        msg = "the brain mask of the diffusion images is empty: nothing to register"
        raise ValueError(msg)
    return register_to_template(
        on_grid_of(fa, np.where(white, fa.get_fdata(dtype=np.float32), 0)),
        template=template.wm,
        region=template.brain,
        seed=seed,
        affine_sampling_mm=_AFFINE_MM,
        warp_sampling_mm=_WARP_MM,
        warp_iterations=_WARP_ITERATIONS,
    )


def check_starts(fit: TemplateFit) -> Check:
    """Judge whether independent starts of the registration agree."""
    gap = fit.starts_agree_mm
    return Check.judged(
        "FA on the template",
        seen=f"starts {gap:.1f} mm apart",
        expected=f"within {_STARTS_MM[0]:.0f} mm; fails over {_STARTS_MM[1]:.0f} mm",
        state=graded(gap, warn=_STARTS_MM[0], fail=_STARTS_MM[1]),
        advice="look at the regions on colour FA: the template may not lie on the brain",
    )
