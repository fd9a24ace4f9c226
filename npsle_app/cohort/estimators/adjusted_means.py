"""Analysis of covariance: means of groups at equal covariates, and each pair of them.

statsmodels fits the model; R's `emmeans(weights = "proportional")` is the oracle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Floats

_FULL_LEVERAGE = 1 - 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedGroups:
    """What an analysis of covariance gives.

    Attributes
    ----------
    f, p, partial_eta2
        Test of the groups beside the covariates, with equal variances.
    f_hc3, p_hc3
        The same robust to unequal variances (MacKinnon 1985); NaN where a person alone decides
        a coefficient.
    means
        A row per group: `group`, `n`, `mean`, `se`, `low`, `high`, with robust limits if asked.
    pairs
        A row per pair: `against`, `group`, `difference` (group minus against), `se`, `low`,
        `high`, `p`, `p_holm`, `p_tukey` (Tukey-Kramer).
    """

    n: int
    df: int
    df_residual: int
    f: float
    p: float
    f_hc3: float
    p_hc3: float
    partial_eta2: float
    means: pd.DataFrame
    pairs: pd.DataFrame


def compare_adjusted(
    outcome: Floats,
    *,
    groups: Sequence[str],
    covariates: Floats,
    order: Sequence[str],
    robust: bool,
) -> AdjustedGroups:
    """Compare groups at equal covariates.

    Parameters
    ----------
    outcome : (n,) array
        Complete.
    groups
        The group of each person.
    covariates : (n, k) array
        Numbers; adjusted means are those at the mean of each of them.
    order
        The groups; pairs compare the later one with the earlier one.
    robust
        Whether limits and p-values of means and pairs are those of HC3.

    Raises
    ------
    ValueError
        If people are too few, the outcome is constant, or covariates tell the groups apart.
    """
    from statsmodels.regression.linear_model import OLS

    member = np.array([[one == name for name in order] for one in groups], dtype=float)
    centred = covariates - covariates.mean(axis=0)
    design = np.column_stack([member, centred])
    n, width = design.shape
    _check(outcome, design, member)
    model = OLS(outcome, design).fit()
    alone = bool(np.asarray(model.get_influence().hat_matrix_diag).max() > _FULL_LEVERAGE)
    hc3 = None if alone else model.get_robustcov_results("HC3", use_t=True)
    steps = np.eye(len(order))[1:] - np.eye(len(order))[0]
    contrasts = np.column_stack([steps, np.zeros((len(steps), width - len(order)))])
    f = model.f_test(contrasts)
    f_hc3 = None if hc3 is None else hc3.f_test(contrasts)
    share = float(f.fvalue) * len(steps)
    used = hc3 if robust and hc3 is not None else model
    return AdjustedGroups(
        n=n,
        df=len(steps),
        df_residual=n - width,
        f=float(f.fvalue),
        p=float(f.pvalue),
        f_hc3=float(f_hc3.fvalue) if f_hc3 is not None else np.nan,
        p_hc3=float(f_hc3.pvalue) if f_hc3 is not None else np.nan,
        partial_eta2=share / (share + n - width),
        means=_means(used, order, member, width),
        pairs=_pairs(used, order, width),
    )


def _check(outcome: Floats, design: Floats, member: Floats) -> None:
    n, width = design.shape
    if n <= width:
        msg = f"{n} complete participants are too few for {width} coefficients"
        raise ValueError(msg)
    if np.ptp(outcome) == 0:
        msg = f"the outcome is constant ({outcome[0]:g})"
        raise ValueError(msg)
    spread = np.where(np.ptp(design, axis=0) > 0, design.std(axis=0), 1)
    if np.linalg.matrix_rank(design / spread, tol=1e-8 * n) < width or not member.any(axis=0).all():
        msg = "the covariates depend on each other or tell the groups apart"
        raise ValueError(msg)


def _means(model: Any, order: Sequence[str], member: Floats, width: int) -> pd.DataFrame:
    found = model.t_test(np.eye(width)[: len(order)])
    low, high = np.asarray(found.conf_int()).T
    return pd.DataFrame(
        {
            "group": list(order),
            "n": member.sum(axis=0).astype(int),
            "mean": np.asarray(found.effect),
            "se": np.asarray(found.sd).ravel(),
            "low": low,
            "high": high,
        }
    )


def _pairs(model: Any, order: Sequence[str], width: int) -> pd.DataFrame:
    import pingouin
    from scipy import stats

    couples = list(combinations(range(len(order)), 2))
    rows = np.array([np.eye(width)[later] - np.eye(width)[first] for first, later in couples])
    found = model.t_test(rows)
    t, p = np.abs(np.asarray(found.tvalue).ravel()), np.asarray(found.pvalue).ravel()
    low, high = np.asarray(found.conf_int()).T
    df = float(model.df_resid)
    return pd.DataFrame(
        {
            "against": [order[first] for first, _ in couples],
            "group": [order[later] for _, later in couples],
            "difference": np.asarray(found.effect),
            "se": np.asarray(found.sd).ravel(),
            "low": low,
            "high": high,
            "p": p,
            "p_holm": pingouin.multicomp(p, method="holm")[1],
            "p_tukey": stats.studentized_range.sf(t * np.sqrt(2), len(order), df),
        }
    )
