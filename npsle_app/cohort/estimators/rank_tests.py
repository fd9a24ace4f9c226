"""Tests of ranks between groups, with the size of the difference and its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats

_LEAST = 2  # a group of one has no spread
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class KruskalWallis:
    """`epsilon2` is H / (N − 1), 0 to 1; its limits come from the noncentral χ² of H.

    An H that is smaller than chance makes it would have an upper limit of about 0, as if
    nothing were known better; the upper limit is never below that of the median H of chance.
    """

    n: int
    h: float
    df: int
    p: float
    epsilon2: float
    low: float
    high: float


def kruskal_wallis(groups: Sequence[Floats]) -> KruskalWallis:
    """Compare the ranks of several groups.

    H = [12 / (N(N+1)) Σ R²ⱼ/nⱼ − 3(N+1)] / [1 − Σ(t³−t)/(N³−N)], χ² with k − 1 degrees of
    freedom (Kruskal 1952, doi:10.1080/01621459.1952.10483441); ε² = H / (N − 1) (Tomczak 2014).

    Raises
    ------
    ValueError
        For fewer than two groups, a group of fewer than two, or values that are all equal.
    """
    from scipy import stats

    _check(groups)
    n = sum(len(values) for values in groups)
    h, p = stats.kruskal(*groups)
    df = len(groups) - 1
    low, high = _noncentrality_limits(float(h), df)
    limits = [min(one / (n - 1), 1.0) for one in (low, high)]
    epsilon2 = float(h) / (n - 1)
    return KruskalWallis(
        n=n,
        h=float(h),
        df=df,
        p=float(p),
        epsilon2=epsilon2,
        low=min(limits[0], epsilon2),
        high=max(limits[1], epsilon2),
    )


def dunn(groups: Mapping[str, Floats]) -> pd.DataFrame:
    """Compare each pair of groups by their mean ranks among all groups.

    z = (R̄ᵢ − R̄ⱼ) / √{[N(N+1)/12 − Σ(t³−t)/(12(N−1))] (1/nᵢ + 1/nⱼ)}, two-sided normal
    (Dunn 1964, doi:10.1080/00401706.1964.10490181).

    Parameters
    ----------
    groups
        Floats by name of the group, two or more groups of at least two.

    Returns
    -------
    DataFrame
        `against`, `group` (the later one), `z` (positive: the later group is higher), `p`,
        `p_bonferroni`, `p_holm`.
    """
    from scipy import stats

    _check(list(groups.values()))
    pooled = np.concatenate(list(groups.values()))
    ranks = np.split(stats.rankdata(pooled), np.cumsum([len(v) for v in groups.values()])[:-1])
    mean_ranks = {name: float(own.mean()) for name, own in zip(groups, ranks, strict=True)}
    total = len(pooled)
    ties = np.unique(pooled, return_counts=True)[1].astype(float)
    spread = total * (total + 1) / 12 - (ties**3 - ties).sum() / (12 * (total - 1))
    rows = []
    for first, second in combinations(groups, 2):
        per_rank = 1 / len(groups[first]) + 1 / len(groups[second])
        z = (mean_ranks[second] - mean_ranks[first]) / np.sqrt(spread * per_rank)
        rows.append((first, second, float(z), float(2 * stats.norm.sf(abs(z)))))
    table = pd.DataFrame(rows, columns=["against", "group", "z", "p"])
    table["p_bonferroni"] = (table["p"] * len(table)).clip(upper=1.0)
    table["p_holm"] = adjust_holm(table["p"].to_numpy())
    return table


def adjust_holm(p: Floats) -> Floats:
    """Adjust p-values by Holm's steps (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def cliffs_delta(group: Floats, *, against: Floats) -> tuple[float, float, float]:
    """Return Cliff's δ = P(group > against) − P(group < against), with 95 % limits.

    The limits are those of the area under the ROC curve, (δ + 1) / 2, on the logit scale with
    DeLong's variance (DeLong 1988, doi:10.2307/2531595); NaN where groups do not overlap or
    have fewer than two values.
    """
    from scipy import stats

    m, n = len(group), len(against)
    if min(m, n) == 0:
        return (np.nan, np.nan, np.nan)
    ranks = stats.rankdata(np.concatenate([group, against]))
    above = (ranks[:m] - stats.rankdata(group)) / n
    below = 1 - (ranks[m:] - stats.rankdata(against)) / m
    area = float(above.mean())
    delta = 2 * area - 1
    if min(m, n) < _LEAST or not 0 < area < 1:
        return (delta, np.nan, np.nan)
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n) / (area * (1 - area))
    reach = stats.norm.ppf((1 + _CONFIDENCE) / 2) * error
    centre = np.log(area / (1 - area))
    low, high = (2 / (1 + np.exp(-(centre + side))) - 1 for side in (-reach, reach))
    return (delta, float(low), float(high))


def median_limits(values: Floats) -> tuple[float, float, float]:
    """Return the median with limits of at least 95 %, from order statistics.

    The limits are NaN for fewer than six values, which cannot bound it.

    Examples
    --------
    >>> median_limits(np.arange(1.0, 11))
    (5.5, 2.0, 9.0)
    """
    from scipy import stats

    n = len(values)
    if n == 0:
        return (np.nan, np.nan, np.nan)
    ordered = np.sort(values)
    rank = int(stats.binom.ppf((1 - _CONFIDENCE) / 2, n, 0.5))
    if rank == 0:
        return (float(np.median(values)), np.nan, np.nan)
    return (float(np.median(values)), float(ordered[rank - 1]), float(ordered[n - rank]))


def _check(groups: Sequence[Floats]) -> None:
    if len(groups) < _LEAST:
        msg = "needs at least two groups"
        raise ValueError(msg)
    if min(len(values) for values in groups) < _LEAST:
        msg = f"needs two values in each group, has {[len(values) for values in groups]}"
        raise ValueError(msg)
    pooled = np.concatenate(list(groups))
    if not np.isfinite(pooled).all():
        msg = "holds values that are no finite numbers"
        raise ValueError(msg)
    if (pooled == pooled[0]).all():
        msg = f"is constant ({pooled[0]:g})"
        raise ValueError(msg)


def _noncentrality_limits(h: float, df: int) -> tuple[float, float]:
    """Return the noncentralities under which H would be at the edge of 95 %."""
    from scipy import optimize, stats

    tail = (1 - _CONFIDENCE) / 2

    def limit(probability: float) -> float:
        def excess(noncentrality: float) -> Any:
            return stats.ncx2.cdf(h, df, noncentrality) - probability

        if stats.chi2.cdf(h, df) <= probability:
            return 0.0
        top = 4 * h + 40
        return float(optimize.brentq(excess, 1e-12, top, xtol=1e-9))

    lower = limit(1 - tail)
    h = max(h, float(stats.chi2.median(df)))
    return lower, limit(tail)
