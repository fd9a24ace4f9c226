"""How many regions of each person deviate, and how two groups compare in that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsle_app.arrays import Bools, Floats
from npsle_app.cohort.normative.model import SHARE_OF_TAIL, Tail
from npsle_app.cohort.study.visits import SCAN

PAPER_DISPERSION = 1.0
_SMALLEST_LN, _LARGEST_LN = -12.0, 6.0  # of the dispersion
_POISSON = 1e-5  # a dispersion below this is none
_LEAST_IN_GROUP = 2


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

    The dispersion is estimated by maximum likelihood and the standard error robust (HC3); as
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
    poisson = _fit(y, design, offset, dispersion=0.0)
    note = _find_obstacle(y, group)
    dispersion = PAPER_DISPERSION if paper else _choose_dispersion(y, design, offset)
    told: dict[str, Any] = {
        "irr": np.nan,
        "low": np.nan,
        "high": np.nan,
        "p": np.nan,
        "dispersion": dispersion,
        "poisson_overdispersion": float(poisson.pearson_chi2 / poisson.df_resid),
    }
    if note:
        return told | {"note": note}
    kind = {"scale": "X2"} if paper else {"cov_type": "HC3"}
    fit = _fit(y, design, offset, dispersion=dispersion, **kind)
    low, high = np.exp(np.asarray(fit.conf_int())[1])
    irr = float(np.exp(fit.params[1]))
    return told | {"irr": irr, "low": float(low), "high": float(high), "p": float(fit.pvalues[1])}


def _find_obstacle(y: Floats, group: Bools) -> str:
    if min(y[group].sum(), y[~group].sum()) == 0:
        return "a group has no deviation at all: no ratio can be estimated"
    if np.ptp(y[group]) == 0 and np.ptp(y[~group]) == 0:
        return "counts do not differ within the groups: the ratio has no standard error"
    return ""


def _fit(y: Floats, design: Floats, offset: Floats, *, dispersion: float, **kind: str) -> Any:
    import warnings

    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    family = families.NegativeBinomial(alpha=dispersion) if dispersion else families.Poisson()
    with warnings.catch_warnings():  # counts that a mean describes exactly are told apart before
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        return GLM(y, design, family=family, offset=offset).fit(**kind)


def _choose_dispersion(y: Floats, design: Floats, offset: Floats) -> float:
    """Maximise the profile likelihood of the dispersion; 0 where counts are Poisson."""
    from scipy import optimize

    def cost(ln_dispersion: float) -> float:
        return -float(_fit(y, design, offset, dispersion=float(np.exp(ln_dispersion))).llf)

    found = optimize.minimize_scalar(cost, bounds=(_SMALLEST_LN, _LARGEST_LN), method="bounded")
    dispersion = float(np.exp(found.x))
    return dispersion if dispersion > _POISSON else 0.0


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
