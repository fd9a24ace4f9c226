"""Tests of ranks between groups, with the size of the difference and its interval.

pingouin compares all groups and gives the size of a difference. Own are Dunn's test, which no
library of the app has, and the limits of ε² and δ, which pingouin gives without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.discrimination import auc_interval, delong

_LEAST = 2  # a group of one has no spread
_CONFIDENCE = 0.95
FEW = 10  # in a group: below, the χ² distribution of H is too coarse
_PERMUTATIONS = 9999
_SEED = 20260101


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
    Where a group has fewer than 10, p is that of 9,999 permutations of the groups.

    Raises
    ------
    ValueError
        For fewer than two groups, a group of fewer than two, or values that are all equal.
    """
    import pingouin

    _check(groups)
    found = pingouin.kruskal(to_long(groups), dv="value", between="group").iloc[0]
    n, h, df = sum(map(len, groups)), float(found["H"]), int(found["ddof1"])
    limits = [min(one / (n - 1), 1.0) for one in _noncentrality_limits(h, df)]
    epsilon2 = h / (n - 1)
    return KruskalWallis(
        n=n,
        h=h,
        df=df,
        p=_permute_h(groups) if min(map(len, groups)) < FEW else float(found["p_unc"]),
        epsilon2=epsilon2,
        low=min(limits[0], epsilon2),
        high=max(limits[1], epsilon2),
    )


def _permute_h(groups: Sequence[Floats]) -> float:
    """Return the share of orders of the ranks with Σ R²ⱼ/nⱼ at least as large as that seen."""
    from scipy import stats

    ranks = stats.rankdata(np.concatenate(list(groups)))
    sizes = np.array([len(values) for values in groups])
    edges = np.append(0, np.cumsum(sizes)[:-1])
    rng = np.random.default_rng(_SEED)
    orders = np.vstack([ranks, rng.permuted(np.tile(ranks, (_PERMUTATIONS, 1)), axis=1)])
    spread = (np.add.reduceat(orders, edges, axis=1) ** 2 / sizes).sum(axis=1)
    return float((spread >= spread[0] * (1 - 1e-12)).mean())


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
    import pingouin
    from scipy import stats

    _check(list(groups.values()))
    ranks = stats.rankdata(np.concatenate(list(groups.values())))
    total = len(ranks)
    spread = total * (total + 1) / 12 * stats.tiecorrect(ranks)
    parts = np.split(ranks, np.cumsum([len(v) for v in groups.values()])[:-1])
    mean_ranks = {name: float(own.mean()) for name, own in zip(groups, parts, strict=True)}
    rows = []
    for first, second in combinations(groups, 2):
        per_rank = 1 / len(groups[first]) + 1 / len(groups[second])
        z = (mean_ranks[second] - mean_ranks[first]) / np.sqrt(spread * per_rank)
        rows.append((first, second, float(z), float(2 * stats.norm.sf(abs(z)))))
    table = pd.DataFrame(rows, columns=["against", "group", "z", "p"])
    for method in ("bonferroni", "holm"):
        table[f"p_{method}"] = pingouin.multicomp(table["p"], method=method)[1]
    return table


def cliffs_delta(group: Floats, *, against: Floats) -> tuple[float, float, float]:
    """Return Cliff's δ = P(group > against) − P(group < against), with 95 % limits.

    The limits are those of the area under the ROC curve, (δ + 1) / 2, on the logit scale with
    DeLong's variance (DeLong 1988, doi:10.2307/2531595); NaN where groups do not overlap or
    have fewer than two values.
    """
    import pingouin

    if min(len(group), len(against)) == 0:
        return (np.nan, np.nan, np.nan)
    area = float(pingouin.compute_effsize(group, against, eftype="CLES"))
    delta = 2 * area - 1
    if min(len(group), len(against)) < _LEAST:
        return (delta, np.nan, np.nan)
    y = np.repeat([1.0, 0.0], [len(group), len(against)])
    _, covariance = delong(np.concatenate([group, against]), y=y)
    limits = auc_interval(area, float(covariance[0, 0]), level=_CONFIDENCE)
    return (delta, 2 * limits.low - 1, 2 * limits.high - 1)


def median_limits(values: Floats) -> tuple[float, float, float]:
    """Return the median with limits of at least 95 %, from order statistics.

    The limits are NaN for fewer than six values, which cannot bound it.

    Examples
    --------
    >>> median_limits(np.arange(1.0, 11))
    (5.5, 2.0, 9.0)
    """
    from scipy import stats

    if not len(values):
        return (np.nan, np.nan, np.nan)
    low, high = stats.quantile_test(values, p=0.5).confidence_interval(_CONFIDENCE)
    return (float(np.median(values)), float(low), float(high))


def to_long(groups: Sequence[Floats]) -> pd.DataFrame:
    """Return one row per value, as pingouin wants it: `value`, and `group` from 0."""
    numbers = np.repeat(np.arange(len(groups)), [len(values) for values in groups])
    return pd.DataFrame({"value": np.concatenate(list(groups)), "group": numbers})


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
    """Return the noncentralities under which H would be at the edge of 95 %, from 0."""
    from scipy import special, stats

    tail = (1 - _CONFIDENCE) / 2
    at_least = max(h, float(stats.chi2.median(df)))
    return (
        float(special.chndtrinc(h, df, 1 - tail)),
        float(special.chndtrinc(at_least, df, tail)),
    )
