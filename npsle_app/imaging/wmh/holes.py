"""Places inside the head where FLAIR holds nothing though T1w shows tissue or fluid.

Scanners write exact zeros in dark fluid, here and there; whole ventricles, or tissue, become zero
when a mask was laid over the image. What is cut off from the rest counts as the border of the
brain, where lesions are cleared away.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.imaging.space import registration
from npsle_app.imaging.space.alignment import mark_view
from npsle_app.imaging.space.volumes import on_grid_of, voxel_mm3
from npsle_app.imaging.tissue.intensity import TissuePriors, fit_tissue

_SURE = 0.9
_LEAST_ML = 0.05  # zeros in the brain below which nobody looks further
_LEAST_TISSUE_MM3, _LEAST_FLUID_MM3 = 30.0, 500.0  # connected; scanners leave up to 150 in fluid
_CUT = 0.45  # of the brain's median: the rim of what a mask took 0.6, of a scanner's zeros 0.1-0.3
_RIM = 2  # voxels around fluid where both share a voxel


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """How much of the brain in view is empty in FLAIR.

    `tissue_ml` where T1w surely shows grey or white matter, in pieces of at least 30 mm³;
    `fluid_ml` where it surely shows fluid, in pieces of at least 500 mm³ whose rim is bright at
    once, as only a mask cuts.
    """

    tissue_ml: float = 0.0
    fluid_ml: float = 0.0


def find_empty(
    scan: nib.Nifti1Image, *, reference: nib.Nifti1Image, matrix: Floats, brain: Mask
) -> Mask:
    """Mark brain voxels in the field of view whose nearest voxel of the scan is 0."""
    zero = on_grid_of(scan, (scan.get_fdata(dtype=np.float32) == 0).astype(np.float32))
    there = registration.resample(zero, reference=reference, matrix=matrix, order=0)
    view = mark_view(scan, reference=reference, matrix=matrix)
    found: Mask = brain & view & (there.get_fdata(dtype=np.float32) > 0.5)
    return found


def measure_holes(
    empty: Mask,
    *,
    flair: nib.Nifti1Image,
    t1w: nib.Nifti1Image,
    brain: Mask,
    priors: TissuePriors,
) -> tuple[Holes, Mask]:
    """Tell what T1w shows where FLAIR is empty; all on one grid.

    Returns
    -------
    Holes
    (I, J, K) array of bool
        The pieces of fluid, with the rim that fluid and tissue share: nothing is lost there.
        Empty where what is lost is more than fluid.
    """
    edge_mm3 = voxel_mm3(t1w)
    if empty.sum() * edge_mm3 < 1000 * _LEAST_ML:
        return Holes(), np.zeros_like(empty)
    values = t1w.get_fdata(dtype=np.float32)
    fluid, tissue = _classify(values, brain=brain, priors=priors)
    parts = {
        name: _pieces(empty & where, least_mm3=least, voxel_mm3=edge_mm3)
        for name, where, least in (
            ("fluid_ml", fluid > _SURE, _LEAST_FLUID_MM3),
            ("tissue_ml", tissue > _SURE, _LEAST_TISSUE_MM3),
        )
    }
    parts["fluid_ml"] &= _is_cut(empty, flair=flair.get_fdata(dtype=np.float32), brain=brain)
    mostly = _mostly(empty, where=fluid > 0.5)
    near = ndimage.binary_dilation(parts["fluid_ml"] & mostly, iterations=_RIM)
    holes = Holes(**{name: float(part.sum()) * edge_mm3 / 1000 for name, part in parts.items()})
    return holes, mostly & near & ~parts["tissue_ml"]


def _classify(t1w: Volume, *, brain: Mask, priors: TissuePriors) -> tuple[Volume, Volume]:
    """Return the probabilities of fluid and of tissue by T1w alone, 0 outside the brain."""
    inside = priors.at(brain)
    model = fit_tissue(t1w[brain], priors=inside, csf_is_dark=False)
    found = model.posteriors(t1w[brain] / np.float32(model.scale), priors=inside)
    fluid, tissue = (np.zeros(brain.shape, np.float32) for _ in range(2))
    fluid[brain], tissue[brain] = found[0], found[1] + found[2]
    return fluid, tissue


def _mostly(mask: Mask, *, where: Mask) -> Mask:
    """Keep the pieces of a mask that lie mostly in a place: half a head is lost with its fluid."""
    labels, count = ndimage.label(mask)
    share = ndimage.mean(where, labels, np.arange(count + 1))
    kept: Mask = mask & (np.asarray(share)[labels] > 0.5)
    return kept


def _is_cut(empty: Mask, *, flair: Volume, brain: Mask) -> Mask:
    """Mark pieces whose neighbours are about as bright as the brain: fluid fades, a mask cuts."""
    labels, count = ndimage.label(empty)
    whole = brain & ~empty
    if not (count and whole.any()):
        return np.zeros_like(empty)
    around = ndimage.grey_dilation(labels, footprint=ndimage.generate_binary_structure(3, 1))
    rim = np.where(whole, around, 0)
    bright = ndimage.median(flair, rim, np.arange(count + 1)) > _CUT * np.median(flair[whole])
    bright[0] = False
    cut: Mask = bright[labels]
    return cut


def _pieces(mask: Mask, *, least_mm3: float, voxel_mm3: float) -> Mask:
    labels, _ = ndimage.label(mask)
    large = np.bincount(labels.ravel()) * voxel_mm3 >= least_mm3
    large[0] = False
    kept: Mask = large[labels]
    return kept
