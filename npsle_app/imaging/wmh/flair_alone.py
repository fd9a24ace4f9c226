"""What a FLAIR image shows of the brain where there is no T1w image to lay it on."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from scipy import ndimage

from npsle_app.arrays import Floats, Mask
from npsle_app.imaging.space.registration import warp
from npsle_app.imaging.space.volumes import check_same_grid, on_grid_of

_EDGE_MM = 6.0  # blood and fluid that flow into the outermost planes are bright
_MOST_PLANES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FlairAlone:
    """FLAIR on its own grid, bias-corrected.

    `shown` marks brain voxels that have a value and do not lie in the outermost planes, an
    (I, J, K) array; `coverage` is the share of the template's brain that lies in the field of
    view without those planes; `shading` is the 95th over the 5th percentile of the bias field
    that was taken out.
    """

    flair: nib.Nifti1Image
    shown: Mask
    coverage: float
    shading: float


def look_at_flair(
    scan: nib.Nifti1Image,
    *,
    flair: nib.Nifti1Image,
    brain: nib.Nifti1Image,
    template_brain: nib.Nifti1Image,
    flair_to_template: nib.Nifti1Image,
) -> FlairAlone:
    """Say what of the brain the scan shows, and how much shading was taken out of it.

    Parameters
    ----------
    scan, flair, brain : Nifti1Image
        As acquired without its offset, corrected, and the brain mask: one grid.
    template_brain : Nifti1Image
        Fractions from 0 to 1.
    flair_to_template : Nifti1Image
        The field that brings FLAIR to the template's grid.

    Raises
    ------
    ValueError
        If the grids differ.
    """
    check_same_grid(scan, flair, brain)
    inside = np.asarray(brain.dataobj) > 0
    raw, corrected = (image.get_fdata(dtype=np.float32) for image in (scan, flair))
    view = _without_edges(np.ones(raw.shape, dtype=bool), affine=flair.affine)
    has_value = ndimage.binary_fill_holes(_without_edges(raw != 0, affine=flair.affine))
    seen = warp(
        on_grid_of(flair, view.astype(np.float32)),
        reference=template_brain,
        field=flair_to_template,
    )
    expected = template_brain.get_fdata(dtype=np.float32) > 0.5
    lit = inside & (corrected > 0) & (raw > 0)
    low, high = np.percentile(raw[lit] / corrected[lit], (5, 95)) if lit.any() else (1.0, 1.0)
    return FlairAlone(
        flair=flair,
        shown=inside & has_value,
        coverage=float((seen.get_fdata(dtype=np.float32)[expected] > 0.5).mean()),
        shading=float(high / low),
    )


def _without_edges(marked: Mask, *, affine: Floats) -> Mask:
    """Unmark two planes at each border, or one where slices are over 3 mm thick."""
    planes = np.clip(_EDGE_MM // voxel_sizes(affine), 1, _MOST_PLANES).astype(int)
    kept = np.zeros_like(marked)
    inner = tuple(slice(n, -n) for n in planes)
    kept[inner] = marked[inner]
    return kept
