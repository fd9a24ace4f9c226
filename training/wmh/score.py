"""How good a lesion map is: overlap, volume, lesions found, reliability."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from npsle_app.arrays import Mask, Volume
from npsle_app.imaging.wmh.features import FEATURES
from npsle_app.imaging.wmh.wmh import clean_up, lesions
from training.wmh.fit import Fitted
from training.wmh.images import Exam
from training.wmh.people import Person

_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)
SMALLEST_MM3 = 9.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """A map at one threshold against the truth, on 1 mm cubes."""

    true_ml: float
    found_ml: float
    dice: float
    sensitivity: float
    precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the lesions found and of the findings that are lesions."""
        both = self.sensitivity + self.precision
        return 2 * self.sensitivity * self.precision / both if both else 0.0


def predict(fitted: Fitted, exam: Exam, *, person: Person) -> Volume:
    """Find the probability map as the app does."""
    columns = [FEATURES.index(name) for name in fitted.features]
    values = exam.values[:, columns]
    score = np.zeros(exam.where.shape, dtype=np.float32)
    score[exam.where] = 1 / (1 + np.exp(-fitted.log_odds(values)))
    return clean_up(
        score,
        where=exam.where,
        known=dict(zip(fitted.features, values.T, strict=True)),
        fluid=exam.fluid,
        brain=person.brain,
        priors=person.priors,
    )


def compare(probability: Volume, truth: Mask, *, threshold: float = 0.2) -> Score:
    """Cut the map as the app does and compare; a lesion is found if any voxel of it is."""
    mask = lesions(probability, voxel_mm3=1, threshold=threshold, min_lesion_mm3=SMALLEST_MM3)
    total = int(mask.sum()) + int(truth.sum())
    return Score(
        true_ml=float(truth.sum()) / 1000,
        found_ml=float(mask.sum()) / 1000,
        dice=2 * int((mask & truth).sum()) / total if total else 1.0,
        sensitivity=_share_touched(truth, by=mask),
        precision=_share_touched(mask, by=truth),
    )


def reliability(
    probabilities: list[Volume], truths: list[Mask], *, edges: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """Mean predicted and observed share of lesion in each bin, people weighing the same."""
    rows = []
    for low, high in pairwise(edges):
        pairs = [
            (float(p[inside].mean()), float(t[inside].mean()))
            for p, t in zip(probabilities, truths, strict=True)
            if (inside := (p >= low) & (p < high) & (p > 0)).any()
        ]
        rows.append((float(np.mean([a for a, _ in pairs])), float(np.mean([b for _, b in pairs]))))
    return rows


def _share_touched(lesion_mask: Mask, *, by: Mask) -> float:
    """Share of the components (of at least the smallest volume) that the other mask meets."""
    labels, count = ndimage.label(lesion_mask, _EVERY_NEIGHBOUR)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    large = np.flatnonzero(sizes >= SMALLEST_MM3)
    large = large[large > 0]
    if not large.size:
        return 1.0
    touched = np.unique(labels[by])
    return float(np.isin(large, touched).mean())
