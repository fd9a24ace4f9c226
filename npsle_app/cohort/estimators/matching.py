"""Pairs of people who are alike in all but the group: by propensity, the best pairs together."""

import warnings
from dataclasses import dataclass

import numpy as np

from npsle_app.arrays import Bools, Floats, Ints

CALIPER = 0.2  # of the SD of the logit, Austin 2011, doi:10.1002/pst.433
_SURE = 15.0  # log odds per SD that separation alone gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Rows of the group and of the other side, pair by pair, and how far apart their logits are.

    `reach` is the caliper in units of the logit: pairs farther apart are none.
    """

    group: Ints
    against: Ints
    distance: Floats
    reach: float


def match(in_group: Bools, *, covariates: Floats, caliper: float = CALIPER) -> Pairs:
    """Match each of a group with one of the others who would be in it as likely.

    The chance to be in the group given the covariates is that of a logistic regression; pairs
    have the smallest sum of distances of its logit (Rosenbaum 1989,
    doi:10.1080/01621459.1989.10478868), each person in one pair at most, those beyond the
    caliper in none.

    Parameters
    ----------
    in_group : (n,) array
    covariates : (n, k) array
        Complete.
    caliper
        In standard deviations of the logit.

    Raises
    ------
    ValueError
        If a covariate is constant, or the covariates tell the groups apart, so that nobody has
        a match.

    Examples
    --------
    >>> ages = np.array([[30.0], [50.0], [31.0], [49.0], [70.0]])
    >>> found = match(np.array([True, True, False, False, False]), covariates=ages, caliper=1.0)
    >>> [(int(a), int(b)) for a, b in zip(found.group, found.against)]
    [(0, 2), (1, 3)]
    """
    from scipy.optimize import linear_sum_assignment

    logit = _fit_logit(in_group, covariates)
    rows, others = np.flatnonzero(in_group), np.flatnonzero(~in_group)
    reach = caliper * float(logit.std(ddof=1))
    distance = np.abs(logit[rows][:, None] - logit[others][None, :])
    # a pair beyond the caliper costs more than all within it: it is made last, and left out
    cost = np.where(distance <= reach, distance, (reach + 1) * len(in_group))
    first, second = linear_sum_assignment(cost)
    kept = distance[first, second] <= reach
    return Pairs(
        group=rows[first[kept]],
        against=others[second[kept]],
        distance=distance[first, second][kept],
        reach=reach,
    )


def _fit_logit(in_group: Bools, covariates: Floats) -> Floats:
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    spread = covariates.std(axis=0)
    if not covariates.shape[1] or (spread == 0).any():
        msg = "nothing to match by: a covariate is the same in all, or none is left"
        raise ValueError(msg)
    design = np.column_stack([np.ones(len(in_group)), (covariates - covariates.mean(0)) / spread])
    apart = "the covariates tell the groups apart: nobody has a match"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fit = Logit(in_group.astype(float), design).fit(disp=0, maxiter=100)
        except (np.linalg.LinAlgError, PerfectSeparationWarning) as error:
            raise ValueError(apart) from error
    if not np.isfinite(fit.params).all() or np.abs(fit.params).max() > _SURE:
        raise ValueError(apart)
    return np.asarray(design @ fit.params, dtype=np.float64)
