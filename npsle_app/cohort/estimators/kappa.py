"""Agreement of two readers on categories: Cohen's kappa, plain and weighted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST = 5


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
    if len(first) < _LEAST:
        msg = f"{len(first)} were judged by both; needed are {_LEAST}"
        raise ValueError(msg)
    if len({*first, *second}) == 1:
        msg = f"both said {first[0]} of all {len(first)}: kappa needs more than one answer"
        raise ValueError(msg)
    counts = np.zeros((len(order), len(order)))
    np.add.at(counts, ([*map(order.index, first)], [*map(order.index, second)]), 1)
    return Kappa(
        n=len(first),
        share=float(np.trace(counts) / counts.sum()),
        plain=_measure(counts, weights=None),
        weighted=_measure(counts, weights="linear"),
    )


def _measure(counts: NDArray[np.float64], *, weights: str | None) -> tuple[float, float, float]:
    from statsmodels.stats.inter_rater import cohens_kappa

    if np.trace(counts) == counts.sum():
        return 1.0, np.nan, np.nan
    with np.errstate(all="ignore"):  # z is 0 / 0 where a reader says one thing of all
        found = cohens_kappa(counts, wt=weights)
    kappa = float(found.kappa)
    if not found.std_kappa > 0:
        return kappa, np.nan, np.nan
    return kappa, max(float(found.kappa_low), -1.0), min(float(found.kappa_upp), 1.0)
