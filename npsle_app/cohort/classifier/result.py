"""What is reported of a classifier, and how much was repeated for it."""

from dataclasses import dataclass, replace

from scipy.special import expit

from npsle_app.arrays import Floats
from npsle_app.cohort.classifier.alternatives import Alternative
from npsle_app.cohort.classifier.aucs import Aucs
from npsle_app.cohort.classifier.leakage import Leak
from npsle_app.cohort.classifier.model import Model
from npsle_app.cohort.classifier.performance import AddedValue
from npsle_app.cohort.classifier.problem import Problem
from npsle_app.cohort.estimators.calibration import Calibration, recalibrate
from npsle_app.cohort.estimators.cross_validation import OutOfFold
from npsle_app.cohort.estimators.discrimination import Estimate
from npsle_app.cohort.estimators.power import SampleSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often the procedure is repeated."""

    repeats: int = 20
    bootstrap_samples: int = 500
    permutations: int = 1000
    permutation_repeats: int = 2
    alternative_repeats: int = 5
    seed: int = 20260101

    def reduced(self) -> "Effort":
        """Return a fifth of it, for many participants."""
        return replace(
            self,
            repeats=max(1, self.repeats // 5),
            bootstrap_samples=max(2, self.bootstrap_samples // 5),
            permutations=self.permutations // 5,
            permutation_repeats=1,
            alternative_repeats=1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A standardised coefficient, the bootstrap's middle 95 %, and how stable its sign is."""

    name: str
    block: str
    estimate: Estimate
    per_unit: float
    unit: str
    missing: int
    sign_stability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """The AUC among some of the participants."""

    column: str
    level: str
    positive: int
    negative: int
    auc: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that is reported of a classifier; `effort` says how often things were repeated.

    `roc` is (3, rates) and `benefit` (3, thresholds): value, low, high.
    `added` is None where there are not both clinical and imaging predictors.
    """

    problem: Problem
    model: Model
    effort: Effort
    aucs: Aucs
    p: float
    sensitivity: Estimate
    specificity: Estimate
    calibration: Calibration
    roc: Floats
    benefit: Floats
    out_of_fold: OutOfFold
    coefficients: tuple[Coefficient, ...]
    added: AddedValue | None
    alternatives: tuple[Alternative, ...]
    subgroups: tuple[Subgroup, ...]
    leaks: tuple[Leak, ...]
    expected_size: SampleSize
    affordable_parameters: int

    @property
    def probabilities(self) -> Floats:
        """Each participant's out-of-fold probability, at the mean log odds of the repeats: (n,)."""
        probabilities: Floats = expit(self.out_of_fold.log_odds.mean(axis=0))
        return probabilities

    @property
    def recalibration(self) -> tuple[float, float]:
        """Intercept and slope of the outcome on the mean log odds of the repeats."""
        return recalibrate(self.out_of_fold.log_odds.mean(axis=0), self.problem.y)
