"""White-matter hyperintensities: from FLAIR to probability, from probability to lesions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from npsle_app.arrays import Floats, Mask, Volume
from npsle_app.boxes import bounding_box, grown
from npsle_app.imaging.space.volumes import NEIGHBOURS_26
from npsle_app.imaging.tissue.intensity import TissueModel
from npsle_app.imaging.wmh.cleanup import clear_borders
from npsle_app.imaging.wmh.features import LesionPriors, find_candidates
from npsle_app.imaging.wmh.model import LesionModel
from npsle_app.imaging.wmh.normal_bodies import clear_normal_bodies
from npsle_app.imaging.wmh.skirts import SKIRT, SKIRT_ALONE, trim_skirts
from npsle_app.imaging.wmh.work_grid import WorkGrid

SOFT_FLOOR = 0.05
THRESHOLDS = (0.1, 0.2, 0.3, 0.5)

_MARGIN = 2  # voxels left around the brain when the arrays are cropped


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionMap:
    """Probability of lesion, (I, J, K) from 0 to 1, and the FLAIR tissue model behind it."""

    probability: Volume
    tissue: TissueModel


def lesion_probability(
    flair: Volume,
    t1w: Volume | None,
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
        Bias-corrected, on one grid, in any unit; without T1w the model must be one of FLAIR
        alone.
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
        What a voxel has does not depend on how much lesion there is elsewhere.

    Raises
    ------
    ValueError
        If the brain is empty, a tissue cannot be found in it, or the model needs another
        number of images.

    References
    ----------
    Scaling and clean-up are of the kind of LST's lesion prediction algorithm: Schmidt 2017,
    PhD thesis, LMU Munich. Features and model are our own.
    """
    if not brain.any():
        msg = "FLAIR covers no voxel of the brain: look at its registration to the T1w image"
        raise ValueError(msg)
    if model.needs_t1w != (t1w is not None):
        msg = (
            f"{model.name} is a model {'of FLAIR and T1w' if model.needs_t1w else 'of FLAIR alone'}"
        )
        raise ValueError(msg)
    box = grown(bounding_box(brain), margin=_MARGIN, shape=brain.shape)
    grid = WorkGrid(shape=brain[box].shape, voxel_sizes_mm=voxel_sizes_mm)
    inside = grid.enter_mask(brain[box])
    known = priors.at(box).each(grid.enter)
    found = find_candidates(
        grid.enter_inside(flair[box], mask=brain[box]),
        None if t1w is None else grid.enter_inside(t1w[box], mask=brain[box]),
        brain=inside,
        priors=known,
    )
    score = np.zeros(inside.shape, dtype=np.float32)
    score[found.where] = model.predict(found.values)
    kept = clean_up(
        score,
        where=found.where,
        known=found.by_name,
        fluid=found.fluid,
        brain=inside,
        priors=known,
    )
    probability = np.zeros(flair.shape, dtype=np.float32)
    probability[box] = np.where(brain[box], grid.leave(kept), 0)
    return LesionMap(probability=probability, tissue=found.tissue)


def clean_up(
    score: Volume,
    *,
    where: Mask,
    known: Mapping[str, Volume],
    fluid: Mask,
    brain: Mask,
    priors: LesionPriors,
) -> Volume:
    """Take out of the model's map what is no lesion by its place, its surroundings or its kind.

    Parameters
    ----------
    score : (I, J, K) array
        What the model says, on 1 mm cubes; 0 outside `where`.
    where, known
        The n voxels of which something is known, and their features by name, (n,) arrays.
    fluid, brain : (I, J, K) array of bool
        On the same grid.
    priors : LesionPriors
        On the same grid.
    """
    cleared = clear_borders(score, brain=brain, csf=fluid, priors=priors, voxel_sizes_mm=np.ones(3))
    trimmed = trim_skirts(
        cleared,
        where=where,
        over_white=known["over_white"],
        least=SKIRT if "t1w" in known else SKIRT_ALONE,
    )
    return clear_normal_bodies(trimmed, where=where, known=known)


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
