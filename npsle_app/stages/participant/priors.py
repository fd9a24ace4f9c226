"""The template's maps of lesions and tissue on the grid of a T1w image."""

import nibabel as nib
import numpy as np

from npsle_app import templates
from npsle_app.arrays import Volume
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.tissue.intensity import TissuePriors
from npsle_app.imaging.wmh.features import LesionPriors
from npsle_app.templates import Template

TISSUE = (Template.GM, Template.WM)
LESIONS = (*TISSUE, Template.WMH_PRIOR, Template.VENTRICLES)


def tissue_priors(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> TissuePriors:
    """Bring grey and white matter over; `field` goes from the T1w image to the template."""
    gm, wm = (_brought(template, grid=grid, field=field) for template in TISSUE)
    return TissuePriors(gm=gm, wm=wm)


def lesion_priors(grid: nib.Nifti1Image, *, field: nib.Nifti1Image) -> LesionPriors:
    """Bring over all that the lesion model needs."""
    return LesionPriors(
        tissue=tissue_priors(grid, field=field),
        lesion=_brought(Template.WMH_PRIOR, grid=grid, field=field),
        ventricles=_brought(Template.VENTRICLES, grid=grid, field=field),
    )


def digests(used: tuple[Template, ...]) -> dict[str, str]:
    """Return the SHA-256 of each template, for the sidecars."""
    return {template.name: templates.digest(template) for template in used}


def _brought(template: Template, *, grid: nib.Nifti1Image, field: nib.Nifti1Image) -> Volume:
    image = warp(templates.load(template), reference=grid, field=field)
    return image.get_fdata(dtype=np.float32) / np.float32(255)
