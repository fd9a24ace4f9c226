"""White-matter hyperintensities: from FLAIR to probability, from probability to lesions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.imaging.lesion_cleanup import clear_borders
from npsle_app.imaging.lesion_features import (
    FEATURES,
    Candidates,
    LesionPriors,
    Mask,
    TissueModel,
    Volume,
    find_bounds,
    find_candidates,
)

SOFT_FLOOR = 0.05
THRESHOLDS = (0.1, 0.2, 0.3, 0.5)

_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)
_MARGIN = 2  # voxels left around the brain when the arrays are cropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """The logistic model: log odds = intercept + Σ weight × feature.

    Raises ValueError unless each of `lesion_features.FEATURES` has a weight.
    """

    model: str
    intercept: float
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.weights) != set(FEATURES):
            msg = f"weights are needed for {', '.join(FEATURES)}; got {', '.join(self.weights)}"
            raise ValueError(msg)

    @property
    def vector(self) -> NDArray[np.float64]:
        """Weights in the order of `FEATURES`."""
        return np.array([self.weights[name] for name in FEATURES])


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
    voxel_sizes_mm: NDArray[np.float64],
    coefficients: Coefficients,
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
        Edge lengths.
    coefficients : Coefficients
        Of the logistic model.

    Returns
    -------
    LesionMap
        A likelihood score on the scale of a probability, set so that the volume above 0.2
        is about right; it is not calibrated for other scanners or populations.

    Raises
    ------
    ValueError
        If the brain is empty or a tissue cannot be found in it.

    References
    ----------
    A model of the kind of LST's lesion prediction algorithm: Schmidt 2017, PhD thesis,
    LMU Munich. Weights and features are our own.
    """
    if not brain.any():
        msg = "FLAIR covers no voxel of the brain: look at its registration to the T1w image"
        raise ValueError(msg)
    box = _bounding_box(brain)
    brain, priors = brain[box], priors.at(box)
    found = find_candidates(flair[box], brain=brain, priors=priors, voxel_sizes_mm=voxel_sizes_mm)
    score = score_candidates(found, coefficients=coefficients)
    fluid = find_bounds(t1w[box], brain=brain, priors=priors.tissue).fluid
    probability = np.zeros(flair.shape, dtype=np.float32)
    probability[box] = clear_borders(
        score, brain=brain, csf=fluid, priors=priors, voxel_sizes_mm=voxel_sizes_mm
    )
    return LesionMap(probability=probability, tissue=found.tissue)


def score_candidates(candidates: Candidates, *, coefficients: Coefficients) -> Volume:
    """Apply the logistic model; 0 where no candidate is."""
    score = np.zeros(candidates.where.shape, dtype=np.float32)
    log_odds = coefficients.intercept + candidates.values @ coefficients.vector
    score[candidates.where] = 1 / (1 + np.exp(-log_odds))
    return score


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
    labels, _ = ndimage.label(mask, _EVERY_NEIGHBOUR)
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
    small = probability[_bounding_box(seen)]
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
    return int(ndimage.label(mask, _EVERY_NEIGHBOUR)[1])


def soft_volume_ml(probability: Volume, *, voxel_mm3: float) -> float:
    """Sum the probability over voxels of at least 0.05, in mL.

    Below it a million voxels of normal white matter, at 0.001 each, would weigh as much as
    the lesions of a mildly affected person.
    """
    return float(probability[probability >= SOFT_FLOOR].sum(dtype=np.float64) * voxel_mm3 / 1000)


def _bounding_box(mask: Mask) -> tuple[slice, ...]:
    ends = []
    for axis in range(3):
        filled = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        ends.append(slice(max(filled[0] - _MARGIN, 0), filled[-1] + 1 + _MARGIN))
    return tuple(ends)
