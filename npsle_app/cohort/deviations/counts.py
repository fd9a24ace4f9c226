"""How many regions of each person deviate, and how two groups compare in that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats
from npsle_app.cohort.estimators.generalised_linear import (
    choose_dispersion,
    fit_counts,
    robust_effect,
)
from npsle_app.cohort.normative.model import SHARE_OF_TAIL, Tail
from npsle_app.cohort.study.visits import SCAN

PAPER_DISPERSION = 1.0
LEAST_FOR_LIMITS = 30
_LEAST_IN_GROUP = 2
_TOO_NARROW = (
    f"fewer than {LEAST_FOR_LIMITS} people in a group: the limits may be too narrow, read the "
    "permutation test"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountComparison:
    """Counts of one group over those of another.

    Attributes
    ----------
    irr, low, high, p
        Incidence rate ratio per assessed region, 95 % limits and Wald p-value; NaN where a
        group has no deviation at all.
    dispersion
        α of variance = μ + α μ²: estimated, or fixed at 1.
    poisson_overdispersion
        Pearson χ² over its degrees of freedom if counts were Poisson; 1 if they are.
    permutation_p
        Share of shuffles of the groups whose mean rates lie at least as far apart, the data
        among them.
    expected_group, expected_against
        Mean counts that chance alone gives.
    """

    n_group: int
    n_against: int
    mean_group: float
    mean_against: float
    expected_group: float
    expected_against: float
    zeros_group: float
    zeros_against: float
    irr: float
    low: float
    high: float
    p: float
    dispersion: float
    poisson_overdispersion: float
    permutation_p: float
    note: str = ""


def count_deviations(scores: pd.DataFrame, *, tail: Tail = "lower") -> pd.DataFrame:
    """Count each scan's critical deviations.

    Parameters
    ----------
    scores
        As `score` returns them.

    Returns
    -------
    DataFrame
        One row per scan: `participant_id`, `session_id`, `n_regions`, `n_assessed` (regions with
        a label), `n_deviations`, `n_expected` by chance (2.5 % of the assessed, 5 % for both
        tails) and `reason`. With no region assessed the counts are missing, not 0.
    """
    labelled = scores["critical"].notna()
    table = pd.DataFrame(
        {
            **{name: scores[name] for name in SCAN},
            "assessed": labelled,
            "critical": scores["critical"].where(labelled, False).astype(bool),
        }
    )
    grouped = table.groupby(SCAN, sort=True)
    counts = pd.DataFrame(
        {
            "n_regions": grouped.size(),
            "n_assessed": grouped["assessed"].sum(),
            "n_deviations": grouped["critical"].sum().astype(float),
        }
    )
    share = SHARE_OF_TAIL * (2 if tail == "both" else 1)
    counts["n_expected"] = counts["n_assessed"] * share
    none = counts["n_assessed"] == 0
    counts.loc[none, ["n_deviations", "n_expected"]] = np.nan
    reasons = scores[~labelled].groupby(SCAN)["reason"].agg(_join)
    counts["reason"] = reasons.reindex(counts.index).where(lambda told: told.notna(), None)
    return counts.reset_index()


def compare_counts(
    counts: pd.DataFrame,
    *,
    in_group: Bools,
    covariates: Floats | None = None,
    paper: bool = False,
    permutations: int = 9999,
    seed: int = 20260101,
) -> CountComparison:
    """Compare two groups by negative binomial regression with ln(assessed regions) as offset.

    The dispersion is estimated by maximum likelihood and the limits robust (HC3, by t); as
    published it is fixed at 1 with a Pearson scale. Regions of one brain depend on each
    other, so a permutation test that needs no model stands beside it.

    Parameters
    ----------
    counts
        As `count_deviations` returns them; people without a count are passed over.
    in_group : (n,) array
        Who is in the group; the others are what it is compared with.
    covariates : (n, k) array, optional
        Complete. The permutation test leaves them out.

    Raises
    ------
    ValueError
        If a group has fewer than two people with a count.
    """
    there = counts["n_deviations"].notna().to_numpy()
    y = counts["n_deviations"].to_numpy(dtype=float)[there]
    assessed = counts["n_assessed"].to_numpy(dtype=float)[there]
    group = np.asarray(in_group, dtype=bool)[there]
    if min(group.sum(), (~group).sum()) < _LEAST_IN_GROUP:
        msg = f"{group.sum()} and {(~group).sum()} people with counts; needed are 2 in each group"
        raise ValueError(msg)
    others = np.empty((len(y), 0)) if covariates is None else covariates[there]
    design = np.column_stack([np.ones(len(y)), group, others])
    expected = counts["n_expected"].to_numpy(dtype=float)[there]
    estimate = _estimate(y, design, np.log(assessed), group, paper=paper)
    rng = np.random.default_rng(seed)
    return CountComparison(
        n_group=int(group.sum()),
        n_against=int((~group).sum()),
        mean_group=float(y[group].mean()),
        mean_against=float(y[~group].mean()),
        expected_group=float(expected[group].mean()),
        expected_against=float(expected[~group].mean()),
        zeros_group=float((y[group] == 0).mean()),
        zeros_against=float((y[~group] == 0).mean()),
        permutation_p=_permute(y / assessed, group, permutations=permutations, rng=rng),
        **estimate,
    )


def _join(reasons: pd.Series) -> str:
    return "; ".join(dict.fromkeys(reasons.dropna()))


def _estimate(
    y: Floats, design: Floats, offset: Floats, group: Bools, *, paper: bool
) -> dict[str, Any]:
    poisson = fit_counts(y, design=design, dispersion=0.0, offset=offset)
    obstacle = _find_obstacle(y, group)
    dispersion = PAPER_DISPERSION if paper else choose_dispersion(y, design=design, offset=offset)
    told: dict[str, Any] = {
        "irr": np.nan,
        "low": np.nan,
        "high": np.nan,
        "p": np.nan,
        "dispersion": dispersion,
        "poisson_overdispersion": float(poisson.pearson_chi2 / poisson.df_resid),
    }
    if obstacle:
        return told | {"note": obstacle}
    if paper:
        fit = fit_counts(y, design=design, dispersion=dispersion, offset=offset, scale="X2")
        (low, high), p = np.asarray(fit.conf_int())[1], float(fit.pvalues[1])
    else:
        fit = fit_counts(y, design=design, dispersion=dispersion, offset=offset)
        effect = robust_effect(fit, place=1)
        low, high, p = effect.low, effect.high, effect.p
    few = min(group.sum(), (~group).sum()) < LEAST_FOR_LIMITS
    ratios = dict(zip(("irr", "low", "high"), np.exp([fit.params[1], low, high]), strict=True))
    return (
        told
        | {name: float(one) for name, one in ratios.items()}
        | {
            "p": p,
            "note": _TOO_NARROW if few else "",
        }
    )


def _find_obstacle(y: Floats, group: Bools) -> str:
    if min(y[group].sum(), y[~group].sum()) == 0:
        return "a group has no deviation at all: no ratio can be estimated"
    if np.ptp(y[group]) == 0 and np.ptp(y[~group]) == 0:
        return "counts do not differ within the groups: the ratio has no standard error"
    return ""


def _permute(rates: Floats, group: Bools, *, permutations: int, rng: np.random.Generator) -> float:
    """Compare the difference of mean rates with that of shuffled groups, in a plain loop.

    scipy's `permutation_test` would draw others from the same seed.
    """
    seen = abs(rates[group].mean() - rates[~group].mean())
    size, total, n = int(group.sum()), rates.sum(), len(rates)
    beyond = 0
    for _ in range(permutations):
        part = rng.permutation(rates)[:size].sum()
        difference = abs(part / size - (total - part) / (n - size))
        beyond += difference >= seen - 1e-12 * max(seen, 1.0)
    return (1 + beyond) / (1 + permutations)
