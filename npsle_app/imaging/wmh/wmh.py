"""White-matter hyperintensities: from FLAIR to probability, from probability to lesions."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.boxes import bounding_box, grown
from npsle_app.imaging.space.volumes import NEIGHBOURS_26
from npsle_app.imaging.tissue.intensity import TissueModel, TissuePriors
from npsle_app.imaging.wmh.cleanup import clear_borders
from npsle_app.imaging.wmh.features import LesionPriors, find_candidates
from npsle_app.imaging.wmh.model import LesionModel
from npsle_app.imaging.wmh.work_grid import WorkGrid

SOFT_FLOOR = 0.05
THRESHOLDS = (0.1, 0.2, 0.3, 0.5)

_USUAL_LOAD_ML = 10.0
_LOADS_ML = (1.0, 50.0)
_ODDS_OF_CUT = 0.55  # the best cut of the model's own odds is 5/11; at 0.2 odds are 1/4
_MARGIN = 2  # voxels left around the brain when the arrays are cropped


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionMap:
    """Probability of lesion, (I, J, K) from 0 to 1, and the FLAIR tissue model behind it."""

    probability: Volume
    tissue: TissueModel


def lesion_probability(
    flair: Volume,
    t1w: Volume,
    *,
    brain: Mask,
    priors: LesionPriors,
    voxel_sizes_mm: Floats,
    model: LesionModel,
) -> LesionMap:
    """Find how likely each voxel is to lie in a white-matter hyperintensity.

    Parameters
    ----------
    flair, t1w : (I, J, K) array
        Bias-corrected, on one grid, in any unit.
    brain : (I, J, K) array of bool
        Voxels of the brain that FLAIR covers; elsewhere the probability is 0.
    priors : LesionPriors
        The template's, brought to the same grid.
    voxel_sizes_mm : (3,) array
        Edge lengths. The search itself is on 1 mm cubes.
    model : LesionModel
        Trained; see `docs/models/wmh.md`.

    Returns
    -------
    LesionMap
        Set so that 0.2 is the best cut between volume and overlap.

    Raises
    ------
    ValueError
        If the brain is empty or a tissue cannot be found in it.

    References
    ----------
    Scaling and clean-up are of the kind of LST's lesion prediction algorithm: Schmidt 2017,
    PhD thesis, LMU Munich. Features and model are our own.
    """
    if not brain.any():
        msg = "FLAIR covers no voxel of the brain: look at its registration to the T1w image"
        raise ValueError(msg)
    box = grown(bounding_box(brain), margin=_MARGIN, shape=brain.shape)
    grid = WorkGrid(shape=brain[box].shape, voxel_sizes_mm=voxel_sizes_mm)
    inside = grid.enter_mask(brain[box])
    known = _enter(priors.at(box), grid=grid)
    images = (grid.enter_inside(image[box], mask=brain[box]) for image in (flair, t1w))
    found = find_candidates(*images, brain=inside, priors=known)
    score = np.zeros(inside.shape, dtype=np.float32)
    score[found.where] = model.predict(found.values)
    cleared = clear_borders(
        score, brain=inside, csf=found.fluid, priors=known, voxel_sizes_mm=np.ones(3)
    )
    probability = np.zeros(flair.shape, dtype=np.float32)
    probability[box] = np.where(brain[box], grid.leave(fit_to_load(cleared)), 0)
    return LesionMap(probability=probability, tissue=found.tissue)


def fit_to_load(probability: Volume) -> Volume:
    """Raise the odds where there is much lesion, lower them where there is little.

    A model trained on many people expects the load of their mean: it finds too little in
    the heavily and too much in the lightly affected. The odds are multiplied by the square
    root of the load over 10 mL (half of the correction for a shifted prior), and by a
    constant that puts the best cut at 0.2.

    Parameters
    ----------
    probability : (I, J, K) array
        On 1 mm cubes, cleaned; its sum is the load, taken as 1 to 50 mL.

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, doi:10.1162/089976602753284446
    """
    load_ml = float(np.clip(probability.sum(dtype=np.float64) / 1000, *_LOADS_ML))
    factor = np.float32(_ODDS_OF_CUT * np.sqrt(load_ml / _USUAL_LOAD_ML))
    fitted: Volume = factor * probability / (1 + (factor - 1) * probability)
    return fitted


def _enter(priors: LesionPriors, *, grid: WorkGrid) -> LesionPriors:
    return LesionPriors(
        tissue=TissuePriors(gm=grid.enter(priors.tissue.gm), wm=grid.enter(priors.tissue.wm)),
        lesion=grid.enter(priors.lesion),
        ventricles=grid.enter(priors.ventricles),
    )


def lesions(
    probability: Volume, *, voxel_mm3: float, threshold: float, min_lesion_mm3: float
) -> Mask:
    """Keep the connected components that are likely and large enough, their holes filled.

    Parameters
    ----------
    probability : (I, J, K) array
        Probability of lesion, from 0 to 1.
    voxel_mm3 : float
        Volume of one voxel, in mm³.
    threshold : float
        Voxels below it are background.
    min_lesion_mm3 : float
        Components (26-connected) smaller than this are removed. Where two voxels are
        already larger (thick slices), a component still needs two.

    Returns
    -------
    (I, J, K) array of bool
        True inside lesions; a single voxel wholly enclosed by lesion counts as lesion.

    Examples
    --------
    >>> probability = np.zeros((5, 5, 5), np.float32)
    >>> probability[0, 0, 0] = probability[2:4, 2:4, 2:4] = 0.9
    >>> lesions(probability, voxel_mm3=1, threshold=0.5, min_lesion_mm3=5).sum()
    np.int64(8)
    """
    mask = probability >= threshold
    neighbours = ndimage.convolve(mask.astype(np.uint8), _SIX, mode="constant")
    mask |= neighbours > 4  # more than four of six, as LST does
    labels, _ = ndimage.label(mask, NEIGHBOURS_26)
    voxels = np.bincount(labels.ravel())
    keep = (voxels * voxel_mm3 >= min_lesion_mm3) & (voxels >= 2)
    keep[0] = False  # the background
    kept: Mask = keep[labels]
    return kept


_SIX = ndimage.generate_binary_structure(3, 1).astype(np.uint8)
_SIX[1, 1, 1] = 0


def lesion_volumes_ml(
    probability: Volume,
    *,
    voxel_mm3: float,
    min_lesion_mm3: float,
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> dict[float, float]:
    """Measure the lesions at each threshold, in mL."""
    seen = probability >= min(thresholds)
    if not seen.any():
        return dict.fromkeys(thresholds, 0.0)
    small = probability[grown(bounding_box(seen), margin=_MARGIN, shape=seen.shape)]
    return {
        threshold: float(
            lesions(
                small, voxel_mm3=voxel_mm3, threshold=threshold, min_lesion_mm3=min_lesion_mm3
            ).sum()
            * voxel_mm3
            / 1000
        )
        for threshold in thresholds
    }


def count_lesions(mask: Mask) -> int:
    """Count the 26-connected components."""
    return int(ndimage.label(mask, NEIGHBOURS_26)[1])


def soft_volume_ml(probability: Volume, *, voxel_mm3: float) -> float:
    """Sum the probability over voxels of at least 0.05, in mL.

    Below it a million voxels of normal white matter, at 0.001 each, would weigh as much as
    the lesions of a mildly affected person.
    """
    return float(probability[probability >= SOFT_FLOOR].sum(dtype=np.float64) * voxel_mm3 / 1000)
