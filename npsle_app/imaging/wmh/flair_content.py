"""Measure what an image called FLAIR shows: its contrast, noise, shading and likeness to T1w."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from scipy import ndimage
from scipy.stats import mannwhitneyu

from npsle_app.arrays import MAD_TO_SD, Floats, Ints, Mask, Volume
from npsle_app.imaging.tissue.intensity import TissuePriors, fit_tissue
from npsle_app.imaging.wmh.flair import PreparedFlair
from npsle_app.imaging.wmh.flair_alone import FlairAlone

_SURE = 0.9
_SURE_OF_TEMPLATE = (0.9, 0.8, 0.9)  # fluid, grey and white matter; cortex nowhere reaches 0.9
_LEAST_VOXELS = 50
_SECOND_DIFFERENCE_SD = np.sqrt(6.0)  # of white noise with SD 1
_FINE = 1.5  # axes at most so much coarser than the finest show noise, not anatomy
_AIR_MM = 25.0  # skull and scalp are thinner
_BLOCK_MM = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlairContent:
    """What tells a good FLAIR image from another image; NaN where nothing can be measured.

    `csf_to_gm`, `wm_to_gm`: medians over the median of grey matter. `fluid_darker`: the
    probability that a voxel of fluid is darker than one of tissue (0.5 is chance).
    `likeness`: correlation of the finest detail of white matter with that of T1w.
    `noise`: standard deviation in white matter over its median. `unevenness`: brightest over
    darkest eighth of white matter after the bias correction. `shading`: 95th over 5th
    percentile of the bias field. `saturated`: share of the brain at the image's highest
    value. `air`: median of the smoothed signal around the head, and `ghosts`: its 99th
    percentile less the median, both over white matter.
    """

    csf_to_gm: float
    wm_to_gm: float
    fluid_darker: float
    likeness: float
    noise: float
    unevenness: float
    shading: float
    saturated: float
    air: float
    ghosts: float


def measure_content(
    scan: nib.Nifti1Image,
    *,
    prepared: PreparedFlair,
    t1w: nib.Nifti1Image,
    brain: Mask,
    priors: TissuePriors,
) -> FlairContent:
    """Look at FLAIR where T1w and the template agree on the tissue.

    Parameters
    ----------
    scan : Nifti1Image
        FLAIR as acquired: noise and saturation are lost in resampling.
    prepared : PreparedFlair
        What `prepare_flair` made of it.
    t1w : Nifti1Image
        Bias-corrected, on the grid of `prepared`.
    brain : (I, J, K) array of bool
        Brain mask.
    priors : TissuePriors
        On the same grid.

    Raises
    ------
    ValueError
        If T1w shows no tissue.
    """
    values, other = (image.get_fdata(dtype=np.float32) for image in (prepared.flair, t1w))
    tissue = _sure_tissue(other, shown=prepared.shown, priors=priors)
    return _measure(
        scan,
        flair=prepared.flair,
        matrix=prepared.matrix,
        shown=prepared.shown,
        brain=brain,
        tissue=tissue,
        shading=prepared.shading,
        likeness=_likeness(values, other, where=ndimage.binary_erosion(tissue[2])),
    )


def measure_content_alone(
    scan: nib.Nifti1Image, *, alone: FlairAlone, brain: Mask, priors: TissuePriors
) -> FlairContent:
    """Look at FLAIR where the template alone is sure of the tissue: there is no T1w image.

    Parameters
    ----------
    scan : Nifti1Image
        FLAIR as acquired.
    alone : FlairAlone
        The same, corrected, on its own grid.
    brain : (I, J, K) array of bool
        Brain mask.
    priors : TissuePriors
        On the same grid.

    Returns
    -------
    FlairContent
        Without likeness to T1w.
    """
    tissue = tuple(
        alone.shown & (prior > least)
        for prior, least in zip((priors.csf, priors.gm, priors.wm), _SURE_OF_TEMPLATE, strict=True)
    )
    return _measure(
        scan,
        flair=alone.flair,
        matrix=np.eye(4),
        shown=alone.shown,
        brain=brain,
        tissue=tissue,
        shading=alone.shading,
        likeness=np.nan,
    )


def _measure(
    scan: nib.Nifti1Image,
    *,
    flair: nib.Nifti1Image,
    matrix: Floats,
    shown: Mask,
    brain: Mask,
    tissue: tuple[Mask, ...],
    shading: float,
    likeness: float,
) -> FlairContent:
    csf, gm, wm = tissue
    values, affine = flair.get_fdata(dtype=np.float32), flair.affine
    air, brightest = _air(values, brain=brain, affine=affine)
    medians = [_median(values[where]) for where in tissue]
    to_scan = np.linalg.inv(scan.affine) @ matrix @ affine
    data = scan.get_fdata(dtype=np.float32)
    inside = _nearest(shown, to_scan=to_scan, shape=data.shape)
    return FlairContent(
        csf_to_gm=_ratio(medians[0], medians[1]),
        wm_to_gm=_ratio(medians[2], medians[1]),
        fluid_darker=_fluid_darker(values[csf], values[gm | wm]),
        likeness=likeness,
        noise=_noise(
            data,
            at=_nearest(wm, to_scan=to_scan, shape=data.shape),
            voxel_mm=voxel_sizes(scan.affine),
        ),
        unevenness=_unevenness(values, wm=wm, affine=affine),
        shading=shading,
        saturated=float((data[tuple(inside)] >= data.max()).mean()) if inside.size else np.nan,
        air=_ratio(air, medians[2]),
        ghosts=_ratio(brightest - air, medians[2]),
    )


def _sure_tissue(t1w: Volume, *, shown: Mask, priors: TissuePriors) -> tuple[Mask, Mask, Mask]:
    """Mark CSF, GM and WM by T1w alone: FLAIR is on trial."""
    inside = priors.at(shown)
    model = fit_tissue(t1w[shown], priors=inside, csf_is_dark=False)
    found = model.posteriors(t1w[shown] / np.float32(model.scale), priors=inside) > _SURE
    csf, gm, wm = (np.zeros(shown.shape, dtype=bool) for _ in found)
    for mask, sure in zip((csf, gm, wm), found, strict=True):
        mask[shown] = sure
    return csf, gm, wm


def _median(values: Volume) -> float:
    return float(np.median(values)) if values.size else np.nan


def _ratio(value: float, other: float) -> float:
    return value / other if other > 0 else np.nan


def _fluid_darker(fluid: Volume, tissue: Volume) -> float:
    if min(fluid.size, tissue.size) < _LEAST_VOXELS:
        return np.nan
    pairs_won = mannwhitneyu(tissue, fluid, method="asymptotic").statistic
    return float(pairs_won) / fluid.size / tissue.size


def _likeness(first: Volume, second: Volume, *, where: Mask) -> float:
    """Correlate what 3³ means leave: noise, which two scans do not share."""
    if np.count_nonzero(where) < _LEAST_VOXELS:
        return np.nan
    details = [(v - ndimage.uniform_filter(v, 3))[where] for v in (first, second)]
    if min(detail.std() for detail in details) == 0:
        return np.nan
    return float(np.corrcoef(*details)[0, 1])


def _nearest(where: Mask, *, to_scan: Floats, shape: tuple[int, ...]) -> Ints:
    """Find the scan's voxels next to those of a mask, (3, n), none on the scan's border."""
    places = apply_affine(to_scan, np.argwhere(where))
    found: Ints = np.rint(places).astype(np.intp)
    inner = ((found >= 1) & (found < np.asarray(shape) - 1)).all(axis=1)
    chosen: Ints = found[inner].T
    return chosen


def _noise(data: Volume, *, at: Ints, voxel_mm: Floats) -> float:
    """Estimate noise from second differences along the fine axes, as acquired."""
    if at.shape[1] < _LEAST_VOXELS:
        return np.nan
    fine = np.flatnonzero(voxel_mm <= _FINE * voxel_mm.min())
    deviations = []
    for step in np.eye(3, dtype=np.intp)[fine]:
        before, here, after = (data[tuple(at + s * step[:, None])] for s in (-1, 0, 1))
        spread = np.median(np.abs(before - 2 * here + after))
        deviations.append(MAD_TO_SD * spread / _SECOND_DIFFERENCE_SD)
    return _ratio(float(np.mean(deviations)), _median(data[tuple(at)]))


def _unevenness(values: Volume, *, wm: Mask, affine: Floats) -> float:
    """Compare the medians of white matter in eight octants about its middle."""
    places = np.argwhere(wm) @ affine[:3, :3].T
    if not len(places):
        return np.nan
    octant = (places > np.median(places, axis=0)) @ (1, 2, 4)
    parts = [values[wm][octant == one] for one in range(8)]
    medians = [_median(part) for part in parts if part.size >= _LEAST_VOXELS]
    return _ratio(max(medians), min(medians)) if medians else np.nan


def _air(values: Volume, *, brain: Mask, affine: Floats) -> tuple[float, float]:
    """Return median and 99th percentile beside and above the upper half of the brain.

    Noise is much the same everywhere in the air, ghosts lie in bands.
    """
    edges = voxel_sizes(affine)
    indices = np.indices(brain.shape, sparse=True)
    height = sum(affine[2, axis] * indices[axis] for axis in range(3))
    upper = height > np.median(np.argwhere(brain) @ affine[2, :3])
    away = ndimage.distance_transform_edt(~brain, sampling=tuple(edges)) > _AIR_MM
    smooth = ndimage.uniform_filter(values, tuple(np.ceil(_BLOCK_MM / edges).astype(int)))
    air = smooth[away & upper]
    if air.size < _LEAST_VOXELS:
        return np.nan, np.nan
    middle, brightest = np.percentile(air, (50, 99))
    return float(middle), float(brightest)
