"""Gradient boosting and logistic regression on the voxels of many variants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from npsle_app.arrays import Mask
from npsle_app.imaging.wmh.features import FEATURES, Candidates, find_candidates
from training.wmh.people import Person
from training.wmh.variants import Variant

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
}
_MOST_LESION, _MOST_OTHER = 15_000, 45_000  # voxels taken of one variant


@dataclass(frozen=True, kw_only=True)
class Described:
    """A variant's candidates with their labels, and all that a score needs."""

    variant: Variant
    candidates: Candidates
    labels: NDArray[np.bool_]
    brain: Mask


def describe(variant: Variant, *, person: Person) -> Described:
    """Find the candidates of a variant."""
    found = find_candidates(variant.flair, variant.t1w, brain=person.brain, priors=person.priors)
    return Described(
        variant=variant,
        candidates=found,
        labels=variant.truth[found.where],
        brain=person.brain,
    )


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Two models whose log odds are averaged: alone, each is right where the other is not.

    `weights` and `intercept` are of the logistic one; the trees see what is not linear.
    """

    trees: HistGradientBoostingClassifier
    weights: NDArray[np.float64]
    intercept: float

    def log_odds(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n,) log odds of (n, features)."""
        linear = self.intercept + values @ self.weights
        return np.asarray((linear + self.trees.decision_function(values)) / 2)


def fit(described: Sequence[Described], *, seed: int) -> Fitted:
    """Fit both models.

    Images whose lesions raters drew weigh as much as all others together: how far a lesion
    reaches is the raters' to say, what else looks like one the others' to show.
    """
    rng = np.random.default_rng(seed)
    rated = [item.variant.kind == "real" for item in described]
    shares = [1 / (sum(rated) if own else len(rated) - sum(rated)) for own in rated]
    parts = [
        _sample(item, share=share, rng=rng) for item, share in zip(described, shares, strict=True)
    ]
    values, labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    weights *= len(weights) / weights.sum()
    trees = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=300,
        l2_regularization=20,
        max_features=0.3,
        early_stopping=False,
        monotonic_cst=[int(name in _RISING) for name in FEATURES],
        random_state=seed,
    ).fit(values, labels, sample_weight=weights)
    scale = StandardScaler().fit(values)
    linear = LogisticRegression(C=0.1, solver="newton-cholesky").fit(
        scale.transform(values), labels, sample_weight=weights
    )
    slopes = linear.coef_[0] / scale.scale_
    return Fitted(
        trees=trees,
        weights=slopes,
        intercept=float(linear.intercept_[0] - slopes @ scale.mean_),
    )


def _sample(
    item: Described, *, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Draw voxels; the weights make up for those not drawn, and sum to `share`."""
    rows, weights = [], []
    for value, most in ((True, _MOST_LESION), (False, _MOST_OTHER)):
        there = np.flatnonzero(item.labels == value)
        drawn = rng.choice(there, min(most, len(there)), replace=False)
        rows.append(np.sort(drawn))
        weights.append(np.full(len(drawn), len(there) / max(len(drawn), 1)))
    chosen, weight = np.concatenate(rows), np.concatenate(weights)
    return item.candidates.values[chosen], item.labels[chosen], share * weight / weight.sum()
