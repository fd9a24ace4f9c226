"""What the classifier says of pure noise and of a known signal, and how long it takes.

usage: python -m benchmarks.classifier noise|signal|permutation|speed [runs]
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from npsle_app.cohort.classifier.aucs import Aucs, assess_aucs, permutation_p
from npsle_app.cohort.estimators.cross_validation import (
    bootstrap,
    compare_pairs,
    cross_validate,
    fit_all,
    pair_auc,
    permute,
)
from npsle_app.engine.executors import InlineExecutor

INLINE = InlineExecutor()


def draw(seed: int, *, n: int, p: int, ill: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw standard normal predictors; the first differs by `step` between the classes."""
    rng = np.random.default_rng([seed, 77])
    y = np.zeros(n)
    y[:ill] = 1
    x = rng.standard_normal((n, p))
    x[:ill, 0] += step
    return x, y


def assess(x, y, *, seed: int, samples: int, permutations: int, repeats: int = 20) -> Aucs:
    """Run all that gives the AUCs of one data set."""
    permuted = permute(x, y, permutations=permutations, repeats=1, seed=seed, executor=INLINE)
    return assess_aucs(
        y,
        apparent=fit_all(x, y, seed=seed).predict(x)[0],
        out_of_fold=cross_validate(x, y, repeats=repeats, seed=seed, executor=INLINE),
        samples=bootstrap(x, y, samples=samples, seed=seed, executor=INLINE),
        permuted=permuted,
    )


def noise(runs: int) -> None:
    """Pure noise, n = 80, p = 20: does each 95 % interval cover 0.5?"""
    found = []
    for run in range(runs):
        x, y = draw(run, n=80, p=20, ill=40, step=0.0)
        found.append(assess(x, y, seed=run, samples=60, permutations=40, repeats=5))
        if (run + 1) % 20 == 0 or run + 1 == runs:
            _tell(f"noise, {run + 1} runs", found, truth=0.5)


def signal(runs: int) -> None:
    """A planted AUC of 0.80 by one of four predictors, n = 80."""
    found = []
    for run in range(runs):
        x, y = draw(1000 + run, n=80, p=4, ill=40, step=1.19023)
        found.append(assess(x, y, seed=run, samples=60, permutations=40, repeats=5))
        if (run + 1) % 10 == 0 or run + 1 == runs:
            _tell(f"planted 0.80, {run + 1} runs", found, truth=0.80)


def permutation(runs: int) -> None:
    """P of pure noise, n = 60, p = 3, 99 permutations: is it uniform?"""
    found = []
    for run in range(runs):
        x, y = draw(2000 + run, n=60, p=3, ill=25, step=0.0)
        out = cross_validate(x, y, repeats=2, seed=run, executor=INLINE)
        permuted = permute(x, y, permutations=99, repeats=2, seed=run, executor=INLINE)
        found.append(permutation_p(pair_auc(*compare_pairs(out, y))[0], permuted))
        if (run + 1) % 50 == 0 or run + 1 == runs:
            from scipy.stats import kstest

            share = np.mean(np.array(found) <= 0.05)
            test = kstest(found, "uniform").pvalue
            print(
                f"{run + 1} runs: p ≤ 0.05 in {share:.3f}, mean {np.mean(found):.3f}, "
                f"KS p {test:.2f}",
                flush=True,
            )


def speed(workers: int) -> None:
    """n = 155: 20 × 5 nested folds, 500 bootstrap samples, 1,000 permutations."""
    x, y = draw(1, n=155, p=6, ill=38, step=0.8)
    begun = time.perf_counter()
    with ProcessPoolExecutor(workers) as executor:
        cross_validate(x, y, repeats=20, seed=1, executor=executor)
        first = time.perf_counter()
        bootstrap(x, y, samples=500, seed=1, executor=executor)
        second = time.perf_counter()
        permute(x, y, permutations=1000, repeats=2, seed=1, executor=executor)
    ended = time.perf_counter()
    print(
        f"{workers} workers: cross-validation {first - begun:.1f} s, bootstrap "
        f"{second - first:.1f} s, permutations {ended - second:.1f} s, all {ended - begun:.1f} s"
    )


def _tell(title: str, found: list[Aucs], *, truth: float) -> None:
    print(title)
    for name in ("apparent", "corrected", "corrected_632", "nested"):
        rows = [getattr(one, name) for one in found]
        values = np.array([row.value for row in rows])
        covered = np.mean([row.low <= truth <= row.high for row in rows])
        width = np.mean([row.high - row.low for row in rows])
        print(
            f"  {name:14} mean {values.mean():.3f}, SD {values.std():.3f}, covers {truth:g} in "
            f"{100 * covered:.1f} %, width {width:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    what, *rest = sys.argv[1:] or ["speed"]
    defaults = {"noise": 200, "signal": 50, "permutation": 200, "speed": 2}
    {"noise": noise, "signal": signal, "permutation": permutation, "speed": speed}[what](
        int(rest[0]) if rest else defaults[what]
    )
