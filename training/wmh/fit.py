"""Gradient boosting and logistic regression on the voxels of many variants."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from npsle_app.arrays import Bools, Floats, Volume
from npsle_app.imaging.wmh.features import FEATURES
from training.wmh.images import Lesson

# A voxel that differs from another in one of these alone, upwards, is not less likely lesion.
_RISING = {
    "brightness",
    "brightness_1mm",
    "brightness_2mm",
    "contrast_6mm",
    "contrast_12mm",
    "over_white",
    "over_white_2mm",
    "over_white_sd",
    "brightest_neighbour",
    "darkest_neighbour",
    "log_odds",
    "over_white_contrast",
    "over_normal",
    "over_normal_sd",
    "over_other_side",
}
_MOST_LESION, _MOST_OTHER = 4_000, 16_000  # voxels taken of one variant
_SHARES = {"raters": 0.4, "healthy": 0.3, "other": 0.3}
_USUAL_LOAD_VOXELS = 10_000
_MOST_RAISED = 4.0
# Raters draw wider than a drawn lesion is known to end, and are two of ten people. Added to the
# log odds: of 0, 0.2, 0.4 and 0.8 that which helps theirs and leaves a sharp lesion its volume.
_RATERS_WIDER = 0.2


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Two models whose log odds are averaged: alone, each is right where the other is not.

    `weights` and `intercept` are of the logistic one; the trees see what is not linear.
    """

    features: tuple[str, ...]
    trees: HistGradientBoostingClassifier
    weights: NDArray[np.float64]
    intercept: float

    def log_odds(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n,) log odds of (n, features)."""
        linear = self.intercept + values @ self.weights
        return np.asarray((linear + self.trees.decision_function(values)) / 2)


def fit(lessons: Iterable[Lesson], *, features: tuple[str, ...], seed: int) -> Fitted:
    """Fit both models.

    Images whose lesions raters drew, healthy heads as they are, and all others have fixed
    shares of the weight: how far a lesion reaches is the raters' to say, what else looks like
    one the healthy's, which lesions there are the others'.
    """
    rng = np.random.default_rng(seed)
    columns = [FEATURES.index(name) for name in features]
    parts, shares = [], []
    for lesson in lessons:
        parts.append(_sample(lesson, columns=columns, rng=rng))
        shares.append(lesson.share)
    counts = Counter(shares)
    values, labels = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    weights = np.concatenate(
        [
            part[2] * _SHARES[share] / counts[share]
            for part, share in zip(parts, shares, strict=True)
        ]
    )
    weights *= len(weights) / weights.sum()
    trees = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=300,
        l2_regularization=20,
        max_features=0.3,
        early_stopping=False,
        monotonic_cst=[int(name in _RISING) for name in features],
        random_state=seed,
    ).fit(values, labels, sample_weight=weights)
    scale = StandardScaler().fit(values)
    linear = LogisticRegression(C=0.1, solver="newton-cholesky").fit(
        scale.transform(values), labels, sample_weight=weights
    )
    slopes = linear.coef_[0] / scale.scale_
    return Fitted(
        features=features,
        trees=trees,
        weights=slopes,
        intercept=float(linear.intercept_[0] - slopes @ scale.mean_)
        + 2 * _RATERS_WIDER,  # of the mean of two
    )


def _sample(
    lesson: Lesson, *, columns: list[int], rng: np.random.Generator
) -> tuple[Volume, Bools, Floats]:
    """Draw voxels; the weights make up for those not drawn, and sum to 1.

    The lesions of a light load are few voxels: theirs are raised.
    """
    weights = lesson.weights.copy()
    rows = []
    for value, most in ((True, _MOST_LESION), (False, _MOST_OTHER)):
        there = np.flatnonzero(lesson.labels == value)
        drawn = np.sort(rng.choice(there, min(most, len(there)), replace=False))
        rows.append(drawn)
        if len(drawn):
            load = lesson.weights[there].sum()
            raised = np.clip(np.sqrt(_USUAL_LOAD_VOXELS / load), 1, _MOST_RAISED) if value else 1
            weights[drawn] *= len(there) / len(drawn) * raised
    chosen = np.concatenate(rows)
    return (
        lesson.values[chosen][:, columns],
        lesson.labels[chosen],
        weights[chosen] / weights[chosen].sum(),
    )
