"""Agreement on the same people: numbers by ICC, Bland-Altman and within-subject CV, words by kappa.

Own, as pingouin's `intraclass_corr` asks pandas for what a later version will not do; R's
`psych::ICC` is the oracle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Floats

_LEAST_PEOPLE, _LEAST_READINGS, _LEAST_THINGS = 5, 2, 5
_NOTHING = 1e-12  # of the variance of people


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far readings of the same people agree.

    Attributes
    ----------
    icc2, icc3
        Absolute agreement of single readings by readers at random, ICC(2,1), and consistency
        with these readers, ICC(3,1), each with its 95 % limits (Shrout 1979).
    bias, loa_low, loa_high
        Mean difference of the second reading from the first and the limits of agreement, bias ±
        1.96 SD (Bland 1986); NaN for more than two readings.
    cv
        Within-subject coefficient of variation, the root mean square of SD / mean; NaN where a
        mean is not above 0.
    """

    people: int
    readings: int
    icc2: tuple[float, float, float]
    icc3: tuple[float, float, float]
    bias: float
    loa_low: float
    loa_high: float
    cv: float


def assess_agreement(readings: Floats) -> Agreement:
    """Assess the agreement of readings.

    Parameters
    ----------
    readings : (people, readings) array
        Complete, a column per reader, scan or software.

    Raises
    ------
    ValueError
        If there are fewer than five people or two readings, or all values are equal.
    """
    people, count = readings.shape
    if people < _LEAST_PEOPLE or count < _LEAST_READINGS:
        msg = f"{people} people with {count} readings; needed are {_LEAST_PEOPLE} and 2"
        raise ValueError(msg)
    if np.ptp(readings) == 0:
        msg = f"is constant ({readings[0, 0]:g})"
        raise ValueError(msg)
    bias, spread = np.nan, np.nan
    if count == _LEAST_READINGS:
        difference = readings[:, 1] - readings[:, 0]
        bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    means = readings.mean(axis=1)
    shares = readings.var(axis=1, ddof=1) / np.where(means > 0, means, np.nan) ** 2
    return Agreement(
        people=people,
        readings=count,
        icc2=_correlate(readings, absolute=True),
        icc3=_correlate(readings, absolute=False),
        bias=bias,
        loa_low=bias - 1.96 * spread,
        loa_high=bias + 1.96 * spread,
        cv=float(np.sqrt(shares.mean())),
    )


def _correlate(readings: Floats, *, absolute: bool) -> tuple[float, float, float]:
    """Return ICC(2,1) or ICC(3,1) with 95 % limits (McGraw 1996, doi:10.1037/1082-989X.1.1.30).

    The limits are NaN where readings differ by nothing but their readers.
    """
    from scipy import stats

    n, k = readings.shape
    grand = readings.mean()
    of_people = k * ((readings.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    of_readers = n * ((readings.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    total = ((readings - grand) ** 2).sum()
    rest = (total - of_people * (n - 1) - of_readers * (k - 1)) / ((n - 1) * (k - 1))
    spread = of_readers - rest if absolute else 0.0
    icc = (of_people - rest) / (of_people + (k - 1) * rest + k * spread / n)
    if rest <= _NOTHING * of_people:
        return float(icc), np.nan, np.nan
    if not absolute:
        f = of_people / rest
        freedom = (n - 1) * (k - 1)
        low = f / stats.f.ppf(0.975, n - 1, freedom)
        high = f * stats.f.ppf(0.975, freedom, n - 1)
        return float(icc), float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))
    f_readers = of_readers / rest
    middle = n * (1 + (k - 1) * icc) - k * icc
    freedom = ((n - 1) * (k - 1) * (k * icc * f_readers + middle) ** 2) / (
        (n - 1) * k**2 * icc**2 * f_readers**2 + middle**2
    )
    f_low, f_high = stats.f.ppf(0.975, n - 1, freedom), stats.f.ppf(0.975, freedom, n - 1)
    width = k * of_readers + (k * n - k - n) * rest
    low = n * (of_people - f_low * rest) / (f_low * width + n * of_people)
    high = n * (f_high * of_people - rest) / (width + n * f_high * of_people)
    return float(icc), float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Agreement of two readers.

    Limits are NaN where they agree on everything, or one of them said the same of all.

    Attributes
    ----------
    n
        What both have judged.
    share
        Share of it on which they say the same.
    plain, weighted
        Cohen's kappa (doi:10.1177/001316446002000104), and the same with linear weights, by which
        neighbouring categories half agree (doi:10.1037/h0026256); each with its 95 % limits
        (Fleiss 1969, doi:10.1037/h0028106), which are those of many judgements.
    """

    n: int
    share: float
    plain: tuple[float, float, float]
    weighted: tuple[float, float, float]


def assess_kappa(first: Sequence[str], second: Sequence[str], *, order: Sequence[str]) -> Kappa:
    """Assess how far two readers agree on the same things.

    Parameters
    ----------
    first, second
        What each said, thing by thing.
    order
        All that can be said, from best to worst.

    Raises
    ------
    ValueError
        If there are fewer than five things, or both readers said the same of all.

    Examples
    --------
    >>> found = assess_kappa("aabbc", "aabbb", order="abc")
    >>> round(found.share, 2), round(found.plain[0], 3)
    (0.8, 0.667)
    """
    if len(first) < _LEAST_THINGS:
        msg = f"{len(first)} were judged by both; needed are {_LEAST_THINGS}"
        raise ValueError(msg)
    if len({*first, *second}) == 1:
        msg = f"both said {first[0]} of all {len(first)}: kappa needs more than one answer"
        raise ValueError(msg)
    counts = np.zeros((len(order), len(order)))
    np.add.at(counts, ([*map(order.index, first)], [*map(order.index, second)]), 1)
    return Kappa(
        n=len(first),
        share=float(np.trace(counts) / counts.sum()),
        plain=_weigh(counts, weights=None),
        weighted=_weigh(counts, weights="linear"),
    )


def _weigh(counts: Floats, *, weights: str | None) -> tuple[float, float, float]:
    from statsmodels.stats.inter_rater import cohens_kappa

    if np.trace(counts) == counts.sum():
        return 1.0, np.nan, np.nan
    with np.errstate(all="ignore"):  # z is 0 / 0 where a reader says one thing of all
        found = cohens_kappa(counts, wt=weights)
    kappa = float(found.kappa)
    if not found.std_kappa > 0:
        return kappa, np.nan, np.nan
    return kappa, max(float(found.kappa_low), -1.0), min(float(found.kappa_upp), 1.0)
