"""Tests of one variable between populations, as the papers did them and as is recommended."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npsle_app.arrays import Floats
from npsle_app.cohort.estimators.rank_tests import FEW, kruskal_wallis, to_long

_SEED = 20260101
_LEAST_EXPECTED = 5
_PERMUTATIONS = 9999
_MAX_SKEWNESS = 1.0
_LEAST_QQ = 0.95
LEAST_FOR_SHAPE = 8
_PAIR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A test's name, statistic (NaN for exact tests), degrees of freedom and p-value."""

    name: str
    statistic: float
    df: float
    p: float


def compare_counts(table: NDArray[np.int_], *, recommended: bool) -> Comparison:
    """Compare shares between populations.

    Pearson's χ² without continuity correction, which statistics packages print. Where it is
    recommended and an expected count lies below 5, or a group has fewer than 10, Fisher's exact
    test (2 × 2), or its generalisation by 9,999 tables drawn with the same margins.

    Parameters
    ----------
    table : (populations, levels) array
        Counts.

    Raises
    ------
    ValueError
        If fewer than two populations, or two levels, have anyone.
    """
    from scipy import stats

    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(kept.shape) < _PAIR:
        msg = "has one level only, or one population with values"
        raise ValueError(msg)
    found = stats.chi2_contingency(kept, correction=False)
    enough = found.expected_freq.min() >= _LEAST_EXPECTED and kept.sum(axis=1).min() >= FEW
    if not recommended or enough:
        return Comparison(
            name="Pearson χ²",
            statistic=float(found.statistic),
            df=float(found.dof),
            p=float(found.pvalue),
        )
    if kept.shape == (_PAIR, _PAIR):
        p = float(stats.fisher_exact(kept).pvalue)
        return Comparison(name="Fisher's exact", statistic=np.nan, df=np.nan, p=p)
    drawn = stats.MonteCarloMethod(rng=np.random.default_rng(_SEED))
    p = float(stats.fisher_exact(kept, method=drawn).pvalue)
    return Comparison(name="Fisher-Freeman-Halton, Monte Carlo", statistic=np.nan, df=np.nan, p=p)


def is_symmetric(samples: Sequence[Floats]) -> bool:
    """Say whether mean and SD describe every sample: by skewness and Q-Q plot.

    Absolute skewness up to 1, and a correlation of at least 0.95 of the ordered values with
    those of a normal distribution; samples of fewer than 8 cannot show it. A test of
    normality is not used: in large samples it rejects what does not matter, in small ones it
    finds nothing.
    """
    from scipy import stats

    for values in samples:
        if len(values) < LEAST_FOR_SHAPE or np.ptp(values) == 0:
            return False
        skewness = stats.skew(values, bias=False)
        correlation = stats.probplot(values)[1][2]
        if abs(skewness) > _MAX_SKEWNESS or correlation < _LEAST_QQ:
            return False
    return True


def compare_numbers(samples: Sequence[Floats], *, symmetric: bool, recommended: bool) -> Comparison:
    """Compare a variable between populations.

    Symmetric: Student's t or analysis of variance as the papers did, Welch's where it is
    recommended. Else Mann-Whitney (normal approximation with ties, no continuity correction)
    or Kruskal-Wallis. Where it is recommended and a group has fewer than 10, p is exact (ranks
    of two groups without ties) or that of 9,999 permutations. pingouin computes the others; its
    Mann-Whitney test lays out all pairs of values, 0.3 GB for two times 3,750.

    Raises
    ------
    ValueError
        If a population has fewer than two values, or all values are equal.
    """
    if len(samples) < _PAIR or min(map(len, samples)) < _PAIR:
        msg = f"needs two values in each population, has {[len(values) for values in samples]}"
        raise ValueError(msg)
    pooled = np.concatenate(list(samples))
    if np.ptp(pooled) == 0:
        msg = f"is constant ({pooled[0]:g})"
        raise ValueError(msg)
    few = recommended and min(map(len, samples)) < FEW
    if not symmetric:
        return _compare_few_ranks(samples) if few else _compare_ranks(samples)
    if few and len(samples) == _PAIR:
        return _permute_welch(samples)
    if recommended and min(np.ptp(values) for values in samples) == 0:
        msg = "is constant in one population"
        raise ValueError(msg)
    return _compare_means(samples, welch=recommended)


def standardised_difference(one: Floats, other: Floats) -> float:
    """Return (mean of one − mean of the other) / √((s₁² + s₂²) / 2) (Austin 2009).

    NaN if there is no spread, or fewer than two values on a side.
    """
    if min(len(one), len(other)) < _PAIR:
        return np.nan
    spread = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
    return float(one.mean() - other.mean()) / spread if spread else np.nan


def standardised_difference_of_shares(one: Floats, other: Floats) -> float:
    """Return the standardised difference of the shares of levels (Yang 2012).

    Parameters
    ----------
    one, other : (levels,) array
        Counts. For two levels it has the sign of the difference in the last one; for more it
        is a distance, and positive.
    """
    if min(one.sum(), other.sum()) == 0:
        return np.nan
    p, q = (one / one.sum())[1:], (other / other.sum())[1:]
    spread = sum(np.diag(share) - np.outer(share, share) for share in (p, q)) / 2
    distance = float((p - q) @ np.linalg.pinv(spread) @ (p - q))
    size = float(np.sqrt(max(distance, 0.0)))
    return size * float(np.sign(p - q)[0]) if len(p) == 1 else size


def _compare_few_ranks(samples: Sequence[Floats]) -> Comparison:
    from scipy import stats

    if len(samples) > _PAIR:
        ranked = kruskal_wallis(samples)
        return Comparison(
            name="Kruskal-Wallis, permuted", statistic=ranked.h, df=float(ranked.df), p=ranked.p
        )
    ties = len(np.unique(np.concatenate(list(samples)))) < sum(map(len, samples))
    drawn = stats.PermutationMethod(n_resamples=_PERMUTATIONS, rng=np.random.default_rng(_SEED))
    found = stats.mannwhitneyu(*samples, method=drawn if ties else "exact")
    name = "Mann-Whitney U, permuted" if ties else "Mann-Whitney U, exact"
    return Comparison(name=name, statistic=float(found.statistic), df=np.nan, p=float(found.pvalue))


def _permute_welch(samples: Sequence[Floats]) -> Comparison:
    from scipy import stats

    drawn = stats.PermutationMethod(n_resamples=_PERMUTATIONS, rng=np.random.default_rng(_SEED))
    found = stats.ttest_ind(*samples, equal_var=False, method=drawn)
    return Comparison(
        name="Welch's t, permuted",
        statistic=float(found.statistic),
        df=np.nan,
        p=float(found.pvalue),
    )


def _compare_ranks(samples: Sequence[Floats]) -> Comparison:
    import pingouin

    if len(samples) > _PAIR:
        ranked = kruskal_wallis(samples)
        return Comparison(
            name="Kruskal-Wallis", statistic=ranked.h, df=float(ranked.df), p=ranked.p
        )
    found = pingouin.mwu(*samples, use_continuity=False, method="asymptotic").iloc[0]
    return Comparison(
        name="Mann-Whitney U",
        statistic=float(found["U_val"]),
        df=np.nan,
        p=float(found["p_val"]),
    )


def _compare_means(samples: Sequence[Floats], *, welch: bool) -> Comparison:
    import pingouin
    from scipy import stats

    if len(samples) == _PAIR:
        found = pingouin.ttest(*samples, correction=welch).iloc[0]
        return Comparison(
            name="Welch's t" if welch else "Student's t",
            statistic=float(found["T"]),
            df=float(found["dof"]),
            p=float(found["p_val"]),
        )
    if not welch:  # scipy's: pingouin's asks pandas for what a later version will not do
        f, p = stats.f_oneway(*samples)
        df = float(sum(map(len, samples)) - len(samples))
        return Comparison(name="analysis of variance", statistic=float(f), df=df, p=float(p))
    found = pingouin.welch_anova(to_long(samples), dv="value", between="group").iloc[0]
    return Comparison(
        name="Welch's analysis of variance",
        statistic=float(found["F"]),
        df=float(found["ddof2"]),
        p=float(found["p_unc"]),
    )
